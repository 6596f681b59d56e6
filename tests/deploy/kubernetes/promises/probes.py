"""A pod's life: how it is asked, how it replaces another, how it ends."""

from functools import cache
from typing import Any

from api.config.settings import Settings
from deploy import worker
from tests.deploy.kubernetes.kustomize import Manifests
from tests.support.command import ROOT

MINUTE = 60
# How long an endpoint that goes may stay known to the proxies.
FORGET_SECONDS = 5


def _check(manifests: Manifests, name: str, path: str, **seconds: int) -> None:
    probe: dict[str, Any] = manifests.container("Deployment")[name]
    assert probe == {"httpGet": {"path": path, "port": "http"}, **seconds}


def startup(manifests: Manifests) -> None:
    """A minute to start, asked every two seconds."""
    _check(
        *(manifests, "startupProbe", "/startupz"),
        periodSeconds=2,
        timeoutSeconds=2,
        failureThreshold=30,
    )


def liveness(manifests: Manifests) -> None:
    """Restarted after half a minute without an answer, never for a moment's load."""
    _check(
        *(manifests, "livenessProbe", "/livez"),
        periodSeconds=10,
        timeoutSeconds=3,
        failureThreshold=3,
    )


def readiness(manifests: Manifests) -> None:
    """Out of service within ten seconds."""
    _check(
        *(manifests, "readinessProbe", "/readyz"),
        periodSeconds=5,
        timeoutSeconds=2,
        failureThreshold=2,
    )


@cache
def gunicorn() -> dict[str, Any]:
    """The server's settings, of its own file."""
    path = ROOT / "deploy" / "gunicorn.conf.py"
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)  # noqa: S102
    return names


def sleep_and_grace(manifests: Manifests) -> tuple[int, int]:
    """Seconds from the decision to the signal, and to the kill."""
    hook = manifests.container("Deployment")["lifecycle"]["preStop"]
    return hook["sleep"]["seconds"], manifests.pod("Deployment")["terminationGracePeriodSeconds"]


def shutdown(manifests: Manifests) -> None:
    """The proxies forget the pod, requests end, connections close, and only then would it die."""
    sleep, grace = sleep_and_grace(manifests)
    request = Settings.model_fields["request_deadline_seconds"].default
    graceful = gunicorn()["graceful_timeout"]

    assert request < worker.STOP_SECONDS
    assert graceful > worker.DRAIN_SECONDS + worker.STOP_SECONDS
    assert sleep > FORGET_SECONDS
    assert sleep + graceful + FORGET_SECONDS < grace <= MINUTE


def rollout(manifests: Manifests) -> None:
    """A new pod has proved itself before an old one goes."""
    spec = manifests.one("Deployment")["spec"]
    started = 2 * 30

    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }
    assert FORGET_SECONDS <= spec["minReadySeconds"] <= MINUTE / 2
    assert started + spec["minReadySeconds"] < spec["progressDeadlineSeconds"] <= 10 * MINUTE
    assert "replicas" not in spec
