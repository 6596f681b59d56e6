"""The manifests as the cluster would get them."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from kubernetes_validate import SchemaNotFoundError, validate

from tests.deploy.kubernetes.kustomize import KUBERNETES, OVERLAYS, Manifests, build, manifests
from tests.deploy.kubernetes.promises import PROMISES, Promise
from tests.deploy.kubernetes.promises.capacity import NEON, RESERVED
from tests.support.command import ROOT
from tests.support.documents import section

NEON_CHAPTER = section("deploy/README.md", "Neon")
DASHBOARDS = ROOT / "observability" / "grafana" / "dashboards"
NEWEST = "1.37"
# Since when a pod may sleep before it is stopped; older schemas do not know it.
OLDEST = "1.30"
# The Prometheus Operator's kinds, whose schema nobody has offline.
OPERATOR = "monitoring.coreos.com"
REFERENCES = [
    {"newName": "registry.example.com:5000/team/tasks_api", "newTag": "V1.2_rc-3"},
    {"newName": "registry.example.com/tasks-api", "digest": f"sha256:{'0' * 64}"},
]
# What one object may hold (a limit of etcd), with a margin.
MOST_BYTES = 900_000


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_schema_of_kubernetes_knows_every_member(overlay: str, version: str) -> None:
    unknown = set()
    for found in manifests(overlay).objects:
        try:
            validate(found, version, strict=True)
        except SchemaNotFoundError:
            unknown.add(found["kind"])

    assert unknown == {o["kind"] for o in manifests(overlay).objects if OPERATOR in o["apiVersion"]}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.__name__)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_promised_holds(overlay: str, promise: Promise) -> None:
    promise(manifests(overlay))


def test_every_dashboard_of_compose_is_there() -> None:
    found = manifests("production").one("ConfigMap", "tasks-api-dashboards")
    files = {path.name: path.read_text() for path in DASHBOARDS.glob("*.json")}

    assert found.get("data", {}) == files
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(yaml.safe_dump(found).encode()) < MOST_BYTES


@pytest.mark.parametrize("reference", REFERENCES)
def test_any_reference_of_an_image_will_do(tmp_path: Path, reference: dict[str, str]) -> None:
    for folder in ("deploy/kubernetes", "observability/grafana"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    overlay = tmp_path / "deploy" / "kubernetes" / "overlays" / "production"
    file = overlay / "kustomization.yaml"
    given = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(given | {"images": [{"name": "tasks-api", **reference}]}))
    found, plain = Manifests([*yaml.safe_load_all(build(overlay))]), manifests("production")

    for kind in plain.workloads:
        assert found.container(kind)["image"].startswith(reference["newName"])
    assert [o["metadata"]["name"] for o in found.objects] == [
        o["metadata"]["name"] for o in plain.objects
    ]


def test_neons_limits_are_those_that_the_document_names() -> None:
    sentence = (
        " ".join(NEON_CHAPTER.split())
        .partition("`max_connections` is ")[2]
        .partition(" of which 7")[0]
    )
    found = re.findall(r"([\d,]+) for ([\d.]+)", sentence)

    assert {size: int(most.replace(",", "")) for most, size in found} == NEON
    assert f"of which {RESERVED} are Neon's own" in NEON_CHAPTER


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_names_the_compute_that_has_its_connections(overlay: str) -> None:
    text = (KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text()
    [size] = re.findall(r"a compute of ([\d.]+) CU", text)
    annotations = manifests(overlay).one("Deployment")["metadata"]["annotations"]

    assert annotations["tasks-api/max-connections"] == str(NEON[size])
