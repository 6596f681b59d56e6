"""The table that ``make load`` prints."""


def rows(output: str) -> dict[str, list[str]]:
    """Requests, failures, latencies and the share under 500 ms, by operation."""
    head, *lines = output.splitlines()
    assert head.split()[:3] == ["operation", "requests", "failed"]
    return {name: [part for part in row if part != "ms"] for name, *row in map(str.split, lines)}
