"""Migrations of databases with a history: restored, shared, of another release, half indexed."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.config import Config
from sqlalchemy import make_url

from api.migrations import __main__ as migrations
from api.migrations.locks import ADVISORY_LOCK_KEY
from deploy.local.cluster import binary
from tests.support.command import finished
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate, unmigrated_server
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve
from tests.support.waiting import wait_until

MIGRATE = ".venv/bin/python", "-m", "api.migrations"
FOREIGN_VERSION = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('{revision}')
"""
REVISION = """
from time import sleep
from alembic import op
from sqlalchemy import text
from api.migrations.locks import autocommit_block

revision, down_revision = "9999", {newest!r}

SETTINGS = '''
    INSERT INTO observed SELECT current_setting('lock_timeout'), count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND objid = {key} AND pid = pg_backend_pid() AND granted
'''

OTHER = '''SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tasks-api-migrate'
    AND datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%advisory%'
'''

def upgrade() -> None:
    op.execute("CREATE TABLE observed (lock_timeout text, locks bigint)")
    op.execute(SETTINGS)
    with autocommit_block():
        while not op.get_bind().scalar(text(OTHER)):
            sleep(0.1)
        op.execute("CREATE INDEX CONCURRENTLY task_slow ON task (title)")
        op.execute(SETTINGS)
    op.execute(SETTINGS)
"""


NEWER = """
from alembic import op

revision, down_revision, contract = "9998", {newest!r}, {contract}

def upgrade() -> None:
    op.execute("ALTER TABLE task ADD COLUMN colour text")
"""
FAILS = """
from alembic import op
from api.migrations.locks import autocommit_block

revision, down_revision = "9999", "9998"

def upgrade() -> None:
    with autocommit_block():
        op.execute("SELECT 1 / 0")
"""
NOTE = "SELECT obj_description('task_api_version'::regclass, 'pg_class')"
MAY_READ = "SELECT has_table_privilege('task_api', 'task', 'SELECT')"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A new PostgreSQL without our role."""
    with unmigrated_server() as url:
        yield url


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A new database on a server without our role."""
    with empty_database(server) as url:
        yield url
    ask(server, "DROP ROLE IF EXISTS task_api")


def test_a_database_restored_into_a_new_server_serves_once_it_is_migrated(
    database_url: str, empty: str
) -> None:
    with empty_database(database_url) as old:
        migrate(old)
        with serve(make_settings(database_url=old)) as base, User(base, "ann") as ann:
            task = ann.add()
        restore(old, empty)

    migrate(empty)

    with serve(make_settings(database_url=empty)) as base, User(base, "ann") as ann:
        assert ann.all() == [task]
        assert ann.add()["id"] > task["id"]
        with User(base, "bob") as bob:
            assert bob.all() == []


@pytest.mark.parametrize(
    "damage",
    [
        "REVOKE SELECT ON task FROM task_api",
        'REVOKE INSERT (id) ON "user" FROM task_api',
        "REVOKE USAGE ON SCHEMA public FROM task_api, public",
        "ALTER TABLE task NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE task DISABLE ROW LEVEL SECURITY",
    ],
)
def test_each_migration_restores_grants_and_row_level_security(damage: str, empty: str) -> None:
    wall = """SELECT relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class
        WHERE relname IN ('task', 'user') ORDER BY relname"""
    migrate(empty)
    before = ask(empty, wall)
    ask(empty, damage)

    migrate(empty)

    assert sorted(map(str, ask(empty, wall))) == sorted(map(str, before))
    with serve(make_settings(database_url=empty)) as base, User(base, "ann") as ann:
        assert ann.add()


@pytest.mark.parametrize("revision", ["0001", "4f2a9c", "9999"])
def test_the_version_table_of_another_application_is_left_alone(revision: str, empty: str) -> None:
    ask(empty, FOREIGN_VERSION.format(revision=revision))

    migrate(empty)

    assert ask(empty, "SELECT version_num FROM alembic_version") == [(revision,)]
    assert ask(empty, "SELECT to_regclass('task') IS NOT NULL") == [(True,)]


def test_the_version_table_of_an_earlier_release_is_renamed(empty: str) -> None:
    migrate(empty)
    ask(empty, "ALTER TABLE task_api_version RENAME TO alembic_version")

    migrate(empty)

    assert ask(empty, "SELECT to_regclass('alembic_version')") == [(None,)]
    assert len(ask(empty, "SELECT version_num FROM task_api_version")) == 1


