"""The stack with its monitoring services, and user traffic on it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx2 as httpx

from tests.observability.dashboards import panel_query, values
from tests.support.command import free_port
from tests.support.stack.compose_stack import LIMITS, Stack, running_stack
from tests.support.waiting import TIMEOUT_SECONDS, wait_until

LOAD_SECONDS = 60
SERVICES = "SERVICES=api nginx prometheus"
LOCK_TASK_TABLE = (
    "DO $$ BEGIN FOR turn IN 1..{turns} LOOP LOCK TABLE task; PERFORM pg_sleep({seconds}); COMMIT; "
    "PERFORM pg_sleep(0.005); END LOOP; END $$"
)


@dataclass(frozen=True)
class MonitoredStack:
    """A stack, and the URLs of its monitoring services."""

    stack: Stack
    prometheus: str
    alertmanager: str

    def values(self, query: str) -> dict[str, float]:
        """The series that answer now, by their labels."""
        return values(self.prometheus, query)

    def wait_for(self, query: str, holds: Callable[[float], bool], series: str = "") -> None:
        """Until a series of the answer, or this one, has such a value."""
        wait_until(
            lambda: any(holds(v) for name, v in self.values(query).items() if series in name)
        )

    def wait_for_panel(
        self, title: str, holds: Callable[[float], bool], series: str = "", query: int = 0
    ) -> None:
        """Until the panel of this title shows it."""
        self.wait_for(panel_query(title, query), holds, series)

    def alerts(self) -> set[str]:
        """The names of those that Alertmanager was told of."""
        told = httpx.get(f"{self.alertmanager}/api/v2/alerts").json()
        return {alert["labels"]["alertname"] for alert in told}

    def failures(self) -> float:
        """The 5xx that the API itself answered until the last scrape."""
        return max(self.values('sum(http_requests_total{status=~"5.."})').values(), default=0)

    def lock_task_table(self, turns: int, seconds: float) -> None:
        """Lock the task table ``turns`` times for ``seconds`` each."""
        self.stack.psql(LOCK_TASK_TABLE.format(turns=turns, seconds=seconds))


@contextmanager
def monitored_stack(limits: str = LIMITS) -> Iterator[MonitoredStack]:
    """The stack with Prometheus and Alertmanager, without Grafana."""
    ports = {name: f"{free_port()}" for name in ("PROMETHEUS_PORT", "ALERTMANAGER_PORT")}
    with running_stack(limits, **ports) as stack:
        stack.make("up", SERVICES)
        yield MonitoredStack(stack, *(f"http://127.0.0.1:{port}" for port in ports.values()))


@contextmanager
def user_traffic(stack: Stack, users: int, pause: float = 0.5) -> Iterator[None]:
    """Users at work until the block ends."""
    done = threading.Event()
    names = [f"user-{uuid4().hex}" for _ in range(users)]
    tokens = stack.run("api", "python", "-m", "deploy.local.access_token", "--sub", *names).split()
    with ThreadPoolExecutor(users) as pool:
        days = [
            pool.submit(_work, stack, name, token, done, pause)
            for name, token in zip(names, tokens, strict=True)
        ]
        try:
            yield
        finally:
            done.set()
    for day in days:
        day.result()


def _work(stack: Stack, name: str, token: str, done: threading.Event, pause: float) -> None:
    with httpx.Client(
        base_url=f"{stack.base_url}/api/{name}",
        headers={"Authorization": f"Bearer {token}"},
        verify=stack.trust(),
        timeout=TIMEOUT_SECONDS,
    ) as user:
        while not done.wait(pause):
            _turn(user, pause, done)


def _turn(user: httpx.Client, pause: float, done: threading.Event) -> None:
    """One of everything, and some mistakes."""
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
