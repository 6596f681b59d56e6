"""The TypeScript types and examples for front ends."""
