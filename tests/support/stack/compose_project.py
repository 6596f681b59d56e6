"""A Docker Compose project: its commands, containers and logs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.command import ROOT, running

BUILD_SECONDS = 600


@dataclass(frozen=True)
class Project:
    """``settings`` are the environment of every command on it, ``clone`` is where they run."""

    settings: Mapping[str, str]
    clone: Path = ROOT

    @property
    def image(self) -> str:
        """The name of the API's image."""
        return self.settings["COMPOSE_PROJECT_NAME"]

    def make(self, *words: str) -> str:
        """The output of a target of the Makefile."""
        return self.said("make", *words)[0]

    def compose(self, *words: str) -> str:
        """The output of Compose on this project."""
        return self.said("docker", "compose", *words)[0]

    def docker(self, *words: str) -> str:
        """The output of a command of the engine."""
        return self.said("docker", *words)[0]

    def run(self, service: str, *words: str) -> str:
        """The output of a command inside a running container."""
        return self.compose("exec", "-T", service, *words)

    def container(self, service: str) -> str:
        """The id of a service's container, running or not."""
        return self.compose("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str) -> dict[str, Any]:
        """The output of ``docker inspect`` for a service's container."""
        [found] = json.loads(self.docker("inspect", self.container(service)))
        return dict(found)

    def logs(self, service: str) -> tuple[list[str], list[str]]:
        """The lines of a container's standard output and standard error."""
        output, errors = self.said("docker", "logs", self.container(service))
        return output.splitlines(), errors.splitlines()

    def entries(self, service: str, request_id: str) -> list[dict[str, Any]]:
        """The log entries of a service for one request."""
        lines = [json.loads(line) for line in self.logs(service)[0]]
        return [line for line in lines if line.get("request_id") == request_id]

    def owned(self, kind: str) -> list[str]:
        """The names of its containers, networks or volumes."""
        label = f"label=com.docker.compose.project={self.settings['COMPOSE_PROJECT_NAME']}"
        names = "{{.Names}}" if kind == "container" else "{{.Name}}"
        every = ("--all",) if kind == "container" else ()
        return self.docker(kind, "ls", *every, "--filter", label, "--format", names).split()

    def remove(self) -> None:
        """Remove the containers, volumes, networks and images."""
        self.compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5")

    def said(self, *words: str) -> tuple[str, str]:
        """Standard output and standard error of a command, which must succeed."""
        with running(*words, cwd=self.clone, settings=self.settings) as command:
            code = command.process.wait(BUILD_SECONDS)
            assert code == 0, f"{' '.join(words)}: {command.errors}"
            return command.output, command.errors
