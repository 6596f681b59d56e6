"""Runtime metrics of the workers, summed."""

import resource
import time

from api import __version__
from api.telemetry.runtime_metrics import INTERVAL_SECONDS
from tests.support.http.gunicorn import gunicorn
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, series, total
from tests.support.waiting import wait_until

DIRECTORY_USED = "tasks_api_metrics_directory_used_ratio"


def test_runtime_metrics_of_two_workers_are_summed(database_url: str) -> None:
    with gunicorn(database_url, REVISION="abc123", POOL_SIZE="3", MAX_IN_FLIGHT="7") as server:
        # A worker sets these last, at its start and in each interval.
        wait_until(lambda: total(scrape(server.base), "tasks_api_db_pool_size") == 6)
        wait_until(lambda: total(scrape(server.base), DIRECTORY_USED) > 0)
        text = scrape(server.base)

    assert total(text, "tasks_api_workers") == 2
    assert total(text, "tasks_api_in_flight_limit") == 14
    assert total(text, "tasks_api_db_pool_size") == 6
    assert total(text, "tasks_api_db_pool_used") == total(text, "tasks_api_in_flight") == 0
    assert total(text, "tasks_api_db_failures") == 0
    assert total(text, "tasks_api_open_files") > 20
    assert total(text, "tasks_api_memory_bytes") > 50e6
    assert 0 < total(text, DIRECTORY_USED) < 1
    assert f'tasks_api_build_info{{revision="abc123",version="{__version__}"}}' in series(text)


def test_sampling_continues_after_descriptor_exhaustion(database_url: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serve(make_settings(database_url=database_url)) as base:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            time.sleep(3 * INTERVAL_SECONDS)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        used = total(scrape(base), "tasks_api_cpu_seconds_total")
        wait_until(lambda: total(scrape(base), "tasks_api_cpu_seconds_total") > used)
