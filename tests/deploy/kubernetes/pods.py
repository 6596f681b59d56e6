"""Pods of the manifests as Docker containers, probed and stopped as the kubelet does it."""

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx

from tests.deploy.kubernetes.kustomize import Manifests
from tests.support.command import ROOT, free_port

BUILD_SECONDS = 600
# Time from SIGTERM until a pod accepts no new connections.
CLOSE_SECONDS = 1.0
PROBE_INTERVAL = 0.1

# When each probe began and ended, and whether it passed.
Answers = list[tuple[float, float, bool]]


class Pod:
    """A started container.

    ``port`` is that of the API on the loopback interface, ``terminated`` the monotonic times
    between which SIGTERM was sent.
    """

    def __init__(self, image: str, manifests: Manifests, secrets: Path, **settings: str) -> None:
        self.port, self.terminated = free_port(), (0.0, 0.0)
        self._spec, self._pod = manifests.container("Deployment"), manifests.pod("Deployment")
        own = {"HOST": "127.0.0.1", "PORT": f"{self.port}"}
        given = {entry["name"]: entry["value"] for entry in self._spec["env"]}
        environment = manifests.settings | given | settings | own
        self.container = docker(
            *("run", "--detach", "--network=host", *self._restrictions(), *_variables(environment)),
            *(f"--volume={secrets}:/run/secrets-api:ro", image),
        )

    def _restrictions(self) -> list[str]:
        user, memory = self._pod["securityContext"], self._spec["resources"]["limits"]["memory"]
        owner = f"{user['runAsUser']}:{user['runAsGroup']}"
        sizes = {v["name"]: v["emptyDir"] for v in self._pod["volumes"] if "emptyDir" in v}
        paths = {m["name"]: m["mountPath"] for m in self._spec["volumeMounts"]}
        memories = [
            f"--tmpfs={paths[name]}:mode=1777,size={volume['sizeLimit'].removesuffix('i').lower()}"
            for name, volume in sizes.items()
        ]
        limits = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
        return [*limits, *memories, f"--user={owner}", f"--memory={memory[:-1].lower()}"]

    def wait_for(self, name: str) -> None:
        """Run a probe until it passes; fail the test after its ``failureThreshold``."""
        probe = self._spec[name]
        for _ in range(probe["failureThreshold"]):
            if self.passes(name):
                return
            time.sleep(probe["periodSeconds"])
        raise AssertionError(f"{name}: {docker('logs', self.container)}")

    def passes(self, name: str) -> bool:
        """Run a probe once."""
        probe = self._spec[name]
        url = f"http://127.0.0.1:{self.port}{probe['httpGet']['path']}"
        try:
            return httpx.get(url, timeout=probe["timeoutSeconds"]).is_success
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Stop the pod like the kubelet; its exit code, which is not 0 if it had to be killed."""
        sleep = self._spec["lifecycle"]["preStop"]["sleep"]["seconds"]
        time.sleep(sleep)
        before = time.monotonic()
        docker("kill", "--signal=TERM", self.container)
        self.terminated = before, time.monotonic()
        grace = self._pod["terminationGracePeriodSeconds"] - sleep
        docker("stop", f"--time={grace}", self.container)
        return int(docker("inspect", "--format={{.State.ExitCode}}", self.container))

    def remove(self) -> None:
        """Remove the container and its volumes."""
        docker("rm", "--force", "--volumes", self.container)


@contextmanager
def probed(pod: Pod) -> Iterator[Answers]:
    """The results of readiness probes during the block and for a moment longer."""
    answers, done = Answers(), threading.Event()

    def probe() -> None:
        while not done.wait(PROBE_INTERVAL):
            began, passed = time.monotonic(), pod.passes("readinessProbe")
            answers.append((began, time.monotonic(), passed))

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield answers
        time.sleep(2 * CLOSE_SECONDS)
    finally:
        done.set()
        thread.join()


def around(signal: tuple[float, float], answers: Answers) -> tuple[set[bool], set[bool]]:
    """The results before a signal, and those after it; it was sent between two times."""
    before = {ready for _, ended, ready in answers if ended < signal[0]}
    return before, {ready for began, _, ready in answers if began > signal[1] + CLOSE_SECONDS}


def docker(*words: str) -> str:
    """The output of a docker command."""
    done = subprocess.run(
        ["docker", *words], check=False, capture_output=True, text=True, timeout=BUILD_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def image() -> Iterator[str]:
    """Build the image of the API; the name is removed after the block."""
    name = f"tasks-api-{uuid4().hex[:8]}"
    docker("build", "--quiet", f"--tag={name}", f"{ROOT}")
    try:
        yield name
    finally:
        docker("rmi", name)


def _variables(environment: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in environment.items()]
