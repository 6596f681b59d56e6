"""Identity, security context, volumes, DNS and image of the pods."""

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
# Options of the resolver (resolv.conf(5)), in seconds and attempts.
DNS = {"ndots": 1, "timeout": 1, "attempts": 4}
HOUR, WEEK = 3600, 7 * 24 * 3600


def identity(manifests: Manifests) -> None:
    """Labels and selectors match, and no pod gets a token for the Kubernetes API."""
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
    """Pods meet the restricted Pod Security Standard, which the namespace enforces."""
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
    """Secrets are mounted as read-only files into the pods that need them, never as variables."""
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
    """The image writes only to memory volumes of a limited size."""
    [folder] = re.findall(r"PROMETHEUS_MULTIPROC_DIR=(\S+)/", (ROOT / "Dockerfile").read_text())

    assert folder in MOUNTS["Deployment"]
    for kind, sizes in MOUNTS.items():
        found = _volumes(manifests, kind)
        del found[SECRETS]
        assert found == {
            path: {"medium": "Memory", "sizeLimit": f"{size}Mi"} for path, size in sizes.items()
        }


def _volumes(manifests: Manifests, kind: str) -> dict[str, Object]:
    """The sources of the volumes, by mount path."""
    sources = {v.pop("name"): v for v in map(dict, manifests.pod(kind)["volumes"])}
    mounts = manifests.container(kind)["volumeMounts"]
    assert [m.get("readOnly") for m in mounts] == [
        m["mountPath"] == SECRETS or None for m in mounts
    ]
    assert {m["name"] for m in mounts} == {*sources}
    return {m["mountPath"]: next(iter(sources[m["name"]].values())) for m in mounts}


def release(manifests: Manifests) -> None:
    """API and migration use the same image, of this version, and the same settings."""
    settings = [m["metadata"]["name"] for m in manifests.all("ConfigMap")]

    assert {manifests.container(kind)["image"] for kind in FILES} == {f"tasks-api:{__version__}"}
    for kind in FILES:
        [source] = manifests.container(kind)["envFrom"]
        assert source["configMapRef"]["name"] in settings
        assert manifests.container(kind)["name"] in {"api", "migration"}


def migration(manifests: Manifests) -> None:
    """The migration runs once for a limited time, and its result is kept for a while.

    Its schedule is suspended; an eviction does not count as a failure.
    """
    spec = dict(manifests.one("CronJob")["spec"])
    job = spec.pop("jobTemplate")

    assert spec == {"suspend": True, "schedule": "@yearly"}
    assert job["metadata"]["labels"] == MIGRATION
    assert manifests.container("CronJob")["command"] == ["python", "-m", "api.migrations"]
    assert "command" not in manifests.container("Deployment")
    assert manifests.pod("CronJob")["restartPolicy"] == "Never"
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["podFailurePolicy"] == {
        "rules": [
            {
                "action": "Ignore",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            }
        ]
    }
    assert 60 <= job["spec"]["activeDeadlineSeconds"] <= HOUR
    assert HOUR <= job["spec"]["ttlSecondsAfterFinished"] <= WEEK


def dns(manifests: Manifests) -> None:
    """A lost DNS packet costs one second of several; names with a dot are not searched for."""
    connect_seconds = Settings.model_fields["connect_deadline_seconds"].default

    for kind in FILES:
        options = manifests.pod(kind)["dnsConfig"]["options"]
        assert options == [{"name": name, "value": f"{value}"} for name, value in DNS.items()]
    assert DNS["timeout"] * DNS["attempts"] < connect_seconds
