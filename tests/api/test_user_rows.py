"""The user row of a task: found, created under ``jit``, or refused with 403 ``user_required``."""

from collections.abc import Iterator
from typing import BinaryIO
from uuid import uuid4

import orjson
import pytest

from tests.support.database.pool import ask
from tests.support.database.temporary_database import temporary_database
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

KNOWN = """INSERT INTO "user" (id, name, email, "emailVerified")
    VALUES ('ann', 'Ann', 'ann@example.com', true)"""
RAISE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'no: %', NEW.email; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON "user" FOR EACH ROW EXECUTE FUNCTION refuse()
"""
# By case: what the user table demands, and the SQLSTATE for a row that does not have it.
DEMANDS = {
    "a required column": (
        """ALTER TABLE "user" ADD role text NOT NULL DEFAULT '';
        ALTER TABLE "user" ALTER role DROP DEFAULT""",
        "23502",
    ),
    "a check": ("""ALTER TABLE "user" ADD CHECK (email LIKE '%@example.com')""", "23514"),
    "a domain": (
        """CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@example.com');
        ALTER TABLE "user" ALTER email TYPE address""",
        "23514",
    ),
    "a short column": (
        """UPDATE "user" SET email = 'a@b.example';
        ALTER TABLE "user" ALTER email TYPE varchar(11)""",
        "22001",
    ),
    "a trigger": (RAISE, "P0001"),
    "a reference": (
        """CREATE TABLE team (name text PRIMARY KEY); INSERT INTO team VALUES ('Ann');
        ALTER TABLE "user" ADD FOREIGN KEY (name) REFERENCES team""",
        "23503",
    ),
    "an exclusion": (
        """INSERT INTO "user" (id, name, email, "emailVerified")
        VALUES ('eve', 'Eve', 'bob@jit.invalid', false)""",
        "23503",
    ),
}


@pytest.fixture
def own(database_url: str) -> Iterator[str]:
    """A database with one user, ann."""
    with temporary_database(database_url) as url:
        ask(url, KNOWN)
        yield url


@pytest.mark.parametrize("case", DEMANDS)
def test_a_user_table_with_further_demands(case: str, own: str, log: BinaryIO) -> None:
    demand, sqlstate = DEMANDS[case]
    ask(own, demand)
    log.read()
    with (
        serve(make_settings(database_url=own)) as base,
        User(base, "ann") as ann,
        User(base, "bob") as bob,
    ):
        task = ann.add()
        refused = [bob.post(bob.tasks, json={"title": "a"}) for _ in range(4)]
        assert ann.all() == [task]
        assert bob.all() == []
        assert bob.get("/readyz").status_code == 200

    assert {(r.status_code, r.json()["code"]) for r in refused} == {(403, "user_required")}
    lines = [orjson.loads(line) for line in log.read().splitlines()]
    [why, *_] = [line for line in lines if line["event"] == "user_not_created"]
    assert (why["level"], why["sqlstate"]) == ("warning", sqlstate)
    assert "jit.invalid" not in str(why)
    assert "user_required" in {line.get("reason") for line in lines}
    assert ask(own, """SELECT count(*) FROM "user" WHERE id = 'bob'""") == [(0,)]


@pytest.mark.parametrize("case", DEMANDS)
def test_under_require_an_unknown_user_is_401_whatever_the_table_demands(
    case: str, own: str
) -> None:
    ask(own, DEMANDS[case][0])
    settings = make_settings(database_url=own, auth_user_provisioning="require")
    with serve(settings) as base, User(base, "ann") as ann, User(base, "bob") as bob:
        ann.add()
        refused = bob.post(bob.tasks, json={"title": "a"})

    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


def test_an_existing_user_row_stays_as_it_is(own: str) -> None:
    before = ask(own, 'SELECT * FROM "user"')
    with serve(make_settings(database_url=own)) as base, User(base, "ann") as ann:
        ann.add()

    assert ask(own, 'SELECT * FROM "user"') == before


@pytest.mark.parametrize("provisioning", ["jit", "require"])
@pytest.mark.parametrize("kind", ["uuid", "integer"])
def test_ids_of_another_type_are_an_outdated_schema_and_no_500(
    kind: str, provisioning: str, own: str
) -> None:
    ask(
        own,
        f"""ALTER TABLE task DROP CONSTRAINT task_user_id_fkey;
        ALTER TABLE task_clock DROP CONSTRAINT task_clock_user_id_fkey;
        ALTER TABLE task_batch DROP CONSTRAINT task_batch_user_id_fkey; TRUNCATE "user";
        ALTER TABLE "user" ALTER id TYPE {kind} USING NULL""",
    )
    if provisioning == "require":
        ask(own, "DROP TABLE task")
    settings = make_settings(database_url=own, auth_user_provisioning=provisioning)
    with serve(settings) as base:
        for name in ("ann", "7", "3a7ef72e-2419-436f-92e4-242e1f40e5a6"):
            with User(base, name) as user:
                refused = user.post(user.tasks, json={"title": "a"})
                assert (refused.status_code, refused.json()["code"]) == (503, "schema_outdated")


def test_a_defect_of_the_task_table_is_not_taken_for_a_missing_user(own: str) -> None:
    ask(own, "ALTER TABLE task ADD colour text NOT NULL")
    with serve(make_settings(database_url=own)) as base, User(base, f"u-{uuid4().hex}") as carol:
        refused = carol.post(carol.tasks, json={"title": "a"})

    assert refused.status_code == 500
