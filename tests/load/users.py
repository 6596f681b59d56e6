"""A simulated user of the todo application."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from locust import HttpUser, constant_throughput, task

USERS = 8
# Requests per second of all users; nginx allows 50 for one address and 20 for one token.
RATE = float(os.environ.get("RATE", "40"))
URL = os.environ.get("URL", "")
HOST = URL or f"https://localhost:{os.environ.get('HTTPS_PORT', '8443')}"
# `make up` writes the certificate there.
CERTIFICATE = Path(os.environ.get("DATA_DIR") or ".data") / "tls.crt"
TRUST: str | bool = True if URL else str(CERTIFICATE)
PYTHON = [sys.executable] if URL else ["docker", "compose", "exec", "-T", "api", "python"]


def check_target() -> None:
    """Raise ``SystemExit`` with one sentence if there is no API to test."""
    if not URL and not CERTIFICATE.exists():
        raise SystemExit(f"{CERTIFICATE} is not there: `make up` starts the stack and writes it.")
    try:
        requests.get(f"{HOST}/livez", verify=TRUST, timeout=5).raise_for_status()
    except (requests.RequestException, OSError):
        raise SystemExit(f"Nothing answers at {HOST}: `make up`, or URL= of `make run`.") from None


def tokens(names: list[str]) -> dict[str, str]:
    """A token for each user: from `make run` if URL is given, else from the stack of `make up`."""
    command = [*PYTHON, "-m", "deploy.local.access_token", "--sub", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"No tokens for the users: {done.stderr.strip()}")
    return dict(zip(names, done.stdout.split(), strict=True))


class TaskUser(HttpUser):
    """Mostly reads the list; ``tokens`` has the users that have not started yet, by name.

    ``started`` are those that have made their first requests.
    """

    host = HOST
    wait_time = constant_throughput(RATE / USERS)
    tokens: dict[str, str] = {}
    started: set[str] = set()

    def on_start(self) -> None:
        name, token = self.tokens.popitem()
        self.path = f"/api/{name}/tasks"
        self.ids: list[int] = []
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.client.verify = TRUST
        self.create()
        self.list()
        self.get()
        self.started.add(name)

    def send(
        self, operation: str, method: str, path: str = "", status: int = 200, **more: Any
    ) -> int:
        """Send a request and check its status; the id of the task in the answer, or 0."""
        with self.client.request(
            method, self.path + path, name=operation, catch_response=True, **more
        ) as answer:
            if answer.status_code != status:
                answer.failure(f"{answer.status_code} instead of {status}")
                return 0
            answer.success()
            found = answer.json()
            return found.get("id", 0) if isinstance(found, dict) else 0

    def random_path(self) -> str:
        """The path of a random task of the user."""
        return f"/{random.choice(self.ids)}" if self.ids else "/1"

    @task(60)
    def list(self) -> None:
        self.send("list", "GET", "?status=pending&limit=50")

    @task(15)
    def get(self) -> None:
        if self.ids:
            self.send("get", "GET", self.random_path())

    @task(14)
    def create(self) -> None:
        made = self.send("create", "POST", status=201, json={"title": "Buy milk", "tags": ["home"]})
        self.ids += [made] if made else []

    @task(4)
    def toggle(self) -> None:
        if self.ids:
            self.send("toggle", "PATCH", f"{self.random_path()}/complete")

    @task(4)
    def update(self) -> None:
        if self.ids:
            self.send("update", "PUT", self.random_path(), json={"priority": "high"})

    @task(2)
    def delete(self) -> None:
        if self.ids:
            self.send("delete", "DELETE", f"/{self.ids.pop()}")

    @task(1)
    def mistake(self) -> None:
        self.send("invalid-create", "POST", status=422, json={"title": ""})
        self.send("get-missing", "GET", f"/{2**62}", status=404)
