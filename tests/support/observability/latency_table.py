"""The table that ``make load`` prints."""


def rows(output: str) -> dict[str, list[str]]:
    """By operation: requests, failures, p50, p95 and p99 in ms, and the share under 500 ms."""
    head, *lines = output.splitlines()
    assert head.split()[:3] == ["operation", "requests", "failed"]
    return {name: [part for part in row if part != "ms"] for name, *row in map(str.split, lines)}
