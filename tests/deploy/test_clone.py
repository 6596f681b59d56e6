"""The life of a stack from a clean clone: up, changed secret and certificate, down, clean."""

import shutil
from collections.abc import Iterator

import pytest

from tests.deploy.clones import clone
from tests.deploy.edge_client import got
from tests.support.command import running
from tests.support.database.embedded_postgres import readable_folder
from tests.support.documents import block
from tests.support.http.certificates import self_signed
from tests.support.stack.compose_project import BUILD_SECONDS
from tests.support.stack.compose_stack import Stack, project_settings, require_engine
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SECRET = "another secret of at least thirty-two bytes"
FILE = "deploy/secrets/better_auth_secret"
KINDS = ("container", "network", "volume")
DUMP = block("observability/RUNBOOK.md", "docker compose exec -T db pg_dump")
RESTORE = block("observability/RUNBOOK.md", "docker compose stop nginx api")
UP = ("make", "up", "SERVICES=api nginx")


@pytest.fixture(scope="module")
def cloned() -> Iterator[Stack]:
    """A stack in a fresh clone with an ``.env``."""
    require_engine()
    with readable_folder() as path:
        clone(path)
        usual = project_settings(path / ".data")
        said = {name: usual[name] for name in ("COMPOSE_PROJECT_NAME", "DATA_DIR")}
        ports = {name: usual[name] for name in ("HTTPS_PORT", "HTTP_PORT")}
        told = ports | {"BETTER_AUTH_SECRET_FILE": FILE}
        (path / ".env").write_text("".join(f"{name}={told[name]}\n" for name in told))
        (path / FILE).parent.mkdir()
        (path / FILE).write_text(SECRET.replace("another", "a first"))
        stack = Stack(said | ports, path)
        try:
            yield stack
        finally:
            stack.remove()


def refusal(stack: Stack) -> list[str]:
    """The error text of a ``make up`` that fails."""
    with running(*UP, cwd=stack.clone, settings=stack.settings) as command:
        assert command.process.wait(BUILD_SECONDS) == 2
        return [line for line in command.error_lines() if not line.startswith((" ", "#"))]


def test_a_clean_clone_starts_and_keeps_its_data_after_make_down(cloned: Stack) -> None:
    cloned.compose("up", "--detach", "--wait", "api", "nginx")
    certificate = (cloned.clone / cloned.make("certificate").strip()).read_bytes()
    with cloned.user("carol") as carol:
        task = carol.post("/tasks", json={"title": "kept"}).json()
        cloned.make("down")
        assert (cloned.owned("container"), cloned.owned("network")) == ([], [])
        said = cloned.up()
        found = carol.get("/tasks").json()

    assert f"https://localhost:{cloned.https_port}" in said
    assert not (cloned.clone / ".venv").exists()
    assert found == [task]
    assert (cloned.data / "tls.crt").read_bytes() == certificate


def test_a_dump_brings_deleted_tasks_back(cloned: Stack) -> None:
    restore = RESTORE.replace("make up", 'make up SERVICES="api nginx"')
    with cloned.user("erin") as erin:
        task = erin.post("/tasks", json={"title": "dumped"}).json()
        cloned.said("bash", "-euc", DUMP)
        erin.delete(f"/tasks/{task['id']}")
        cloned.said("bash", "-euc", restore)
        found = erin.get("/tasks").json()

    assert found == [task]


def test_a_changed_secret_reaches_the_api_and_is_not_shown_by_inspect(cloned: Stack) -> None:
    with cloned.user("dave") as dave:
        before = dave.get("/tasks").status_code
        (cloned.clone / FILE).write_text(f"{SECRET}\n")
        cloned.up()
        after = dave.get("/tasks").status_code
    with cloned.user("dave") as dave:
        served = dave.get("/tasks").status_code

    assert (before, after, served) == (200, 401, 200)
    assert cloned.run("api", "cat", "/run/secrets-api/better_auth_secret") == SECRET
    for service in ("prepare", "migrate", "api"):
        assert SECRET not in str(cloned.inspect(service))


def test_make_up_refuses_a_certificate_without_its_key_in_one_sentence(cloned: Stack) -> None:
    given = cloned.clone / "deploy" / "certs" / "tls.crt"
    shutil.copy(cloned.data / "tls.crt", given)
    said = refusal(cloned)
    given.unlink()

    assert said[-1].startswith(
        "deploy/certs: tls.crt and tls.key must be a certificate and its key"
    )


def test_make_up_loads_a_new_certificate_without_a_restart_of_nginx(cloned: Stack) -> None:
    certs, old = cloned.clone / "deploy" / "certs", (cloned.data / "tls.crt").read_bytes()
    self_signed(certs, "localhost")
    (certs / "key.pem").rename(certs / "tls.key")
    (certs / "certificate.pem").rename(certs / "tls.crt")
    running = cloned.container("nginx")
    cloned.up()

    assert (cloned.data / "tls.crt").read_bytes() == (certs / "tls.crt").read_bytes() != old
    wait_until(lambda: _is_served(cloned))
    assert cloned.container("nginx") == running
    find = ("run", "--rm", "--user=0", cloned.image, "find", "/", "-xdev", "-name")
    assert [cloned.docker(*find, name) for name in ("tls.key", "better_auth_secret")] == ["", ""]


def test_a_removed_certificate_is_no_longer_used(cloned: Stack) -> None:
    given = [cloned.clone / "deploy" / "certs" / name for name in ("tls.crt", "tls.key")]
    before = given[0].read_bytes()
    for path in given:
        path.unlink()
    cloned.up()

    assert (cloned.data / "tls.crt").read_bytes() != before
    wait_until(lambda: _is_served(cloned))


def test_make_up_without_nginx_prints_that_nothing_is_published(cloned: Stack) -> None:
    cloned.compose("rm", "--stop", "--force", "nginx")
    said = cloned.said("make", "up", "SERVICES=api")[1]

    assert said.splitlines()[-1].startswith("Ready, without nginx")


def test_make_clean_removes_everything(cloned: Stack) -> None:
    before = {kind: cloned.owned(kind) for kind in KINDS}
    replaced = cloned.docker("images", "--quiet", cloned.image).strip()
    cloned.compose("build", "--build-arg", "REVISION=next", "api")
    cloned.make("clean")

    assert all(before.values())
    assert [cloned.owned(kind) for kind in KINDS] == [[], [], []]
    assert cloned.docker("images", "--quiet", cloned.image) == ""
    assert replaced not in cloned.docker("images", "--quiet").split()
    assert not any((cloned.clone / name).exists() for name in (".venv", ".data"))


def _is_served(stack: Stack) -> bool:
    """Whether nginx serves the certificate of the last ``make up``."""
    try:
        return got(stack).status == 200
    except OSError:
        return False