@pytest.mark.parametrize("contract", [False, True])
def test_an_earlier_release_runs_on_a_newer_schema_unless_that_contracts(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, contract: bool
) -> None:
    migrate(empty)
    [(newest,)] = ask(empty, "SELECT version_num FROM task_api_version")
    with monkeypatch.context() as release:
        add_revision(release, tmp_path, NEWER.format(newest=newest, contract=contract))
        migrate(empty)
    ask(empty, "REVOKE SELECT ON task FROM task_api")

    if contract:
        with pytest.raises(SystemExit, match=r"^Cannot migrate .*9998.*or a newer one$"):
            migrate(empty)
    else:
        with finished(*MIGRATE, settings={"DATABASE_URL": empty}) as command:
            assert command.process.returncode == 0
            assert "revision 9998 of a newer release" in command.error_lines()[-1]
    assert ask(empty, "SELECT version_num FROM task_api_version") == [("9998",)]
    assert ask(empty, MAY_READ) == [(not contract,)]


def test_a_contracting_revision_counts_even_if_the_next_one_fails(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    [(newest,)] = ask(empty, "SELECT version_num FROM task_api_version")
    with monkeypatch.context() as release:
        add_revision(release, tmp_path, NEWER.format(newest=newest, contract=True), FAILS)
        with pytest.raises(SystemExit, match="division by zero"):
            migrate(empty)

    with pytest.raises(SystemExit, match=r"^Cannot migrate .*9998.*or a newer one$"):
        migrate(empty)


def test_the_note_that_earlier_releases_compare_never_changes(empty: str) -> None:
    migrate(empty)

    assert ask(empty, NOTE) == [("Releases that know revision 0002 can run on this schema.",)]


def test_another_applications_task_table_is_refused_in_one_sentence(empty: str) -> None:
    ask(empty, "CREATE TABLE task (id int)")

    with pytest.raises(SystemExit, match=r'^Cannot migrate .*: relation "task" already exists$'):
        migrate(empty)
    assert ask(empty, "SELECT to_regclass('task_api_version')") == [(None,)]


def test_a_concurrent_index_keeps_advisory_lock_and_lock_timeout_beside_a_second_migration(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    [(newest,)] = ask(empty, "SELECT version_num FROM task_api_version")
    add_revision(monkeypatch, tmp_path, REVISION.format(newest=newest, key=ADVISORY_LOCK_KEY))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(migrate, empty)
        wait_until(
            lambda: first.done() or ask(empty, "SELECT to_regclass('observed')") != [(None,)]
        )
        if first.done():
            first.result()
        # An index waits for snapshots, and so for a statement that waits for the advisory lock.
        with finished(*MIGRATE, settings={"DATABASE_URL": empty}) as second:
            assert "9999" in second.errors  # it waited for the revision, which it does not have
        assert first.result() is None

    assert ask(empty, "SELECT * FROM observed WHERE lock_timeout <> '5s' OR locks < 1") == []
    assert ask(empty, "SELECT count(*) FROM observed") == [(3,)]
    held = (
        f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {ADVISORY_LOCK_KEY}"
    )
    assert ask(empty, held) == [(0,)]


def test_an_owner_without_bypassrls_can_dump_as_the_runbook_says(server: str) -> None:
    owner = f"owner_{uuid4().hex}"
    ask(server, f"CREATE ROLE {owner} LOGIN PASSWORD 'secret' CREATEROLE")
    with empty_database(server, owner=owner) as admins:
        url = make_url(admins).set(username=owner, password="secret")
        own = url.render_as_string(hide_password=False)
        migrate(own)
        with serve(make_settings(database_url=own)) as base, User(base, "ann") as ann:
            task = ann.add("the only task")
            assert b"affected by row-level security" in dump(own).stderr

            for table in ("task", "task_clock", "task_batch"):
                ask(own, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            dumped = dump(own)
            with User(base, "bob") as bob:
                assert (ann.all(), bob.all()) == ([task], [])
        migrate(own)
        forced = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'task'"
        assert ask(own, forced) == [(True,)]
    ask(server, "DROP ROLE task_api")
    ask(server, f"DROP ROLE {owner}")

    assert (dumped.returncode, dumped.stderr) == (0, b"")
    assert b"the only task" in dumped.stdout


def add_revision(patch: pytest.MonkeyPatch, folder: Path, *sources: str) -> None:
    """Let a migration find more revisions, as in a newer release."""
    for number, source in enumerate(sources):
        (folder / f"{number}_newer.py").write_text(source)
    ours = migrations.alembic_config
    versions = Path(migrations.__file__).parent / "versions"

    def with_revision() -> Config:
        config = ours()
        config.set_main_option("version_locations", os.pathsep.join([f"{versions}", f"{folder}"]))
        return config

    patch.setattr(migrations, "alembic_config", with_revision)


def dump(url: str) -> subprocess.CompletedProcess[bytes]:
    """What ``pg_dump`` writes as text."""
    return subprocess.run([binary("pg_dump"), url], check=False, capture_output=True)


def restore(source: str, target: str) -> None:
    """Copy a database as the runbook does; grants to the role that is missing here fail."""
    dump = subprocess.run(
        [binary("pg_dump"), "--format=custom", source], check=True, capture_output=True
    )
    subprocess.run(
        [binary("pg_restore"), f"--dbname={target}"],
        input=dump.stdout,
        check=False,
        capture_output=True,
    )
