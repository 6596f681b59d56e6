"""The manifests that kustomize builds from an overlay."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.command import ROOT
from tests.support.required_tools import require_tool

KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("staging", "production")

Object = dict[str, Any]


class Manifests:
    """The objects of one overlay."""

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def all(self, kind: str) -> list[Object]:
        """Every object of a kind."""
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, name: str = "") -> Object:
        """The only object of a kind, or of this name."""
        [found] = [o for o in self.all(kind) if name in {"", o["metadata"]["name"]}]
        return found

    def template(self, kind: str) -> Object:
        """The pod template of a workload."""
        spec = self.one(kind)["spec"]
        found: Object = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
        return found

    def pod(self, kind: str) -> Object:
        """The pod specification of a workload."""
        found: Object = self.template(kind)["spec"]
        return found

    def container(self, kind: str) -> Object:
        """The only container of a workload's pods."""
        [found] = self.pod(kind)["containers"]
        return dict(found)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of the API, from its ConfigMap."""
        [found] = [o for o in self.all("ConfigMap") if "settings" in o["metadata"]["name"]]
        return dict(found["data"])

    @property
    def workloads(self) -> list[str]:
        """The kinds that create pods."""
        starts = {"template", "jobTemplate"}
        return [o["kind"] for o in self.objects if starts & {*o.get("spec", {})}]


@cache
def built(overlay: str) -> str:
    """The built text of an overlay."""
    return build(KUBERNETES / "overlays" / overlay)


def build(folder: Path) -> str:
    """The output of kustomize for a folder; fails the test on an error or a warning."""
    done = subprocess.run([*_kustomize(), folder], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "a warning is an error here"
    return done.stdout


def manifests(overlay: str) -> Manifests:
    """The objects of an overlay, as a copy that a test may change."""
    return Manifests([*yaml.safe_load_all(built(overlay))])


def _kustomize() -> list[str]:
    found = require_tool("kustomize", "kubectl")
    return [found, "kustomize" if found.endswith("kubectl") else "build"]
