"""The Compose stack as ``make up`` starts it: a project of its own, on free ports."""

import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx

from tests.support.command import ROOT, free_port
from tests.support.database.embedded_postgres import readable_folder
from tests.support.documents import block
from tests.support.http.client import check_response
from tests.support.required_tools import require_tool, skip_without
from tests.support.stack.compose_project import Project
from tests.support.waiting import TIMEOUT_SECONDS, wait_until

LIMITS = (ROOT / "deploy" / "nginx" / "limits.conf").read_text()
NO_LIMITS = ""
MAKE_UP = tuple(block("README.md", "make up").split())
METRICS = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:8000/metrics").read().decode())
"""


class Stack(Project):
    """A running project with the commands of its users and of its operator."""

    @property
    def data(self) -> Path:
        """Where ``make up`` puts the certificate."""
        return Path(self.settings["DATA_DIR"])

    @property
    def https_port(self) -> int:
        """The port of nginx that speaks TLS."""
        return int(self.settings["HTTPS_PORT"])

    @property
    def base_url(self) -> str:
        """The public URL."""
        return f"https://localhost:{self.https_port}"

    def trust(self) -> ssl.SSLContext:
        """A client context that trusts only the stack's certificate."""
        return ssl.create_default_context(cafile=str(self.data / "tls.crt"))

    def up(self) -> str:
        """Run ``make up``; its standard error."""
        return self.said(*MAKE_UP, "SERVICES=api nginx edge")[1]

    def python(self, code: str) -> str:
        """The output of Python code in the API's container."""
        return self.run("api", "python", "-c", code).strip()

    def psql(self, statement: str) -> str:
        """The output of psql as superuser."""
        words = ("--username=postgres", "--tuples-only", "--no-align", "--command", statement)
        return self.run("db", "psql", *words).strip()

    def wait_for_entry(self, service: str, request_id: str) -> None:
        """Wait until a service has logged that request."""
        wait_until(lambda: bool(self.entries(service, request_id)))

    def workers(self) -> list[int]:
        """The workers' process ids in the API's container; the master is 1."""
        return [int(n) for n in self.run("api", "cat", "/proc/1/task/1/children").split()]

    def signal(self, number: signal.Signals, process: int) -> None:
        """Signal a process inside the API's container."""
        self.python(f"import os; os.kill({process}, {int(number)})")

    def wait_for_workers(self, *gone: int) -> list[int]:
        """Wait for two workers that are not in ``gone``; their process ids."""
        wait_until(lambda: len(now := self.workers()) == 2 and not {*now} & {*gone})
        return self.workers()

    def metrics(self) -> str:
        """The API's metrics over all workers."""
        return self.python(METRICS)

    def status(self, path: str = "/livez") -> int:
        """The status of a GET through nginx."""
        return httpx.get(
            self.base_url + path, verify=self.trust(), timeout=TIMEOUT_SECONDS
        ).status_code

    def set_limits(self, text: str) -> None:
        """Load these limits into nginx, and wait until its old workers have exited."""
        before = self._edge_workers()
        Path(self.settings["NGINX_LIMITS"]).write_text(text)
        self.compose("run", "--rm", "--no-deps", "prepare")
        self.run("nginx", "nginx", "-c", "/etc/nginx/generated/nginx.conf", "-s", "reload")
        wait_until(lambda: not before & self._edge_workers())

    def user(self, name: str) -> httpx.Client:
        """A client with a token of ``make token``."""
        token = self.make("token", "FOR=compose", f"SUB={name}").strip()
        return httpx.Client(
            base_url=f"{self.base_url}/api/{name}",
            headers={"Authorization": f"Bearer {token}"},
            event_hooks={"response": [check_response]},
            verify=self.trust(),
            timeout=TIMEOUT_SECONDS,
        )

    def _edge_workers(self) -> set[str]:
        return {*self.run("nginx", "cat", "/proc/1/task/1/children").split()}


@contextmanager
def running_stack(limits: str = LIMITS, clone: Path = ROOT, /, **settings: str) -> Iterator[Stack]:
    """A running stack of a checkout, with these nginx limits."""
    require_engine()
    with readable_folder() as data:
        (data / "limits.conf").write_text(limits)
        stack = Stack(project_settings(data) | settings, clone)
        try:
            stack.up()
            yield stack
        finally:
            stack.remove()


def require_engine() -> None:
    """Skip the test where no Docker engine runs."""
    info = (require_tool("docker"), "info")
    if subprocess.run(info, check=False, capture_output=True).returncode:
        skip_without("a running Docker engine", "docker.io")


def project_settings(data: Path) -> dict[str, str]:
    """Settings for a project of its own: name, free ports, data directory; no ``.env`` is read."""
    return {
        "COMPOSE_PROJECT_NAME": f"tasks-{uuid4().hex[:8]}",
        "COMPOSE_DISABLE_ENV_FILE": "1",
        "HTTPS_PORT": f"{free_port()}",
        "HTTP_PORT": f"{free_port()}",
        "DATA_DIR": f"{data}",
        "NGINX_LIMITS": f"{data / 'limits.conf'}",
    }
