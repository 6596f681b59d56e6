"""What workers say of themselves, added up."""

import time

from api import __version__
from tests.support.gunicorn import gunicorn
from tests.support.metrics import scrape, series, total


def test_two_workers_say_what_they_are_and_use(database_url: str) -> None:
    with gunicorn(database_url, REVISION="abc123", POOL_SIZE="3", MAX_IN_FLIGHT="7") as server:
        time.sleep(0.5)
        text = scrape(server.base)

    assert total(text, "tasks_workers") == 2
    assert total(text, "tasks_in_flight_limit") == 14
    assert total(text, "tasks_db_pool_size") == 6
    assert total(text, "tasks_db_pool_used") == total(text, "tasks_in_flight") == 0
    assert total(text, "tasks_db_failures") == 0
    assert total(text, "tasks_open_files") > 20
    assert total(text, "tasks_memory_bytes") > 50e6
    assert 0 < total(text, "tasks_metrics_folder_ratio") < 1
    assert f'tasks_build_info{{revision="abc123",version="{__version__}"}}' in series(text)
