"""The faults of a run, by their numbers in the catalogue of what may fail."""

import os
import signal
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from tests.api.resilience.test_cuts import TERMINATE
from tests.support.database.faults import task_table_locked
from tests.support.database.faulty_proxy import FaultyProxy, drop_nothing
from tests.support.database.pool import ask
from tests.support.database.restartable_postgres import CRASH, RestartablePostgres
from tests.support.http.gunicorn import Gunicorn

SOMEBODY = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tasks-api' LIMIT 1"


class Rig(NamedTuple):
    """The parts that may fail, and the seconds of an outage."""

    api: Gunicorn
    gate: FaultyProxy
    server: RestartablePostgres
    outage: float


def one_worker_dies(rig: Rig) -> None:
    rig.api.kill(*rig.api.workers()[:1])


def all_workers_die(rig: Rig) -> None:
    rig.api.kill(*rig.api.workers())


def database_stops(rig: Rig) -> None:
    rig.server.stop()
    time.sleep(rig.outage)
    rig.server.start()


def one_backend_dies(rig: Rig) -> None:
    for (backend,) in ask(rig.server.url, SOMEBODY):
        os.kill(backend, signal.SIGKILL)
    rig.server.start()


def database_crashes(rig: Rig) -> None:
    rig.server.restart(CRASH)


def connections_are_cut(rig: Rig) -> None:
    ask(rig.server.url, TERMINATE)


def commits_are_not_answered(rig: Rig) -> None:
    answers = count()
    rig.gate.drops_answer_to = lambda _: next(answers) % 20 == 0
    time.sleep(2)
    rig.gate.drops_answer_to = drop_nothing


def network_swallows_everything(rig: Rig) -> None:
    rig.gate.traffic_flows.clear()
    time.sleep(rig.outage)
    rig.gate.traffic_flows.set()


def pool_is_exhausted(rig: Rig) -> None:
    with task_table_locked(rig.server.url):
        time.sleep(2)


def worker_dies_between_commit_and_answer(rig: Rig) -> None:
    committed = threading.Event()

    def die() -> None:
        rig.api.kill(*rig.api.workers())
        committed.set()

    rig.gate.drops_answer_to, rig.gate.on_dropped_answer = lambda _: not committed.is_set(), die
    assert committed.wait(10)
    rig.gate.drops_answer_to, rig.gate.on_dropped_answer = drop_nothing, lambda: None


def everything_dies(rig: Rig) -> None:
    """All at once; the database comes back first."""
    workers = rig.api.workers()
    rig.api.command.process.send_signal(signal.SIGKILL)
    rig.api.kill(*workers)
    rig.server.restart(CRASH)


FAULTS: dict[str, Callable[[Rig], object]] = {
    "F01": one_worker_dies,
    "F02": all_workers_die,
    "F06": database_stops,
    "F07, one": one_backend_dies,
    "F07": database_crashes,
    "F08": connections_are_cut,
    "F09": commits_are_not_answered,
    "F10": network_swallows_everything,
    "F13": pool_is_exhausted,
    "F30": worker_dies_between_commit_and_answer,
    "F34": everything_dies,
}
