"""deploy/kubernetes/README.md: its commands, names and numbers are those of the manifests."""

import re
import shlex
import subprocess

import pytest

from api.config.settings import Settings
from api.tasks.batch_body import Batch
from deploy.protocol import HttpProtocol
from tests.deploy.kubernetes.kustomize import OVERLAYS, Object, build, manifests
from tests.support.command import ROOT
from tests.support.documents import block, text

DOCUMENT = " ".join(text("deploy/kubernetes/README.md").split())
VARIABLES = block("deploy/kubernetes/README.md", "OVERLAY=")
RELEASE = block("deploy/kubernetes/README.md", "MIGRATION=")
ONCE = block("deploy/kubernetes/README.md", "kubectl apply -k $OVERLAY")
UNDO = block("deploy/kubernetes/README.md", "kubectl -n $NAMESPACE rollout undo")
REPLACE_SECRET = block("deploy/kubernetes/README.md", "kubectl -n $NAMESPACE create secret generic")
REPLACE_TLS = block("deploy/kubernetes/README.md", "kubectl -n $NAMESPACE create secret tls")
RELEASE_STEPS = ["apply", "create", "wait", "logs", "wait", "apply", "rollout", "wait"]


def commands(*scripts: str) -> list[list[str]]:
    """The words of each kubectl command, also of those behind a pipe."""
    lines = "".join(scripts).replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in line.split(" | ")]
    return [shlex.split(part) for part in parts if part.startswith("kubectl")]


EVERY = commands(ONCE, RELEASE, UNDO, REPLACE_SECRET, REPLACE_TLS)


def is_selected(found: Object) -> bool:
    """Whether the first command of a release applies the object; without the label it does."""
    [first, *_] = commands(RELEASE)
    [key, value] = first[first.index("-l") + 1].split("!=")
    return bool(found["metadata"].get("labels", {}).get(key) != value)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_variables_give_the_namespace_of_each_overlay(overlay: str) -> None:
    script = VARIABLES.replace("production", overlay) + "echo $OVERLAY $NAMESPACE"
    done = subprocess.run(
        ["sh", "-ec", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    folder, namespace = done.stdout.split()

    assert build(ROOT / folder)
    assert namespace == manifests(overlay).one("Namespace")["metadata"]["name"]


def test_every_path_exists() -> None:
    paths = re.findall(r"deploy/kubernetes/[\w./-]*\w", DOCUMENT)

    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_first_apply_has_what_the_migration_needs_and_the_last_adds_the_api(
    overlay: str,
) -> None:
    every = manifests(overlay).objects
    first = {found["kind"] for found in every if is_selected(found)}
    later = {found["kind"] for found in every if not is_selected(found)}

    assert {"Namespace", "ServiceAccount", "NetworkPolicy", "ConfigMap", "CronJob"} <= first
    assert later == {
        *("Deployment", "Service", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget")
    }
    assert commands(ONCE)[0] == commands(RELEASE)[0]


def test_the_steps_of_a_release_are_in_order() -> None:
    steps = [next(w for w in words if w in RELEASE_STEPS) for words in commands(RELEASE)]

    assert steps == RELEASE_STEPS


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_object_that_a_command_names_exists(words: list[str]) -> None:
    kinds = {"poddisruptionbudget": "pdb"}
    found = {(o["kind"].lower(), o["metadata"]["name"]) for o in manifests("production").objects}
    short = {(kinds.get(kind, kind), name) for kind, name in found}
    named = [w.removeprefix("--from=").split("/") for w in words if re.match(r"\S+/tasks", w)]

    assert {(kind, name) for kind, name in named} <= short
    assert "-k" in words or words[words.index("-n") + 1] == "$NAMESPACE" or "create" in words
    assert "-k" not in words or words[words.index("-k") + 1] == "$OVERLAY"
    # A file of the base lacks what the overlay adds, so applying it would take that away again.
    assert "-f" not in words or words[words.index("-f") + 1] == "-"


@pytest.mark.parametrize("script", [ONCE, REPLACE_SECRET])
def test_the_secret_has_the_keys_that_the_pods_read(script: str) -> None:
    [create] = [words for words in commands(script) if "generic" in words]
    given = {word.removeprefix("--from-file=") for word in create if "--from-file=" in word}
    production = manifests("production")
    volumes = [v for kind in production.workloads for v in production.pod(kind)["volumes"]]
    read = [volume["secret"] for volume in volumes if "secret" in volume]

    assert {secret["secretName"] for secret in read} == {create[create.index("generic") + 1]}
    assert {item["key"] for secret in read for item in secret["items"]} == given


@pytest.mark.parametrize("script", [ONCE, REPLACE_TLS])
def test_the_certificate_is_the_secret_of_the_ingress(script: str) -> None:
    [create] = [words for words in commands(script) if "tls" in words]
    [tls] = manifests("production").one("Ingress")["spec"]["tls"]

    assert create[create.index("tls") + 1] == tls["secretName"]


def test_the_numbers_and_names_are_those_of_the_manifests() -> None:
    production, defaults = manifests("production"), Settings.model_fields
    [rule] = production.one("NetworkPolicy", "allow-ingress-to-api")["spec"]["ingress"]
    outside = [list(source["namespaceSelector"]["matchLabels"].values()) for source in rule["from"]]
    hook = production.container("Deployment")["lifecycle"]["preStop"]
    [metric] = production.one("HorizontalPodAutoscaler")["spec"]["metrics"]

    assert [
        [name] for name in re.findall(r"namespaces `(\w+)` and `(\w+)`", DOCUMENT)[0]
    ] == outside
    assert f"bodies up to {Batch.max_body_bytes // 2**20} MiB" in DOCUMENT
    assert f"more than {defaults['request_deadline_seconds'].default} seconds" in DOCUMENT
    assert f"serves on for {hook['sleep']['seconds']} seconds" in DOCUMENT
    assert f"at {metric['resource']['target']['averageUtilization']} %" in DOCUMENT
    assert f"after about {HttpProtocol.CONNECTION_SECONDS / 60:.0f}." in DOCUMENT
    assert "/metrics" not in str(production.one("Ingress"))


def test_the_headroom_of_a_rollout_is_the_request_of_one_pod() -> None:
    requests = manifests("production").container("Deployment")["resources"]["requests"]

    assert f"its request of {requests['cpu']} CPU and {requests['memory']} of memory" in DOCUMENT


def test_the_numbers_of_nginx_are_those_of_its_configuration() -> None:
    folder = ROOT / "deploy" / "nginx"
    seconds = re.findall(r"proxy_read_timeout (\d+)s", (ROOT / "nginx.conf").read_text())[0]
    rates = re.findall(r"rate=(\d+)r/s", (folder / "limits.conf").read_text())

    assert f"(nginx here: {seconds})" in DOCUMENT
    assert f"(nginx here: {rates[0]} and {rates[1]} per second)" in DOCUMENT
