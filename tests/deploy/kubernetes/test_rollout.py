"""A rollout as the kubelet and the Service play it, on the real image and under load."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.deploy.kubernetes.balancer import Balancer, balancer
from tests.deploy.kubernetes.kustomize import Manifests, manifests
from tests.deploy.kubernetes.pods import Pod, around, asked, image
from tests.deploy.kubernetes.promises.probes import FORGET_SECONDS
from tests.support.database.embedded_postgres import readable_folder
from tests.support.http.background_traffic import Traffic, background_traffic
from tests.support.http.server import SECRET
from tests.support.stack.compose_stack import require_engine

pytestmark = pytest.mark.slow

# No row of Better Auth's stands behind the users of the load.
ALONE = {"AUTH_USER_PROVISIONING": "jit", "BETTER_AUTH_URL": ""}

New = Callable[[], Pod]


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """The image, under a name of its own."""
    require_engine()
    with image() as built:
        yield built


@pytest.fixture
def secrets(database_url: str) -> Iterator[Path]:
    """What the operator's Secret holds, as files."""
    with readable_folder() as path:
        (path / "database-url").write_text(database_url)
        (path / "better-auth-secret").write_text(SECRET)
        yield path


@pytest.fixture
def production() -> Manifests:
    """The manifests whose numbers are played."""
    return manifests("production")


@pytest.fixture
def new_pod(name: str, secrets: Path, production: Manifests) -> Iterator[New]:
    """Starts pods, and takes them away."""
    with ExitStack() as rest:

        def make() -> Pod:
            pod = Pod(name, production, secrets, **ALONE)
            rest.callback(pod.remove)
            return pod

        yield make


@pytest.fixture
def service() -> Iterator[Balancer]:
    """What users are sent to."""
    with balancer() as running:
        yield running


def crowd(service: Balancer) -> AbstractContextManager[Traffic]:
    """So many users that some connect again at any moment."""
    return background_traffic(f"http://127.0.0.1:{service.port}", users=15, pause=0.05)


def enter(pod: Pod, service: Balancer) -> None:
    """Started, then ready, then among the endpoints."""
    pod.wait_for("startupProbe")
    pod.wait_for("readinessProbe")
    service.ready.add(pod.port)


def leave(pod: Pod, service: Balancer) -> int:
    """Told to go: the proxies forget it while it sleeps, as late as they may; its exit code."""
    forgetting = threading.Timer(FORGET_SECONDS, service.ready.discard, [pod.port])
    forgetting.start()
    code = pod.stop()
    forgetting.join()
    return code


def replace_under_load(old: Pod, new: Pod, service: Balancer) -> None:
    """One enters, the other leaves, and all users were with that one."""
    with crowd(service):
        enter(new, service)
        leave(old, service)


def test_a_rollout_loses_no_request(new_pod: New, service: Balancer, production: Manifests) -> None:
    replicas = production.one("HorizontalPodAutoscaler")["spec"]["minReplicas"]
    old, codes, readiness = [new_pod() for _ in range(replicas)], [], []
    for pod in old:
        enter(pod, service)
    with crowd(service) as load:
        for pod in old:
            new = new_pod()
            enter(new, service)
            time.sleep(production.one("Deployment")["spec"]["minReadySeconds"])
            assert new.passes("livenessProbe")
            with asked(pod) as answers:
                codes.append(leave(pod, service))
            readiness.append(around(pod.told, answers))

    assert codes == [0] * replicas
    assert readiness == [({True}, {False})] * replicas
    assert not load.failed()
    assert len(load.answers) > 1000
    assert len(service.ready) == replicas


def test_without_its_sleep_a_pod_loses_requests(
    new_pod: New, service: Balancer, production: Manifests
) -> None:
    production.container("Deployment")["lifecycle"]["preStop"]["sleep"]["seconds"] = 0
    old, new = new_pod(), new_pod()
    enter(old, service)

    with pytest.raises(httpx.TransportError):
        replace_under_load(old, new, service)
