"""The built manifests: schema, requirements, dashboards and image references."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from kubernetes_validate import SchemaNotFoundError, validate

from tests.deploy.kubernetes.kustomize import KUBERNETES, OVERLAYS, Manifests, build, manifests
from tests.deploy.kubernetes.requirements import REQUIREMENTS, Requirement
from tests.deploy.kubernetes.requirements.capacity import NEON, RESERVED
from tests.support.command import ROOT
from tests.support.documents import section

NEON_CHAPTER = section("deploy/README.md", "Neon")
DASHBOARDS = ROOT / "observability" / "grafana" / "dashboards"
NEWEST = "1.37"
# The first version with the preStop sleep.
OLDEST = "1.30"
# The kinds of the Prometheus Operator, whose schema is not available offline.
OPERATOR = "monitoring.coreos.com"
REFERENCES = [
    {"newName": "registry.example.com:5000/team/tasks_api", "newTag": "V1.2_rc-3"},
    {"newName": "registry.example.com/tasks-api", "digest": f"sha256:{'0' * 64}"},
]
# The size limit of an object in etcd, with a margin.
MOST_BYTES = 900_000


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_valid_in_the_schema_of_kubernetes(overlay: str, version: str) -> None:
    unknown = set()
    for found in manifests(overlay).objects:
        try:
            validate(found, version, strict=True)
        except SchemaNotFoundError:
            unknown.add(found["kind"])

    assert unknown == {o["kind"] for o in manifests(overlay).objects if OPERATOR in o["apiVersion"]}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda p: p.__name__)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_meets_every_requirement(overlay: str, requirement: Requirement) -> None:
    requirement(manifests(overlay))


def test_the_configmap_has_every_dashboard() -> None:
    found = manifests("production").one("ConfigMap", "tasks-api-dashboards")
    files = {path.name: path.read_text() for path in DASHBOARDS.glob("*.json")}

    assert found.get("data", {}) == files
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(yaml.safe_dump(found).encode()) < MOST_BYTES


@pytest.mark.parametrize("reference", REFERENCES)
def test_any_form_of_image_reference_works(tmp_path: Path, reference: dict[str, str]) -> None:
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
    [size] = re.findall(r"compute of ([\d.]+) CU", text)
    annotations = manifests(overlay).one("Deployment")["metadata"]["annotations"]

    assert annotations["tasks-api/max-connections"] == str(NEON[size])
