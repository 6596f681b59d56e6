"""What a request costs here and in another checkout, in alternating rounds.

``python -m tests.bench.request_cost CHECKOUT`` prints CPU microseconds per request, of one worker
and of its PostgreSQL, for one user with 10,000 tasks; the medians of seven rounds.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

import httpx2 as httpx
import psutil

from tests.support.command import ROOT, data_directory, finished, free_port, running
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, unmigrated_server
from tests.support.http.client import token
from tests.support.http.server import SECRET
from tests.support.waiting import wait_until

ROUNDS, REQUESTS, USER = 7, 120, "ann"
TASKS = f"/api/{USER}/tasks"
LIST, CHANGES = f"{TASKS}?limit=20", f"{TASKS}/changes"
NEW = {"title": "Buy milk", "description": "Two bottles"}
FILL = f"""
INSERT INTO task (user_id, title, description, priority, tags, idempotency_key)
SELECT '{USER}', 'task ' || md5(n::text), 'words', 'medium', '{{}}', n
FROM generate_series(1, 10000) n
"""
Send = Callable[[], httpx.Response]


class Side:
    """One checkout's worker on a database of its own."""

    def __init__(self, name: str, client: httpx.Client, gunicorn: int, database: str) -> None:
        self.name, self.client, self.database = name, client, database
        self.workers = [child.pid for child in psutil.Process(gunicorn).children()]
        self.costs: dict[str, list[tuple[float, float]]] = {}

    def operations(self) -> dict[str, Send]:
        """Each operation, reads first: they must meet no change. Some may be refused there."""
        get, post = self.client.get, self.client.post
        task = post(TASKS, json=NEW).json()["id"]
        end = self._end_of_feed()
        known, seen = self._known(LIST), self._known(end)
        key = "Idempotency-Key"
        return {
            "list of 20": lambda: get(LIST),
            "304 of that list": lambda: get(LIST, headers=known),
            "one task": lambda: get(f"{TASKS}/{task}"),
            "empty changes": lambda: get(end),
            "304 of empty changes": lambda: get(end, headers=seen),
            "toggle": lambda: self.client.patch(f"{TASKS}/{task}/complete"),
            "create": lambda: post(TASKS, json=NEW),
            "create with a key": lambda: post(TASKS, json=NEW, headers={key: uuid4().hex}),
        }

    def _known(self, path: str) -> dict[str, str]:
        return {"If-None-Match": self.client.get(path).headers.get("etag", "")}

    def _end_of_feed(self) -> str:
        path, answer = CHANGES, self.client.get(CHANGES)
        while answer.is_success:
            page = answer.json()
            path = f"{CHANGES}?since={page['next']}"
            if not page["more"]:
                break
            answer = self.client.get(path)
        return path

    def measure(self, name: str, send: Send) -> None:
        """Send a round of requests; what is refused does not count."""
        backends = [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if f" {self.database} " in " ".join(process.info["cmdline"] or ())
        ]
        before = cpu(self.workers), cpu(backends)
        for _ in range(REQUESTS):
            answer = send()
        after = cpu(self.workers), cpu(backends)
        if answer.status_code == 304 if name.startswith("304") else answer.is_success:
            worker, database = ((b - a) / REQUESTS for a, b in zip(before, after, strict=True))
            self.costs.setdefault(name, []).append((worker, database))


def cpu(processes: list[int]) -> float:
    """Microseconds of all their threads."""
    threads = (path for pid in processes for path in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((path / "schedstat").read_text().split()[0]) for path in threads) / 1000


@contextmanager
def started(name: str, checkout: Path, server: str) -> Iterator[Side]:
    """The checkout's API with one worker, and 10,000 tasks of a user."""
    with empty_database(server) as url, data_directory() as data:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        settings = {
            "DATABASE_URL": url,
            "DATA_DIR": f"{data}",
            "BETTER_AUTH_SECRET": SECRET,
            "PORT": f"{port}",
            "WORKERS": "1",
            "PROMETHEUS_MULTIPROC_DIR": f"{data}/metrics",
        }
        with finished(sys.executable, "-m", "api.migrations", cwd=checkout, settings=settings):
            pass
        command = (sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py")
        headers = {"Authorization": f"Bearer {token(USER)}"}
        with (
            running(*command, cwd=checkout, settings=settings) as gunicorn,
            httpx.Client(base_url=base, headers=headers) as client,
        ):
            wait_until(lambda: _is_ready(client))
            client.post(TASKS, json=NEW).raise_for_status()
            for statement in (FILL, "ANALYZE task"):
                ask(url, statement)
            database = url.rpartition("/")[2].partition("?")[0]
            yield Side(name, client, gunicorn.process.pid, database)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


def main(other: Path) -> None:
    """Compare, and print a line per operation and side."""
    with ExitStack() as stack:
        server = stack.enter_context(unmigrated_server())
        sides = [
            stack.enter_context(started(name, checkout, server))
            for name, checkout in (("there", other), ("here", ROOT))
        ]
        for _ in range(ROUNDS):
            operations = [side.operations() for side in sides]
            for name in operations[-1]:
                for side, sends in zip(sides, operations, strict=True):
                    side.measure(name, sends[name])
    for name in sides[-1].costs:
        for side in sides:
            if found := side.costs.get(name):
                worker, database = (median(column) for column in zip(*found, strict=True))
                print(f"{name:22}{side.name:8}API {worker:6.0f}   PostgreSQL {database:6.0f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
