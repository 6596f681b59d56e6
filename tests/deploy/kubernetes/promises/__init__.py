"""What the manifests promise, one function each: they hold for every overlay, and for no mutant."""

from collections.abc import Callable

from tests.deploy.kubernetes.kustomize import Manifests
from tests.deploy.kubernetes.promises import capacity, pods, probes, reach

Promise = Callable[[Manifests], None]

PROMISES: list[Promise] = [
    *(probes.startup, probes.liveness, probes.readiness, probes.shutdown, probes.rollout),
    *(pods.identity, pods.confinement, pods.secrets, pods.writable, pods.release, pods.migration),
    *(reach.service, reach.ingress, reach.walls, reach.world, reach.scraping, reach.spread),
    *(capacity.resources, capacity.autoscaling, capacity.disruption, capacity.connections),
]
