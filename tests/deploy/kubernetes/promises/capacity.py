"""How much a pod takes, how many there are, and what the database must have for all of them."""

import re

from api.config.settings import Settings
from tests.deploy.kubernetes.kustomize import Manifests
from tests.support.http.server import make_settings

# Neon's max_connections by the size of a compute in CU; 7 of them are Neon's own.
NEON = {"0.25": 104, "0.5": 209, "1": 419, "2": 839, "4": 1678}
RESERVED = 7
# For migrations, and people who look.
SPARE = 10
# What two workers under load were measured to take, their metrics included.
MEMORY_MIB = 175
COMPOSE_MIB = 1024


def _mib(quantity: str) -> int:
    return _number(quantity, "Mi")


def _number(quantity: str, unit: str) -> int:
    found = re.fullmatch(rf"(\d+){unit}", quantity)
    assert found, quantity
    return int(found[1])


def resources(manifests: Manifests) -> None:
    """Memory has a limit, and so has what is written into it; the processor has none."""
    for kind, least, most in (("Deployment", MEMORY_MIB, COMPOSE_MIB), ("CronJob", 64, 512)):
        found = manifests.container(kind)["resources"]
        volumes = [v["emptyDir"] for v in manifests.pod(kind)["volumes"] if "emptyDir" in v]
        written = sum(_mib(volume["sizeLimit"]) for volume in volumes)

        assert {*found["limits"]} == {"memory"}
        assert least < _mib(found["requests"]["memory"])
        assert _mib(found["requests"]["memory"]) + written <= _mib(found["limits"]["memory"]) < most
        assert 100 <= _number(found["requests"]["cpu"], "m") < 1000


def autoscaling(manifests: Manifests) -> None:
    """By the processor, up at once, down slowly."""
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
    """A drained node leaves one pod at work, and can be drained."""
    spec = manifests.one("PodDisruptionBudget")["spec"]
    autoscaler = manifests.one("HorizontalPodAutoscaler")["spec"]

    assert spec["selector"] == manifests.one("Deployment")["spec"]["selector"]
    assert 1 == spec["minAvailable"] < autoscaler["minReplicas"] <= autoscaler["maxReplicas"]
    assert autoscaler["minReplicas"] == 2


def connections(manifests: Manifests) -> None:
    """As many replicas as there may be, twice in a rollout, have their connections."""
    given = {name.lower(): value for name, value in manifests.settings.items()}
    settings = make_settings(**given)
    annotations = manifests.one("Deployment")["metadata"]["annotations"]
    available = int(annotations["tasks-api/max-connections"])

    assert {"workers", "pool_size", "instances"} < {*given} <= {*Settings.model_fields}
    assert available in NEON.values()
    assert settings.instances == manifests.one("HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    assert 2 * settings.connections <= available - RESERVED - SPARE
    assert settings.environment == "production"
