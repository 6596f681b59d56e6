"""``make load`` without a stack, and its errors; ``test_live.py`` runs it on the stack."""

import re
from pathlib import Path

import pytest

from tests.support.command import ROOT, Command, finished, free_port
from tests.support.http.server import SECRET
from tests.support.observability.latency_table import rows

LIMITS = (ROOT / "deploy" / "nginx" / "limits.conf").read_text()


def test_it_runs_against_an_api_without_a_stack(base_url: str) -> None:
    settings = {"BETTER_AUTH_SECRET": SECRET, "RATE": "8"}
    with finished("make", "load", f"URL={base_url}", "SECONDS=1", settings=settings) as command:
        table = rows(command.output)

        assert {"list", "get", "create"} <= {*table}
        assert {row[1] for row in table.values()} == {"0"}
        assert "1 of 1 s" in command.errors


def refusal(command: Command) -> str:
    """The only sentence of a command that failed."""
    assert command.process.returncode != 0
    [sentence] = command.error_lines()
    return sentence


def test_without_the_certificate_it_names_the_command_that_creates_it(tmp_path: Path) -> None:
    with finished("make", "load", f"DATA_DIR={tmp_path}") as command:
        assert refusal(command).startswith(f"{tmp_path}/tls.crt is not there: `make up`")


@pytest.mark.parametrize("setting", ["HTTPS_PORT", "URL"])
def test_without_an_api_it_names_the_address(tmp_path: Path, setting: str) -> None:
    port = free_port()
    value = f"http://127.0.0.1:{port}" if setting == "URL" else f"{port}"
    (tmp_path / "tls.crt").touch()
    with finished("make", "load", f"DATA_DIR={tmp_path}", f"{setting}={value}") as command:
        assert refusal(command).startswith("Nothing answers at http")
        assert f":{port}: `make up`" in refusal(command)


def test_the_rate_is_below_the_limits_for_one_address_and_one_token() -> None:
    users = (ROOT / "tests" / "load" / "users.py").read_text()
    [rate] = re.findall(r'get\("RATE", "(\d+)"\)', users)
    [number] = re.findall(r"^USERS = (\d+)", users, re.MULTILINE)
    limits = dict(re.findall(r"zone=(\w+):10m rate=(\d+)r/s", LIMITS))

    assert int(rate) < int(limits["address"])
    assert int(rate) / int(number) < int(limits["token"])
