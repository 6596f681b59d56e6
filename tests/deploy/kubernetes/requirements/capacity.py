"""Resources of a pod, number of pods, and the database connections for all of them."""

import re

from api.config.settings import Settings
from tests.deploy.kubernetes.kustomize import Manifests
from tests.support.http.server import make_settings

# max_connections of Neon by the size of the compute in CU; 7 of them are reserved by Neon.
NEON = {"0.25": 104, "0.5": 209, "1": 419, "2": 839, "4": 1678}
RESERVED = 7
# For migrations and for sessions of operators.
SPARE = 10
# Measured for two workers under load, including their metric files.
MEMORY_MIB = 175
COMPOSE_MIB = 1024


def _mib(quantity: str) -> int:
    return _number(quantity, "Mi")


def _number(quantity: str, unit: str) -> int:
    found = re.fullmatch(rf"(\d+){unit}", quantity)
    assert found, quantity
    return int(found[1])


def resources(manifests: Manifests) -> None:
    """Memory and memory volumes are limited; CPU is requested, but not limited."""
    for kind, least, most in (("Deployment", MEMORY_MIB, COMPOSE_MIB), ("CronJob", 64, 512)):
        found = manifests.container(kind)["resources"]
        volumes = [v["emptyDir"] for v in manifests.pod(kind)["volumes"] if "emptyDir" in v]
        written = sum(_mib(volume["sizeLimit"]) for volume in volumes)

        assert {*found["limits"]} == {"memory"}
        assert least < _mib(found["requests"]["memory"])
        assert _mib(found["requests"]["memory"]) + written <= _mib(found["limits"]["memory"]) < most
        assert 100 <= _number(found["requests"]["cpu"], "m") < 1000


def autoscaling(manifests: Manifests) -> None:
    """Scales by CPU, up at once, down slowly."""
    spec = manifests.one("HorizontalPodAutoscaler")["spec"]
    deployment = manifests.one("Deployment")

    assert spec["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    [metric] = spec["metrics"]
    target = {"type": "Utilization", "averageUtilization": 70}
    assert metric == {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    assert spec["behavior"] == {"scaleDown": {"stabilizationWindowSeconds": 300}}


def disruption(manifests: Manifests) -> None:
    """A drain leaves one pod running, and is not blocked by pods that are not ready."""
    spec = manifests.one("PodDisruptionBudget")["spec"]
    autoscaler = manifests.one("HorizontalPodAutoscaler")["spec"]

    assert spec["selector"] == manifests.one("Deployment")["spec"]["selector"]
    assert 1 == spec["minAvailable"] < autoscaler["minReplicas"] <= autoscaler["maxReplicas"]
    assert autoscaler["minReplicas"] == 2
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def connections(manifests: Manifests) -> None:
    """The database has enough connections for maxReplicas, twice during a rollout."""
    given = {name.lower(): value for name, value in manifests.settings.items()}
    settings = make_settings(**given)
    annotations = manifests.one("Deployment")["metadata"]["annotations"]
    available = int(annotations["tasks-api/max-connections"])

    assert {"workers", "pool_size", "instances"} < {*given} <= {*Settings.model_fields}
    assert available in NEON.values()
    assert settings.instances == manifests.one("HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    assert 2 * settings.connections <= available - RESERVED - SPARE
    assert settings.environment == "production"
