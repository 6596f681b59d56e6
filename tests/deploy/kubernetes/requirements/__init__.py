"""The requirements on the manifests, one function each.

Every overlay meets all of them, and every mutant of an overlay violates one.
"""

from collections.abc import Callable

from tests.deploy.kubernetes.kustomize import Manifests
from tests.deploy.kubernetes.requirements import capacity, pods, probes, reach

Requirement = Callable[[Manifests], None]

REQUIREMENTS: list[Requirement] = [
    *(probes.startup, probes.liveness, probes.readiness, probes.shutdown, probes.rollout),
    *(
        pods.identity,
        pods.confinement,
        pods.secrets,
        pods.writable,
        pods.release,
        pods.migration,
        pods.dns,
    ),
    *(
        reach.service,
        reach.ingress,
        reach.network_ingress,
        reach.network_egress,
        reach.scraping,
        reach.spread,
    ),
    *(capacity.resources, capacity.autoscaling, capacity.disruption, capacity.connections),
]
