"""Rollouts of the real image under load, with the steps of the kubelet and of a Service."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.deploy.kubernetes.balancer import Balancer, balancer
from tests.deploy.kubernetes.kustomize import Manifests, manifests
from tests.deploy.kubernetes.pods import Pod, around, image, probed
from tests.deploy.kubernetes.requirements.probes import ENDPOINT_REMOVAL_SECONDS
from tests.support.database.embedded_postgres import readable_folder
from tests.support.http.background_traffic import Traffic, background_traffic
from tests.support.http.server import SECRET
from tests.support.stack.compose_stack import require_engine

pytestmark = pytest.mark.slow

# The users of the load have no row of Better Auth.
SETTINGS = {"AUTH_USER_PROVISIONING": "jit", "BETTER_AUTH_URL": ""}

New = Callable[[], Pod]


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """The name of the built image."""
    require_engine()
    with image() as built:
        yield built


@pytest.fixture
def secrets(database_url: str) -> Iterator[Path]:
    """The files of the Secret."""
    with readable_folder() as path:
        (path / "database-url").write_text(database_url)
        (path / "better-auth-secret").write_text(SECRET)
        yield path


@pytest.fixture
def production() -> Manifests:
    """The manifests from which the numbers come."""
    return manifests("production")


@pytest.fixture
def new_pod(name: str, secrets: Path, production: Manifests) -> Iterator[New]:
    """A function that starts a pod; all pods are removed after the test."""
    with ExitStack() as rest:

        def make() -> Pod:
            pod = Pod(name, production, secrets, **SETTINGS)
            rest.callback(pod.remove)
            return pod

        yield make


@pytest.fixture
def service() -> Iterator[Balancer]:
    """The load balancer that users connect to."""
    with balancer() as running:
        yield running


def crowd(service: Balancer) -> AbstractContextManager[Traffic]:
    """Enough users that some of them open a new connection at any moment."""
    return background_traffic(f"http://127.0.0.1:{service.port}", users=15, pause=0.05)


def add(pod: Pod, service: Balancer) -> None:
    """Wait until a pod is ready, then make it an endpoint."""
    pod.wait_for("startupProbe")
    pod.wait_for("readinessProbe")
    service.ready.add(pod.port)


def terminate(pod: Pod, service: Balancer) -> int:
    """Stop a pod whose endpoint is removed as late as is allowed; its exit code."""
    removal = threading.Timer(ENDPOINT_REMOVAL_SECONDS, service.ready.discard, [pod.port])
    removal.start()
    code = pod.stop()
    removal.join()
    return code


def replace_under_load(old: Pod, new: Pod, service: Balancer) -> None:
    """Replace a pod to which all users are connected."""
    with crowd(service):
        add(new, service)
        terminate(old, service)


def test_a_rollout_loses_no_request(new_pod: New, service: Balancer, production: Manifests) -> None:
    replicas = production.one("HorizontalPodAutoscaler")["spec"]["minReplicas"]
    old, codes, readiness = [new_pod() for _ in range(replicas)], [], []
    for pod in old:
        add(pod, service)
    with crowd(service) as load:
        for pod in old:
            new = new_pod()
            add(new, service)
            time.sleep(production.one("Deployment")["spec"]["minReadySeconds"])
            assert new.passes("livenessProbe")
            with probed(pod) as answers:
                codes.append(terminate(pod, service))
            readiness.append(around(pod.terminated, answers))

    assert codes == [0] * replicas
    assert readiness == [({True}, {False})] * replicas
    assert not load.failed()
    assert len(load.answers) > 1000
    assert len(service.ready) == replicas


def test_a_pod_without_the_pre_stop_sleep_loses_requests(
    new_pod: New, service: Balancer, production: Manifests
) -> None:
    production.container("Deployment")["lifecycle"]["preStop"]["sleep"]["seconds"] = 0
    old, new = new_pod(), new_pod()
    add(old, service)

    with pytest.raises(httpx.TransportError):
        replace_under_load(old, new, service)
