"""The Compose stack with its monitoring, and users who send requests to it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import httpx2 as httpx

from tests.observability.dashboards import panel_query, values
from tests.support.command import free_port
from tests.support.stack.compose_stack import LIMITS, Stack, running_stack
from tests.support.waiting import TIMEOUT_SECONDS, wait_until

# What a user does again and again: with a client, a pause in seconds, and an event that ends it.
Work = Callable[[httpx.Client, float, threading.Event], None]

LOAD_SECONDS = 60
SERVICES = "SERVICES=api nginx prometheus"
LOCK_TASK_TABLE = (
    "DO $$ BEGIN FOR turn IN 1..{turns} LOOP LOCK TABLE task; PERFORM pg_sleep({seconds}); COMMIT; "
    "PERFORM pg_sleep(0.005); END LOOP; END $$"
)


@dataclass(frozen=True)
class MonitoredStack:
    """A stack, and the base URLs of its Prometheus and Alertmanager."""

    stack: Stack
    prometheus: str
    alertmanager: str

    def values(self, query: str) -> dict[str, float]:
        """The current values of an instant query, by the label values of each series."""
        return values(self.prometheus, query)

    def wait_for(self, query: str, holds: Callable[[float], bool], series: str = "") -> None:
        """Wait until a series of the result, whose labels contain ``series``, has such a value."""
        wait_until(
            lambda: any(holds(v) for name, v in self.values(query).items() if series in name)
        )

    def wait_for_panel(
        self, title: str, holds: Callable[[float], bool], series: str = "", query: int = 0
    ) -> None:
        """Wait until the panel with this title shows such a value."""
        self.wait_for(panel_query(title, query), holds, series)

    def alerts(self) -> set[str]:
        """The names of the alerts that Alertmanager received."""
        received = httpx.get(f"{self.alertmanager}/api/v2/alerts").json()
        return {alert["labels"]["alertname"] for alert in received}

    def failures(self) -> float:
        """The number of 5xx answers of the API itself until the last scrape."""
        return max(self.values('sum(http_requests_total{status=~"5.."})').values(), default=0)

    def lock_task_table(self, turns: int, seconds: float) -> None:
        """Lock the task table so many times, for so many seconds each."""
        self.stack.psql(LOCK_TASK_TABLE.format(turns=turns, seconds=seconds))


@contextmanager
def monitored_stack(limits: str = LIMITS) -> Iterator[MonitoredStack]:
    """Start the stack with all of its monitoring but Grafana."""
    ports = {name: f"{free_port()}" for name in ("PROMETHEUS_PORT", "ALERTMANAGER_PORT")}
    with running_stack(limits, **ports) as stack:
        stack.make("up", SERVICES)
        yield MonitoredStack(stack, *(f"http://127.0.0.1:{port}" for port in ports.values()))


def each_operation(user: httpx.Client, pause: float, done: threading.Event) -> None:
    """Every operation once, and some client errors."""
    user.post("/tasks", json={"title": ""})
    created = user.post("/tasks", json={"title": "a task"})
    if done.wait(pause) or created.status_code != httpx.codes.CREATED:
        return
    path = f"/tasks/{created.json()['id']}"
    user.get("/tasks", params={"limit": 20})
    user.patch(f"{path}/complete")
    user.put(path, json={"priority": "high"})
    user.patch(path, json={"priority": "low"})
    done.wait(pause)
    user.get(path)
    user.delete(path)
    user.get(path)


def one_create(user: httpx.Client, _pause: float, _done: threading.Event) -> None:
    """A write alone: nginx sends a read that was cut to another worker."""
    user.post("/tasks", json={"title": "a task"})


@contextmanager
def user_traffic(
    stack: Stack, users: int, pause: float = 0.5, work: Work = each_operation
) -> Iterator[None]:
    """So many users send requests until the block ends."""
    done = threading.Event()
    names = [f"user-{uuid4().hex}" for _ in range(users)]
    tokens = stack.run("api", "python", "-m", "deploy.local.access_token", "--sub", *names).split()
    with ThreadPoolExecutor(users) as pool:
        users_running = [
            pool.submit(_user, stack, name, token, done, pause, work)
            for name, token in zip(names, tokens, strict=True)
        ]
        try:
            yield
        finally:
            done.set()
    for one in users_running:
        one.result()


def _user(
    stack: Stack, name: str, token: str, done: threading.Event, pause: float, work: Work
) -> None:
    with httpx.Client(
        base_url=f"{stack.base_url}/api/{name}",
        headers={"Authorization": f"Bearer {token}"},
        verify=stack.trust(),
        timeout=TIMEOUT_SECONDS,
    ) as user:
        while not done.wait(pause):
            # A worker that is killed between an answer's head and its body cuts the answer.
            with suppress(httpx.RemoteProtocolError):
                work(user, pause, done)
