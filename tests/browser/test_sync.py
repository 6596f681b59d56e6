"""Pages that keep up with changes: the documented client, and plain polling."""

import json
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.support.frontend.chromium import Site
from tests.support.frontend.sync_client import check_scenario, compile_scenario
from tests.support.http.client import User, token
from tests.support.http.server import make_settings, serve

pytestmark = pytest.mark.slow

POLLS = """export default async ({ url, token }) => {
  const poll = async (path) => {
    const response = await fetch(url + path, { headers: { Authorization: `Bearer ${token}` } });
    return [response.status, await response.json()];
  };
  const told = [];
  for (const path of ["", "/trash", "/changes"]) {
    const [first, second] = [await poll(path), await poll(path)];
    await fetch("/meanwhile", { method: "POST" });
    told.push([first, second, await poll(path)]);
  }
  return told;
};"""


def test_documented_client_works_in_a_page(page: Site, tmp_path: Path, database_url: str) -> None:
    compile_scenario(tmp_path)
    page.files["/sync.js"] = ("text/javascript", (tmp_path / "sync.js").read_text())
    program = (tmp_path / "sync_scenario.js").read_text()
    settings = make_settings(database_url=database_url, cors_origins=page.origin)

    with serve(settings) as url, User(url, "offline-user") as user:
        told = page.run(program, {"url": url + user.tasks, "token": token(user.user_id)})

        check_scenario(told, user.all())


def test_polling_page_gets_304_through_its_cache(
    page: Site, database_url: str, log: BinaryIO
) -> None:
    settings = make_settings(database_url=database_url, cors_origins=page.origin)

    with serve(settings) as url, User(url, "polling-user") as user:
        task = user.add()
        argument = {"url": url + user.tasks, "token": token(user.user_id)}
        log.read()
        told = page.run(
            POLLS, argument, meanwhile=lambda: user.put(user.one(task["id"]), json={"title": "b"})
        )
        lines = [json.loads(line) for line in log.read().splitlines()]

    statuses = [
        line["status"] for line in lines if line["event"] == "request" and line["method"] == "GET"
    ]
    assert statuses == [200, 304, 200] * 3
    for first, second, third in told:
        assert first[0] == second[0] == third[0] == 200
        assert first == second
    assert told[0][0] != told[0][2]
