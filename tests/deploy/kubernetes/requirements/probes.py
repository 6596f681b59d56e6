"""Probes, rollout and shutdown of a pod."""

from functools import cache
from typing import Any

from api.config.settings import Settings
from deploy import worker
from tests.deploy.kubernetes.kustomize import Manifests
from tests.support.command import ROOT

MINUTE = 60
# Time until every proxy has removed a terminating endpoint.
ENDPOINT_REMOVAL_SECONDS = 5
# Time from the start of a container until it is ready, on a busy node: measured, see README.md.
START_SECONDS = 10
RECOVERY_SECONDS = 40


def _check(manifests: Manifests, name: str, path: str, **seconds: int) -> None:
    probe: dict[str, Any] = manifests.container("Deployment")[name]
    assert probe == {"httpGet": {"path": path, "port": "http"}, **seconds}


def startup(manifests: Manifests) -> None:
    """The API has a minute to start, and is probed every two seconds."""
    _check(
        *(manifests, "startupProbe", "/startupz"),
        periodSeconds=2,
        timeoutSeconds=2,
        failureThreshold=30,
    )


def liveness(manifests: Manifests) -> None:
    """A container that hangs serves again in time; a short overload does not restart it.

    Detection takes at most one period, then the other failures and the last timeout; then the
    container has its grace period, in which the preStop sleep fits with 2 s left.
    """
    _check(
        *(manifests, "livenessProbe", "/livez"),
        periodSeconds=5,
        timeoutSeconds=4,
        failureThreshold=3,
        terminationGracePeriodSeconds=10,
    )
    probe = manifests.container("Deployment")["livenessProbe"]
    detection = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    sleep, _ = sleep_and_grace(manifests)

    assert probe["terminationGracePeriodSeconds"] == sleep + 2
    assert detection + probe["terminationGracePeriodSeconds"] + START_SECONDS < RECOVERY_SECONDS


def readiness(manifests: Manifests) -> None:
    """A pod that is not ready gets no requests after ten seconds."""
    _check(
        *(manifests, "readinessProbe", "/readyz"),
        periodSeconds=5,
        timeoutSeconds=2,
        failureThreshold=2,
    )


@cache
def gunicorn() -> dict[str, Any]:
    """The settings in deploy/gunicorn.conf.py."""
    path = ROOT / "deploy" / "gunicorn.conf.py"
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)  # noqa: S102
    return names


def sleep_and_grace(manifests: Manifests) -> tuple[int, int]:
    """Seconds from the deletion of a pod to SIGTERM, and to SIGKILL."""
    hook = manifests.container("Deployment")["lifecycle"]["preStop"]
    return hook["sleep"]["seconds"], manifests.pod("Deployment")["terminationGracePeriodSeconds"]


def shutdown(manifests: Manifests) -> None:
    """Proxies remove the pod, requests finish and connections close before SIGKILL."""
    sleep, grace = sleep_and_grace(manifests)
    request = Settings.model_fields["request_deadline_seconds"].default
    graceful = gunicorn()["graceful_timeout"]

    assert request < worker.STOP_SECONDS
    assert graceful > worker.DRAIN_SECONDS + worker.STOP_SECONDS
    assert sleep > ENDPOINT_REMOVAL_SECONDS
    assert sleep + graceful + ENDPOINT_REMOVAL_SECONDS < grace <= MINUTE


def rollout(manifests: Manifests) -> None:
    """A new pod is available before an old one is stopped."""
    spec = manifests.one("Deployment")["spec"]
    started = 2 * 30

    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }
    assert ENDPOINT_REMOVAL_SECONDS <= spec["minReadySeconds"] <= MINUTE / 2
    assert started + spec["minReadySeconds"] < spec["progressDeadlineSeconds"] <= 10 * MINUTE
    assert "replicas" not in spec
