"""From a clean clone to nothing left: up, in use, given secrets and certificates, down, clean."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import ROOT, finished
from tests.support.database.migrated import folder
from tests.support.stack.edge import got
from tests.support.stack.stack import Stack, need_engine, settings_of
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SECRET = "another secret of at least thirty-two bytes"
FILE = "deploy/secrets/better_auth_secret"
KINDS = ("container", "network", "volume")
UP = ("make", "up", "SERVICES=api nginx")


def clone(path: Path) -> None:
    """Everything that is not ignored, as git would bring it."""
    words = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    names = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, path / name, follow_symlinks=False)


@pytest.fixture(scope="module")
def cloned() -> Iterator[Stack]:
    """A stack in a clone of its own, which nobody has prepared; ``.env`` is read there."""
    need_engine()
    with folder() as path:
        clone(path)
        usual = settings_of(path / ".data")
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
            stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


def refusal(stack: Stack) -> list[str]:
    """What ``make up`` says when it refuses."""
    with finished(*UP, cwd=stack.clone, settings=stack.settings) as command:
        assert command.process.returncode == 2
        return [line for line in command.sentences() if not line.startswith((" ", "#"))]


def test_it_starts_from_nothing_and_keeps_what_it_is_given(cloned: Stack) -> None:
    said = cloned.up()
    with cloned.user("carol") as carol:
        task = carol.post("/tasks", json={"title": "kept"}).json()
        certificate = (cloned.data / "tls.crt").read_bytes()
        cloned.make("down")
        assert (cloned.owned("container"), cloned.owned("network")) == ([], [])
        cloned.up()
        found = carol.get("/tasks").json()

    assert f"https://localhost:{cloned.https_port}" in said
    assert not (cloned.clone / ".venv").exists()
    assert found == [task]
    assert (cloned.data / "tls.crt").read_bytes() == certificate


def test_another_secret_reaches_what_runs_and_no_inspection(cloned: Stack) -> None:
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


def test_what_is_as_it_was_runs_on(cloned: Stack) -> None:
    before = [cloned.container(name) for name in ("db", "api", "nginx")]
    cloned.up()

    assert [cloned.container(name) for name in ("db", "api", "nginx")] == before


def test_half_a_certificate_is_one_sentence(cloned: Stack) -> None:
    given = cloned.clone / "deploy" / "certs" / "tls.crt"
    shutil.copy(cloned.data / "tls.crt", given)
    said = refusal(cloned)
    given.unlink()

    [sentence] = said
    assert sentence.startswith(
        "deploy/certs: tls.crt and tls.key must be a certificate and its key"
    )


def test_another_certificate_is_shown_at_the_next_up(cloned: Stack) -> None:
    certs, old = cloned.clone / "deploy" / "certs", (cloned.data / "tls.crt").read_bytes()
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    out = ("-nodes", "-keyout", str(certs / "tls.key"), "-out", str(certs / "tls.crt"))
    cloned.said(*made, *subject, *out)
    running = cloned.container("nginx")
    cloned.up()

    assert (cloned.data / "tls.crt").read_bytes() == (certs / "tls.crt").read_bytes() != old
    until(lambda: _is_served(cloned))
    assert cloned.container("nginx") == running
    find = ("run", "--rm", "--user=0", "tasks-api", "find", "/", "-xdev", "-name")
    assert [cloned.docker(*find, name) for name in ("tls.key", "better_auth_secret")] == ["", ""]


def test_a_part_without_nginx_says_so(cloned: Stack) -> None:
    cloned.compose("rm", "--stop", "--force", "nginx")
    said = cloned.said("make", "up", "SERVICES=api")[1]

    assert said.splitlines()[-1].startswith("Ready, without nginx")


def test_clean_leaves_nothing(cloned: Stack) -> None:
    before = {kind: cloned.owned(kind) for kind in KINDS}
    cloned.make("clean")

    assert all(before.values())
    assert [cloned.owned(kind) for kind in KINDS] == [[], [], []]
    assert cloned.docker("images", "--quiet", "tasks-api") == ""
    assert not any((cloned.clone / name).exists() for name in (".venv", ".data"))


def _is_served(stack: Stack) -> bool:
    """Whether the certificate that was given last is the one that is shown."""
    try:
        return got(stack).status == 200
    except OSError:
        return False
