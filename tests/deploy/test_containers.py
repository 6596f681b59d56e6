"""Privileges of the stack's containers, and the contents of the image."""

import pytest

from tests.deploy.configuration import gunicorn
from tests.support.command import ROOT
from tests.support.stack.compose_stack import Stack

pytestmark = pytest.mark.slow

OURS = ["api", "nginx"]
AS_ROOT = ("--rm", "--user=0", "--network=none")
FOUND = "find / -xdev ( -path /proc -o -path /sys ) -prune -o -type f -print"
BYTECODE = "__pycache__"
PROXY_VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY")
NO_PROXY_HERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("service", OURS)
def test_a_container_is_unprivileged_and_read_only(lifted: Stack, service: str) -> None:
    text = lifted.run(service, "cat", "/proc/1/status")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    host = lifted.inspect(service)["HostConfig"]

    assert "0" not in status["Uid"].split()
    assert "0" not in status["Gid"].split()
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 0


@pytest.mark.parametrize("service", [*OURS, "db", "edge"])
def test_a_health_command_ignores_proxies(lifted: Stack, service: str) -> None:
    command = lifted.inspect(service)["Config"]["Healthcheck"]["Test"]
    proxies = [f"--env={name}={NO_PROXY_HERE}" for name in PROXY_VARIABLES]

    assert command[0] == "CMD"
    lifted.compose("exec", "-T", *proxies, service, *command[1:])


def test_the_database_does_not_run_as_root(lifted: Stack) -> None:
    status = lifted.run("db", "cat", "/proc/1/status")

    assert "Uid:\t999\t999\t999\t999" in status


def test_docker_inspect_and_history_show_no_secret(lifted: Stack) -> None:
    secret = lifted.run("api", "cat", "/run/secrets-api/better_auth_secret").strip()
    url = lifted.run("api", "cat", "/run/secrets-api/database_url").strip()
    password = url.split("@")[0].rsplit(":", 1)[1]
    shown = [str(lifted.inspect(name)) for name in ("prepare", "db", "migrate", "api", "nginx")]
    shown.append(lifted.docker("history", "--no-trunc", lifted.image))
    shown.append(lifted.docker("image", "inspect", lifted.image))

    assert len(secret) >= 32
    assert len(password) >= 32
    assert not any(value in text for value in (secret, password) for text in shown)


def test_worker_heartbeat_files_are_on_a_tmpfs(lifted: Stack) -> None:
    mounts = [line.split() for line in lifted.run("api", "cat", "/proc/mounts").splitlines()]
    kinds = {path: kind for _, path, kind, *_ in mounts}

    assert kinds[gunicorn()["worker_tmp_dir"]] == "tmpfs"


def test_the_image_holds_the_sources_and_no_other_files(lifted: Stack) -> None:
    held = lifted.docker("run", *AS_ROOT, lifted.image, *FOUND.split()).splitlines()
    ours = {name.removeprefix("/app/") for name in held if name.startswith("/app/")}
    programs = [path for part in ("api", "deploy", "observability") for path in files(part)]

    assert [name for name in held if name.endswith((".key", "/.env"))] == []
    assert {name for name in ours if BYTECODE not in name} == {*programs}


def files(part: str) -> list[str]:
    """The files of a folder that belong into the image."""
    every = [*(ROOT / part).rglob("*")] if part == "api" else [*(ROOT / part).glob("*.py")]
    if part == "deploy":
        every += [ROOT / part / "local" / name for name in ("__init__.py", "access_token.py")]
    kept = (path for path in every if path.is_file() and BYTECODE not in str(path))
    return [
        str(path.relative_to(ROOT))
        for path in kept
        if path.name not in {"slo.py", "release.py"} and path.suffix not in {".md", ".mako"}
    ]
