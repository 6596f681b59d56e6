"""The documents show what results.json holds, and capacity follows from it."""

import json
from typing import Any

import pytest

from tests.bench import capacity, interpreter, published, report
from tests.bench.servers import PRODUCT
from tests.bench.workload import CREATE, EDDSA, LIST, ONE, TOGGLE
from tests.support.command import ROOT

CPU = {LIST: 400, ONE: 300, CREATE: 600, TOGGLE: 500, EDDSA[LIST]: 420, EDDSA[ONE]: 330}


def entries(**more: Any) -> list[dict[str, Any]]:
    """Results of the product with these CPU times."""
    names = CPU.items()
    return [{"operation": n, "target": PRODUCT, "cpu_us": c, **more} for n, c in names]


def figures(text: str) -> dict[str, str]:
    """The second column of a table by its first."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines()[2:]]
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("document", published.PARTS)
def test_document_shows_the_committed_results(document: str) -> None:
    results = json.loads(report.RESULTS.read_text())

    assert published.shown(document) == published.PARTS[document](results)


def test_capacity_is_the_sum_over_the_shares_of_requests() -> None:
    found = figures(capacity.table(entries(database_cpu_us=200, log_bytes=400)))
    # Microseconds per request: 0.6 * 430 + 0.25 * 330 + 0.05 * 630 + 0.1 * 530 = 425.
    cores = 425e-6 * 50e6 / 86_400 * 5

    assert found["requests a second, peak"] == "2,894"
    assert found["cores busy with the API"] == f"{cores:.1f}" == "1.2"
    assert found["workers"] == "3"
    assert found["database connections"] == "30"
    assert found["PostgreSQL's cores"] == "1"
    assert found["gigabytes of log a day"] == "20"


def test_capacity_leaves_out_what_was_not_measured() -> None:
    assert "PostgreSQL's cores" not in figures(capacity.table(entries()))


def test_interpreter_is_named_with_its_build(monkeypatch: pytest.MonkeyPatch) -> None:
    on_host = interpreter.description()
    monkeypatch.setenv(interpreter.INSIDE, "1")

    assert "--enable-optimizations" in on_host
    assert interpreter.description().endswith(f"of the image {interpreter.base()}")


def test_image_is_that_of_the_api() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert f"FROM {interpreter.base()}\n" in dockerfile
