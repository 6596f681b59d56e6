"""Verified TLS to the database, for real: who is there must be who the URL names."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from tests.support.database.embedded_postgres import readable_folder
from tests.support.database.pgbouncer import Pooler, pooler
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.certificates import self_signed
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve


@pytest.fixture(scope="module")
def files() -> Iterator[Path]:
    """Certificates for an address and for a name, and one that no client trusts."""
    hosts = {"known": "127.0.0.1", "named": "localhost", "unknown": "127.0.0.1"}
    with readable_folder() as path:
        for name, host in hosts.items():
            (path / name).mkdir(mode=0o755)
            self_signed(path / name, host)
            (path / name / "key.pem").chmod(0o644)
        yield path


@contextmanager
def encrypting(server: RestartablePostgres, certificate: Path) -> Iterator[Pooler]:
    """A pooler that takes TLS alone, and shows this certificate."""
    tls = {
        "client_tls_sslmode": "require",
        "client_tls_key_file": certificate / "key.pem",
        "client_tls_cert_file": certificate / "certificate.pem",
    }
    with pooler(server.url, size=4, **tls) as made:
        yield made


@pytest.fixture(scope="module")
def encrypted(server: RestartablePostgres, files: Path) -> Iterator[Pooler]:
    """A pooler that shows the certificate of an address."""
    with encrypting(server, files / "known") as made:
        yield made


def asked(encrypted: Pooler, host: str = "127.0.0.1", **query: str) -> int:
    """The status of a list's answer from an API that asks its database so."""
    url = make_url(encrypted.url).set(host=host).update_query_dict(query)
    settings = make_settings(
        database_url=url.render_as_string(hide_password=False), connect_deadline_seconds=1
    )
    with serve(settings) as base, User(base, uuid4().hex) as user:
        return user.get(user.tasks).status_code


def said(log: BinaryIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read().splitlines()]
    return [line for line in lines if line["event"] == "database_away"]


def test_a_known_certificate_is_accepted(encrypted: Pooler, files: Path) -> None:
    root = f"{files / 'known' / 'certificate.pem'}"

    assert asked(encrypted, sslmode="verify-full", sslrootcert=root) == 200


@pytest.mark.parametrize("root", ["unknown", None])
def test_an_unknown_certificate_is_refused_and_named(
    root: str | None, encrypted: Pooler, files: Path, log: BinaryIO
) -> None:
    query = {"sslrootcert": f"{files / root / 'certificate.pem'}"} if root else {}
    log.read()

    status = asked(encrypted, sslmode="verify-full", **query)

    [line] = said(log)
    assert status == 503
    assert line["reason"] == "credentials"
    assert "certificate" in line["error"]


def test_a_certificate_of_another_host_is_refused_under_verify_full(
    encrypted: Pooler, files: Path, log: BinaryIO
) -> None:
    root = f"{files / 'known' / 'certificate.pem'}"
    log.read()

    full = asked(encrypted, "localhost", sslmode="verify-full", sslrootcert=root)
    [line] = said(log)
    only_signed = asked(encrypted, "localhost", sslmode="verify-ca", sslrootcert=root)

    assert (full, only_signed) == (503, 200)
    assert "localhost" in line["error"]


def test_a_host_is_verified_by_its_name_though_its_address_is_looked_up_by_us(
    server: RestartablePostgres, files: Path
) -> None:
    root = f"{files / 'named' / 'certificate.pem'}"
    with encrypting(server, files / "named") as named:
        assert asked(named, "localhost", sslmode="verify-full", sslrootcert=root) == 200
        assert asked(named, "127.0.0.1", sslmode="verify-full", sslrootcert=root) == 503


def test_a_server_that_takes_tls_alone_is_asked_in_tls(encrypted: Pooler) -> None:
    assert asked(encrypted, sslmode="require") == 200
    assert asked(encrypted, sslmode="disable") == 503


def test_a_server_without_tls_is_refused_where_it_is_asked_for(
    server: RestartablePostgres, log: BinaryIO
) -> None:
    url = make_url(server.url).update_query_dict({"sslmode": "require"})
    settings = make_settings(database_url=url.render_as_string(hide_password=False))
    log.read()
    with serve(settings) as base, User(base, uuid4().hex) as user:
        assert user.get(user.tasks).status_code == 503

    assert "support SSL" in said(log)[0]["error"]
