"""What one user of the todo application does all day."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from locust import HttpUser, constant_throughput, task

USERS = 8
# nginx lets one address send 50 a second, and one token 20.
RATE = float(os.environ.get("RATE", "40"))
URL = os.environ.get("URL", "")
HOST = URL or f"https://localhost:{os.environ.get('HTTPS_PORT', '8443')}"
# What `make up` left for its users.
CERTIFICATE = Path(os.environ.get("DATA_DIR") or ".data") / "tls.crt"
TRUST: str | bool = True if URL else str(CERTIFICATE)
PYTHON = [sys.executable] if URL else ["docker", "compose", "exec", "-T", "api", "python"]


def look() -> None:
    """End with one sentence where nobody is there to be asked."""
    if not URL and not CERTIFICATE.exists():
        raise SystemExit(f"{CERTIFICATE} is not there: `make up` starts the stack and writes it.")
    try:
        requests.get(f"{HOST}/livez", verify=TRUST, timeout=5).raise_for_status()
    except (requests.RequestException, OSError):
        raise SystemExit(f"Nothing answers at {HOST}: `make up`, or URL= of `make run`.") from None


def tokens(names: list[str]) -> dict[str, str]:
    """Of `make run` where URL is given, else of the stack that `make up` started."""
    command = [*PYTHON, "-m", "deploy.local.access_token", "--sub", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"No tokens for the users: {done.stderr.strip()}")
    return dict(zip(names, done.stdout.split(), strict=True))


class TaskUser(HttpUser):
    """Looks at the list most of the time; ``waiting`` holds those who have not begun."""

    host = HOST
    wait_time = constant_throughput(RATE / USERS)
    waiting: dict[str, str] = {}

    def on_start(self) -> None:
        name, token = self.waiting.popitem()
        self.path = f"/api/{name}/tasks"
        self.ids: list[int] = []
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.client.verify = TRUST
        self.create()

    def ask(self, what: str, method: str, path: str = "", status: int = 200, **more: Any) -> int:
        """The id of the task in the answer, or 0."""
        with self.client.request(
            method, self.path + path, name=what, catch_response=True, **more
        ) as answer:
            if answer.status_code != status:
                answer.failure(f"{answer.status_code} instead of {status}")
                return 0
            answer.success()
            found = answer.json()
            return found.get("id", 0) if isinstance(found, dict) else 0

    def one(self) -> str:
        """The path of one of the user's tasks."""
        return f"/{random.choice(self.ids)}" if self.ids else "/1"

    @task(60)
    def list(self) -> None:
        self.ask("list", "GET", "?status=pending&limit=50")

    @task(15)
    def get(self) -> None:
        if self.ids:
            self.ask("get", "GET", self.one())

    @task(14)
    def create(self) -> None:
        made = self.ask("create", "POST", status=201, json={"title": "Buy milk", "tags": ["home"]})
        self.ids += [made] if made else []

    @task(4)
    def toggle(self) -> None:
        if self.ids:
            self.ask("toggle", "PATCH", f"{self.one()}/complete")

    @task(4)
    def update(self) -> None:
        if self.ids:
            self.ask("update", "PUT", self.one(), json={"priority": "high"})

    @task(2)
    def delete(self) -> None:
        if self.ids:
            self.ask("delete", "DELETE", f"/{self.ids.pop()}")

    @task(1)
    def mistake(self) -> None:
        self.ask("mistake", "POST", status=422, json={"title": ""})
        self.ask("mistake", "GET", f"/{2**62}", status=404)
