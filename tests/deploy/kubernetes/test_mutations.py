"""Every field of a specification is tested: each mutant violates a requirement."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from tests.deploy.kubernetes.kustomize import Manifests, manifests
from tests.deploy.kubernetes.requirements import REQUIREMENTS

Path = tuple[str | int, ...]

KINDS = (
    *("Deployment", "Service", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget"),
    *("NetworkPolicy", "CronJob", "ServiceMonitor"),
)
# A requirement fails, a field is missing, or the API rejects the setting.
VIOLATIONS = (AssertionError, KeyError, ValidationError)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The path and value of every scalar, and of every empty list or mapping."""
    if not isinstance(value, dict | list) or not value:
        yield path, value
        return
    for key, found in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(found, (*path, key))


def others(value: Any) -> list[Any]:
    """Wrong values that could replace this one."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [*{0, value * 10, -1} - {value}]
    if isinstance(value, str):
        number = value.rstrip("Mimsx")
        unit = value.removeprefix(number)
        numbers = [f"0{unit}", f"{number}0{unit}"] if number.isdigit() else []
        return [f"{value}x", "", *numbers]
    return ["x"]


def changed(objects: list[Any], path: Path, other: Any) -> Manifests:
    """The manifests with one leaf changed, or removed if ``other`` is None."""
    mutant = deepcopy(objects)
    place: Any = mutant
    for key in path[:-1]:
        place = place[key]
    if other is None:
        del place[path[-1]]
    else:
        place[path[-1]] = other
    return Manifests(mutant)


def mutants(kind: str, objects: list[Any]) -> Iterator[tuple[str, Manifests]]:
    """A description and the manifests of each change of a specification of this kind."""
    numbers = [number for number, found in enumerate(objects) if found["kind"] == kind]
    places = [leaf for n in numbers for leaf in leaves(objects[n]["spec"], (n, "spec"))]
    for path, value in places:
        for other in [None, *others(value)]:
            yield f"{path[2:]}: {other!r}", changed(objects, path, other)


def meets_requirements(mutant: Manifests) -> bool:
    """Whether no requirement is violated."""
    try:
        for requirement in REQUIREMENTS:
            requirement(mutant)
    except VIOLATIONS:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_change_of_a_specification_violates_a_requirement(kind: str) -> None:
    tried = [*mutants(kind, manifests("production").objects)]

    assert tried
    assert [name for name, mutant in tried if meets_requirements(mutant)] == []


@pytest.mark.parametrize("name", ["WORKERS", "POOL_SIZE", "INSTANCES"])
@pytest.mark.parametrize("value", ["0", "100", None])
def test_every_change_of_a_connection_setting_violates_a_requirement(
    name: str, value: str | None
) -> None:
    mutant = manifests("production")
    [settings] = [m for m in mutant.all("ConfigMap") if "settings" in m["metadata"]["name"]]
    settings["data"].pop(name)
    settings["data"] |= {name: value} if value else {}

    assert not meets_requirements(mutant)
