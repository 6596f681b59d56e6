"""What the stack's one-shot service leaves in its volumes."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from deploy import prepare
from tests.support.command import ROOT, free_port
from tests.support.database import folder
from tests.support.parts import missing

OWNERS = {"api": prepare.API, "db": prepare.DATABASE, "nginx": prepare.NGINX}


@pytest.fixture
def volumes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Empty volumes, and a folder where nobody gave a certificate."""
    if os.geteuid() != 0:
        missing("root, who alone may give files away")
    with folder() as path:
        for name in (*OWNERS, "given"):
            (path / name).mkdir()
        monkeypatch.setattr(prepare, "VOLUMES", path)
        monkeypatch.setattr(prepare, "GIVEN", path / "given")
        yield path


def read(volumes: Path) -> dict[str, str]:
    """Every file that was made."""
    files = sorted(path for name in OWNERS for path in (volumes / name).iterdir())
    return {f"{path.parent.name}/{path.name}": path.read_text() for path in files}


def test_each_file_belongs_to_its_reader_alone(volumes: Path) -> None:
    prepare.main()

    for name in read(volumes):
        found = (volumes / name).stat()
        assert (found.st_uid, found.st_mode & 0o777) == (OWNERS[name.split("/")[0]], 0o400)


def test_a_second_run_changes_nothing(volumes: Path) -> None:
    prepare.main()
    before = read(volumes)
    prepare.main()

    assert read(volumes) == before
    assert before["api/database_url"].endswith("@db:5432/postgres?sslmode=disable")
    assert before["db/password"] in before["api/database_url"]
    assert len(before["api/better_auth_secret"]) >= 32


def test_what_is_given_is_handed_on(volumes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DATABASE_URL": "postgres://u:p@h/d", "BETTER_AUTH_SECRET": "s" * 32}
    for name, value in {**given, "CORS_ORIGINS": "https://a.example", "HTTPS_PORT": "443"}.items():
        monkeypatch.setenv(name, value)
    for name in ("tls.crt", "tls.key"):
        (volumes / "given" / name).write_text(name)
    prepare.main()

    found = read(volumes)
    assert found["api/database_url"] == given["DATABASE_URL"]
    assert found["api/better_auth_secret"] == given["BETTER_AUTH_SECRET"]
    assert found["nginx/tls.key"] == "tls.key"
    assert '"https://a.example" $http_origin;' in found["nginx/public.conf"]
    assert 'default "";\n}\n' in found["nginx/public.conf"].split("$https_port")[1]


def test_a_certificate_is_for_this_machine_and_renewed_in_time(
    volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.main()
    first = read(volumes)["nginx/tls.crt"]
    monkeypatch.setattr(prepare, "RENEW_DAYS", prepare.DAYS + 1)
    prepare.main()

    certificate = x509.load_pem_x509_certificate(first.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    ssl.create_default_context(cadata=first)
    assert read(volumes)["nginx/tls.crt"] != first


@pytest.mark.parametrize(("port_of", "code"), [("server", 0), ("nobody", 1)])
def test_the_health_check_is_an_exit_code(base_url: str, port_of: str, code: int) -> None:
    port = base_url.rpartition(":")[2] if port_of == "server" else str(free_port())
    done = subprocess.run(
        [sys.executable, "deploy/healthcheck.py"],
        cwd=ROOT,
        env={**os.environ, "PORT": port},
        capture_output=True,
        check=False,
    )

    assert done.returncode == code
