"""A stack in a clone of its own whose settings, sources and files tests change while it runs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

from tests.deploy.clones import clone
from tests.support.command import running
from tests.support.database.embedded_postgres import readable_folder
from tests.support.stack.compose_project import BUILD_SECONDS
from tests.support.stack.compose_stack import Stack, project_settings, require_engine

SECRETS = ("a first secret of at least thirty-two bytes", "second secret of at least thirty-two")
UP = ("make", "up", "SERVICES=api nginx edge")
LONG_RUNNING = ("db", "api", "nginx", "edge")
PLAIN = ("docker", "compose", "up", "--detach", "--wait", *LONG_RUNNING)
# An image is built beside the traffic, so that a commit may take seconds.
PATIENT = {
    "STATEMENT_TIMEOUT_SECONDS": "8",
    "DATABASE_DEADLINE_SECONDS": "9",
    "POOL_WAIT_SECONDS": "8",
    "CONNECT_DEADLINE_SECONDS": "9",
}
SCALE = ("docker", "compose", "up", "--detach", "--wait", "--no-recreate", "--scale")
FROZEN_SECONDS = 10
WRONG_URL = "postgresql://postgres:wrong@db:5432/postgres?sslmode=disable"
CANARY_LIMITS = """
limit_req_zone $http_x_canary zone=canary:1m rate=1r/m;
limit_req zone=canary;
limit_req_status 429;
"""


class ChangedStack(Stack):
    """The commands of an operator who changes it."""

    @property
    def lock(self) -> Path:
        """What excludes another ``make up``."""
        return Path(tempfile.gettempdir()) / f"{self.image}.up.lock"

    def set(self, **settings: str) -> None:
        """Write the settings, and the ports, into ``.env``."""
        ports = {n: self.settings[n] for n in ("HTTPS_PORT", "HTTP_PORT")}
        usual = {"NGINX_LIMITS": "limits.conf", "BETTER_AUTH_SECRET": SECRETS[0]}
        every = usual | PATIENT | {"BETTER_AUTH_URL": ""} | ports | settings
        text = "".join(f"{name}={value}\n" for name, value in every.items())
        (self.clone / ".env").write_text(text)

    def release(self, line: str) -> None:
        """Append a line to the API's sources."""
        with (self.clone / "api" / "main.py").open("a") as source:
            source.write(f"{line}\n")

    def withdraw(self, line: str) -> None:
        """Remove that line."""
        path = self.clone / "api" / "main.py"
        path.write_text(path.read_text().replace(f"{line}\n", ""))

    def replace(self, name: str, text: str) -> None:
        """Replace a file by renaming, as editors do."""
        draft = self.clone / f"{name}.new"
        draft.write_text(text)
        draft.rename(self.clone / name)

    def renew_certificate(self) -> None:
        """Let the next ``make up`` make a new certificate."""
        self.compose("run", "--rm", "--no-deps", "prepare", "rm", "/volumes/nginx/tls.crt")

    def scale(self, replicas: int) -> None:
        """Add or remove replicas of the API with plain Compose."""
        self.said(*SCALE, f"api={replicas}", "api")

    def replicas(self) -> list[str]:
        """The running containers of the API."""
        return self.compose("ps", "--quiet", "api").split()

    def containers(self, *services: str) -> dict[str, list[str]]:
        """The ids and start times of the containers of each service."""
        words = ("inspect", "--format", "{{.Id}} {{.State.StartedAt}}")
        return {
            name: sorted(
                self.docker(*words, *self.compose("ps", "--quiet", name).split()).splitlines()
            )
            for name in services
        }

    def get(self, path: str, headers: dict[str, str]) -> int:
        """The status of a GET with these headers."""
        return httpx.get(self.base_url + path, headers=headers, verify=self.trust()).status_code

    def image_id(self) -> str:
        """The id of the image that has the API's name."""
        return self.docker("image", "inspect", "--format", "{{.Id}}", self.image).strip()

    def is_healthy(self, container: str) -> bool:
        """Whether the engine's health check of the container passes."""
        words = ("inspect", "--format", "{{.State.Health.Status}}", container)
        return self.docker(*words).strip() == "healthy"

    def secret(self, name: str) -> str:
        """A secret that the API reads at its next start."""
        return self.run("api", "cat", f"/run/secrets-api/{name}")

    def fails(self, *words: str) -> list[str]:
        """The error lines of a command that fails."""
        with running(*words, cwd=self.clone, settings=self.settings) as command:
            assert command.process.wait(BUILD_SECONDS) != 0
            return command.error_lines()


@contextmanager
def changed_stack() -> Iterator[ChangedStack]:
    """A running stack with two secrets known to the tests, and without rate limits."""
    require_engine()
    with readable_folder() as path:
        clone(path)
        usual = project_settings(path / ".data")
        names = ("COMPOSE_PROJECT_NAME", "DATA_DIR", "HTTPS_PORT", "HTTP_PORT")
        stack = ChangedStack({name: usual[name] for name in names}, path)
        (path / "limits.conf").write_text("")
        stack.set()
        try:
            stack.said(*UP)
            yield stack
        finally:
            stack.remove()
