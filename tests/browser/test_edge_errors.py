"""nginx's own errors, read by a page of another origin."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.frontend.chromium import Site
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

LARGE = """export default async ({ url, path, headers }) => {
  const response = await fetch(url + path, { headers });
  return [response.status, await response.json()];
};"""
STORM = """export default async ({ url }) => {
  const answers = await Promise.all(Array.from({ length: 300 }, () => fetch(url)));
  const refused = answers.filter((each) => each.status === 429 || each.status === 503);
  const told = async (each) => [each.status, await each.json(), each.headers.get("retry-after")];
  return Promise.all(refused.map(told));
};"""
# The browser caches the preflight from before the outage. It aborts requests when a network
# interface appears or disappears, as container interfaces do; the page then retries.
AWAY = """export default async ({ url }) => {
  const given = { headers: { Authorization: "Bearer none" } };
  const ask = (tries) => fetch(url, given).catch((error) => (tries ? ask(tries - 1) : error));
  await ask(0);
  await fetch("/meanwhile", { method: "POST" });
  return (await ask(20)).json();
};"""
PATH = "/api/ann/tasks"


def run(
    page: Site,
    stack: Stack,
    program: str,
    meanwhile: Callable[[], object] = str,
    **argument: object,
) -> Any:
    """The result of the program, which sends requests to the stack."""
    told = {"url": stack.base_url + PATH, **argument}
    return page.run(program, told, stack.data / "tls.crt", meanwhile)


# HTTP/2 packs these below nginx's 8 kB. What stays larger ends the connection, without an answer.
@pytest.mark.parametrize(
    ("path", "headers"),
    [("?search=" + "a" * 12_000, {}), ("", {"Authorization": "Bearer " + "a" * 9_000})],
    ids=["URL", "header"],
)
def test_page_can_read_the_error_of_an_oversized_request(
    path: str, headers: dict[str, str], page: Site, stack: Stack
) -> None:
    status, problem = run(page, stack, LARGE, path=path, headers=headers)

    assert status in {401, 414, 431}
    assert isinstance(problem["detail"], str)


def test_page_can_read_the_error_of_a_rate_limited_request(page: Site, stack: Stack) -> None:
    refused = run(page, stack, STORM)

    assert 429 in {status for status, *_ in refused}
    for status, problem, pause in refused:
        assert problem["status"] == status
        assert isinstance(problem["detail"], str)
        assert int(pause) >= 1


@pytest.mark.parametrize(("ends", "begins"), [("stop", "start"), ("pause", "unpause")])
def test_page_can_read_the_error_when_the_api_is_down(
    ends: str, begins: str, page: Site, stack: Stack
) -> None:
    try:
        problem = run(page, stack, AWAY, lambda: stack.compose(ends, "api"))
    finally:
        stack.compose(begins, "api")
        wait_until(lambda: stack.status() == 200)

    assert problem["status"] in {502, 504}
    assert isinstance(problem["detail"], str)
