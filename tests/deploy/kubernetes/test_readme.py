"""The document says nothing that the manifests do not know."""

import re
import shlex

import pytest

from api.config.settings import Settings
from deploy.kubernetes.rules import NAMESPACE
from tests.deploy.kubernetes.kustomize import Object, build, manifests
from tests.support.command import ROOT
from tests.support.documents import block, text

DOCUMENT = " ".join(text("deploy/kubernetes/README.md").split())
BLOCKS = (
    block("deploy/kubernetes/README.md", "kubectl apply"),
    block("deploy/kubernetes/README.md", "PRODUCTION="),
)
ONCE, RELEASE = (
    [shlex.split(line) for line in block.splitlines() if line.startswith("kubectl")]
    for block in BLOCKS
)
SENTENCES = [shlex.split(words) for words in re.findall(r"`(kubectl [^`]+)`", DOCUMENT)]
[OVERLAY] = re.findall(r"^PRODUCTION=(.*)", BLOCKS[1], re.MULTILINE)
STEPS = ["apply", "create", "wait", "apply", "rollout"]


def is_selected(found: Object) -> bool:
    """Whether the first step of a release applies it; what lacks the label has another value."""
    [key, value] = RELEASE[0][RELEASE[0].index("-l") + 1].split("!=")
    return bool(found["metadata"].get("labels", {}).get(key) != value)


def test_every_path_exists_and_the_overlay_builds() -> None:
    paths = re.findall(r"deploy/kubernetes/[\w./-]*\w", DOCUMENT)

    assert OVERLAY in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert {words[words.index("-k") + 1] for words in RELEASE if "-k" in words} == {"$PRODUCTION"}
    assert build(ROOT / OVERLAY)


def test_what_the_migration_needs_comes_before_it_and_the_new_pods_after() -> None:
    every = manifests("production").objects
    first = {found["kind"] for found in every if is_selected(found)}
    later = {found["kind"] for found in every if not is_selected(found)}

    assert {"Namespace", "ServiceAccount", "NetworkPolicy", "ConfigMap", "CronJob"} <= first
    assert later == {
        *("Deployment", "Service", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget")
    }
    assert [next(word for word in words if word in STEPS) for words in RELEASE] == STEPS


@pytest.mark.parametrize("words", [*ONCE, *RELEASE, *SENTENCES], ids=" ".join)
def test_every_object_that_a_command_names_is_there(words: list[str]) -> None:
    found = {(o["kind"].lower(), o["metadata"]["name"]) for o in manifests("production").objects}
    named = [
        word.removeprefix("--from=").split("/") for word in words if re.match(r"\S+/tasks", word)
    ]

    assert {(kind, name) for kind, name in named} <= found
    assert "-n" not in words or words[words.index("-n") + 1] == NAMESPACE
    assert "-n" in words or words[1] == "apply"


def test_the_secrets_are_those_that_pods_and_ingress_read() -> None:
    [create] = [words for words in ONCE if "secret" in words]
    given = {word.removeprefix("--from-file=") for word in create if "--from-file=" in word}
    production = manifests("production")
    volumes = [
        v["secret"]
        for k in production.workloads
        for v in production.pod(k)["volumes"]
        if "secret" in v
    ]
    [tls] = production.one("Ingress")["spec"]["tls"]

    assert {volume["secretName"] for volume in volumes} == {create[create.index("generic") + 1]}
    assert {item["key"] for volume in volumes for item in volume["items"]} == given
    assert f"`{tls['secretName']}` with the certificate" in DOCUMENT


def test_the_numbers_and_names_are_those_of_the_manifests() -> None:
    production, defaults = manifests("production"), Settings.model_fields
    [rule] = production.one("NetworkPolicy", "to-the-api")["spec"]["ingress"]
    outside = [list(source["namespaceSelector"]["matchLabels"].values()) for source in rule["from"]]
    hook = production.container("Deployment")["lifecycle"]["preStop"]
    [metric] = production.one("HorizontalPodAutoscaler")["spec"]["metrics"]

    assert [
        [name] for name in re.findall(r"namespaces `(\w+)` and `(\w+)`", DOCUMENT)[0]
    ] == outside
    assert f"bodies up to {defaults['max_body_bytes'].default // 1024} KiB" in DOCUMENT
    assert f"more than {defaults['request_deadline_seconds'].default} seconds" in DOCUMENT
    assert f"serves on for {hook['sleep']['seconds']} seconds" in DOCUMENT
    assert f"at {metric['resource']['target']['averageUtilization']} %" in DOCUMENT
    assert "/metrics" not in str(production.one("Ingress"))


def test_its_numbers_of_nginx_are_nginxs() -> None:
    folder = ROOT / "deploy" / "nginx"
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s", (folder / "proxy.conf").read_text())
    rates = re.findall(r"rate=(\d+)r/s", (folder / "limits.conf").read_text())

    assert f"(nginx here: {seconds})" in DOCUMENT
    assert f"(nginx here: {rates[0]} and {rates[1]} per second)" in DOCUMENT
