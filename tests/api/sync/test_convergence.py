"""Many devices of several users converge, whatever fails between them, the API and its database."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

import pytest

from tests.api.resilience.catalogue import FAULTS, Rig
from tests.api.sync.connection import Connection
from tests.api.sync.device import Device
from tests.api.sync.feed_reader import FeedReader
from tests.api.sync.ledger import Ledger, Task
from tests.api.sync.person import Person
from tests.support.command import free_port
from tests.support.database.faulty_proxy import FaultyProxy, faulty_proxy, silenced
from tests.support.database.pgbouncer import pooler
from tests.support.database.restartable_postgres import RestartablePostgres, restartable_postgres
from tests.support.http.gunicorn import gunicorn
from tests.support.waiting import wait_until

OPERATIONS, USERS, DEVICES = 10_000, 3, 3
OUTAGE_SECONDS = 1.0
BETWEEN_SECONDS = 0.3
# Writes of one user overlap, and so do reads and commits, as they do over a network.
SLOW_COMMITS = ("-c", "fsync=on", "-c", "commit_delay=10000", "-c", "commit_siblings=0")
PATIENCE = 300


@contextmanager
def behind_pgbouncer(server: RestartablePostgres) -> Iterator[tuple[FaultyProxy, str]]:
    """A proxy between PgBouncer and its database; PgBouncer tries again after a second."""
    with (
        faulty_proxy(server.url) as (proxy, url),
        pooler(url, size=8, server_login_retry=1) as pooled,
    ):
        yield proxy, pooled.url


WAYS: dict[
    str, Callable[[RestartablePostgres], AbstractContextManager[tuple[FaultyProxy, str]]]
] = {"direct": lambda server: faulty_proxy(server.url), "PgBouncer": behind_pgbouncer}


def delay(network: FaultyProxy) -> None:
    network.delay = 0.05
    time.sleep(OUTAGE_SECONDS)
    network.delay = 0


def silence(network: FaultyProxy) -> None:
    with silenced(network):
        time.sleep(OUTAGE_SECONDS)


def cut(network: FaultyProxy) -> None:
    """The network ends for a while: open connections get no answer, new ones are refused."""
    network.refuse_connections = True
    network.blackhole_connections()
    time.sleep(OUTAGE_SECONDS)
    network.refuse_connections = False


NETWORK_FAULTS = (delay, silence, cut)


class Account:
    """A user with several devices, and a reader of the feed."""

    def __init__(self, port: int, *, erases: bool) -> None:
        self.connection = Connection(port, f"user-{uuid4().hex}")
        self.ledger = Ledger(self.connection.user_id)
        self.reader = FeedReader(self._connection(port))
        self.people = [
            Person(Device(self._connection(port), self.ledger), erases=erases)
            for _ in range(DEVICES)
        ]

    def _connection(self, port: int) -> Connection:
        return Connection(port, self.connection.user_id)

    def check(self, url: str) -> None:
        """Check that devices and reader hold what the API holds, and the API what it promised."""
        held = {task["id"]: task for task in everything(self.connection)}
        assert [person.device.tasks == held for person in self.people] == [True] * DEVICES
        assert self.reader.tasks == held
        assert {task["user_id"] for task in held.values()} == {self.connection.user_id}
        found = self.ledger.broken(url)
        found |= {"feed": [*self.reader.wrong], "skipped": [*self.reader.skipped(self.ledger)]}
        assert {kind: rows[:3] for kind, rows in found.items() if rows} == {}

    def close(self) -> None:
        """Close all connections."""
        for connection in (self.connection, self.reader.connection):
            connection.close()
        for person in self.people:
            person.connection.close()


def everything(connection: Connection) -> list[Task]:
    """All tasks of all pages of the list."""
    found, path = [], ""
    while True:
        answer = connection.get(path)
        found += answer.body
        if not (link := answer.headers["Link"]):
            return found
        path = link[1:].partition(">")[0].removeprefix(connection.path)


@pytest.fixture(scope="module")
def server() -> Iterator[RestartablePostgres]:
    """A PostgreSQL that the test may stop."""
    with restartable_postgres(*SLOW_COMMITS) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_devices_converge_whatever_fails(way: str, server: RestartablePostgres) -> None:
    port, end, started = free_port(), time.monotonic() + PATIENCE, time.monotonic()
    network = FaultyProxy(("127.0.0.1", port))
    accounts = [Account(network.port, erases=number > 0) for number in range(USERS)]
    with WAYS[way](server) as (gate, url):
        with at_work(accounts):
            while sum(account.ledger.count for account in accounts) < OPERATIONS:
                assert time.monotonic() < end, "too slow"
                with gunicorn(url, port) as api:
                    suffer(Rig(api, gate, server, OUTAGE_SECONDS), network)
        with gunicorn(url, port):
            settle(accounts)
            for account in accounts:
                account.check(server.url)
                account.close()
    network.close()

    count = sum(account.ledger.count for account in accounts)
    conflicts = sum(account.ledger.conflicts for account in accounts)
    seconds = time.monotonic() - started
    print(f"\n{way}: {count} operations acknowledged, {conflicts} conflicts, {seconds:.0f} s")
    assert accounts[0].reader.fresh_starts == 0
    assert conflicts > 0


def suffer(rig: Rig, network: FaultyProxy) -> None:
    """Every fault, one after the other; the last one ends gunicorn."""
    for fault in NETWORK_FAULTS:
        time.sleep(BETWEEN_SECONDS)
        fault(network)
    for name in FAULTS:
        time.sleep(BETWEEN_SECONDS)
        FAULTS[name](rig)


@contextmanager
def at_work(accounts: list[Account]) -> Iterator[None]:
    """All devices and readers at work until the block ends, also while the API is down."""
    done = threading.Event()
    people = [person.work for account in accounts for person in account.people]
    work = [*people, *(account.reader.work for account in accounts)]
    with ThreadPoolExecutor(len(work)) as pool:
        try:
            days = [pool.submit(each, done) for each in work]
            yield
        finally:
            done.set()
        for day in days:
            day.result()


def settle(accounts: list[Account]) -> None:
    """Send all that is queued, then let every device and reader see all of it."""
    people = [person for account in accounts for person in account.people]
    with ThreadPoolExecutor(len(people)) as pool:
        for _ in range(2):
            [*pool.map(Person.settle, people)]
    for account in accounts:
        wait_until(account.reader.is_up_to_date)
