"""What a pod is, and what it may do."""

import re

from api import __version__
from api.config.settings import Settings
from tests.deploy.kubernetes.kustomize import Manifests, Object
from tests.support.command import ROOT

NAME = {"app.kubernetes.io/name": "tasks-api"}
API = {**NAME, "app.kubernetes.io/component": "api"}
MIGRATION = {**NAME, "app.kubernetes.io/component": "migration"}
SECRETS = "/run/secrets-api"
MOUNTS = {
    "Deployment": {"/run/app": 64, "/tmp": 16},  # noqa: S108
    "CronJob": {"/tmp": 16},  # noqa: S108
}
FILES = {
    "Deployment": {"DATABASE_URL_FILE", "BETTER_AUTH_SECRET_FILE"},
    "CronJob": {"DATABASE_URL_FILE"},
}
HOUR, WEEK = 3600, 7 * 24 * 3600


def identity(manifests: Manifests) -> None:
    """The labels say which pods are whose; nothing in them can speak to the cluster."""
    labels = {kind: manifests.template(kind)["metadata"]["labels"] for kind in FILES}
    account = manifests.one("ServiceAccount")

    assert labels == {"Deployment": API, "CronJob": MIGRATION}
    assert manifests.one("Deployment")["spec"]["selector"] == {"matchLabels": API}
    assert account["automountServiceAccountToken"] is False
    for kind in manifests.workloads:
        pod = manifests.pod(kind)
        assert pod["serviceAccountName"] == account["metadata"]["name"]
        assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False


def confinement(manifests: Manifests) -> None:
    """Not root, no capability, no file that can be changed: what the namespace demands, too."""
    namespace = manifests.one("Namespace")["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {o["metadata"].get("namespace") for o in manifests.objects} == {None, namespace["name"]}
    for kind in manifests.workloads:
        assert manifests.pod(kind)["securityContext"] == {
            "runAsNonRoot": True,
            **dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), 10001),
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert manifests.container(kind)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def secrets(manifests: Manifests) -> None:
    """Files that their user can read, each for those alone that need it; no value, no variable."""
    assert not manifests.all("Secret")
    for kind, names in FILES.items():
        entries = {entry["name"]: entry["value"] for entry in manifests.container(kind)["env"]}
        keys = [path.removeprefix(f"{SECRETS}/") for path in entries.values()]

        assert {*entries} == names
        assert {name.lower() for name in names} <= {*Settings.model_fields}
        assert _volumes(manifests, kind)[SECRETS] == {
            "secretName": "tasks-api",
            "defaultMode": 0o440,
            "items": [{"key": key, "path": key} for key in keys],
        }
        assert keys == [n.removesuffix("_FILE").lower().replace("_", "-") for n in entries]


def writable(manifests: Manifests) -> None:
    """Memory of a limited size, where the image writes."""
    [folder] = re.findall(r"PROMETHEUS_MULTIPROC_DIR=(\S+)/", (ROOT / "Dockerfile").read_text())

    assert folder in MOUNTS["Deployment"]
    for kind, sizes in MOUNTS.items():
        found = _volumes(manifests, kind)
        del found[SECRETS]
        assert found == {
            path: {"medium": "Memory", "sizeLimit": f"{size}Mi"} for path, size in sizes.items()
        }


def _volumes(manifests: Manifests, kind: str) -> dict[str, Object]:
    """What is mounted, by its path."""
    sources = {v.pop("name"): v for v in map(dict, manifests.pod(kind)["volumes"])}
    mounts = manifests.container(kind)["volumeMounts"]
    assert [m.get("readOnly") for m in mounts] == [
        m["mountPath"] == SECRETS or None for m in mounts
    ]
    assert {m["name"] for m in mounts} == {*sources}
    return {m["mountPath"]: next(iter(sources[m["name"]].values())) for m in mounts}


def release(manifests: Manifests) -> None:
    """One image for both, of this version; both read the same settings."""
    settings = [m["metadata"]["name"] for m in manifests.all("ConfigMap")]

    assert {manifests.container(kind)["image"] for kind in FILES} == {f"tasks-api:{__version__}"}
    for kind in FILES:
        [source] = manifests.container(kind)["envFrom"]
        assert source["configMapRef"]["name"] in settings
        assert manifests.container(kind)["name"] in {"api", "migration"}


def migration(manifests: Manifests) -> None:
    """The image's own command, a few times, not for ever; its outcome can be read for a while.

    Only a person starts it: a template that is never due can change with every release.
    """
    spec = dict(manifests.one("CronJob")["spec"])
    job = spec.pop("jobTemplate")

    assert spec == {"suspend": True, "schedule": "@yearly"}
    assert job["metadata"]["labels"] == MIGRATION
    assert manifests.container("CronJob")["command"] == ["python", "-m", "api.migrations"]
    assert "command" not in manifests.container("Deployment")
    assert manifests.pod("CronJob")["restartPolicy"] == "Never"
    assert 1 <= job["spec"]["backoffLimit"] <= 6
    assert 60 <= job["spec"]["activeDeadlineSeconds"] <= HOUR
    assert HOUR <= job["spec"]["ttlSecondsAfterFinished"] <= WEEK
