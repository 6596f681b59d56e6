"""What TypeScript front ends are given."""
