"""Connection strings of hosting consoles: usable ones are kept, others refused with a reason."""

from pathlib import Path

import certifi
import pytest
from psycopg2.extensions import parse_dsn
from pydantic import ValidationError

from api.config.database_url import DatabaseUrl
from api.database.urls import connection_parameters, direct_url
from tests.support.http.server import make_settings

HOST = "ep-cool-name-123.c-2.eu-central-1.aws.neon.tech"
POOLER = HOST.replace("123.", "123-pooler.")
NEON = f"postgresql://owner:hidden@{HOST}/neondb"
POOLED = f"postgresql://owner:hidden@{POOLER}/neondb"
REQUIRED = "?sslmode=require&channel_binding=require"


def secured(text: str) -> dict[str, object]:
    """The parameters that libpq gets; fails if libpq cannot parse them."""
    url = DatabaseUrl.parse(text).secured()
    parse_dsn(url.reveal())
    return dict(url.url.query)


@pytest.mark.parametrize("url", [NEON, POOLED])
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_neon_console_url_is_accepted_and_verified(scheme: str, url: str) -> None:
    query = secured(scheme + url.removeprefix("postgresql") + REQUIRED)

    assert query == {
        "sslmode": "verify-full",
        "sslrootcert": certifi.where(),
        "channel_binding": "require",
    }


@pytest.mark.parametrize("mode", ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require"])
def test_neon_certificate_is_always_verified(mode: str) -> None:
    assert secured(NEON + mode)["sslmode"] == "verify-full"


def test_explicit_sslmode_and_root_certificate_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.touch()

    query = secured(f"{NEON}?sslmode=verify-ca&sslrootcert={root}")

    assert query == {"sslmode": "verify-ca", "sslrootcert": f"{root}"}


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("postgresql://u:p@db.example.com/d", {"sslmode": "verify-full"}),
        ("postgresql://u:p@db.example.com/d?sslmode=require", {"sslmode": "require"}),
        ("postgresql://u:p@db/d?sslmode=disable", {"sslmode": "disable"}),
        ("postgresql://u:p@10.0.0.5/d", {"sslmode": "verify-full"}),
        ("postgresql://u:p@evil-neon.tech.example.com/d?sslmode=require", {"sslmode": "require"}),
    ],
)
def test_remote_host_is_verified_unless_sslmode_is_set(url: str, query: dict[str, str]) -> None:
    found = secured(url)

    assert found["sslmode"] == query["sslmode"]
    assert ("sslrootcert" in found) == (query["sslmode"] == "verify-full")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@localhost/d",
        "postgresql://u:p@127.0.0.1:6432/d",
        "postgresql://u:p@[::1]/d",
        "postgresql://u@/d?host=/var/run/postgresql",
        "postgresql:///d",
    ],
)
def test_url_of_a_local_server_is_unchanged(url: str) -> None:
    given = DatabaseUrl.parse(url)
    assert given.secured() == given


@pytest.mark.parametrize("url", [NEON, POOLED])
def test_endpoint_option_of_older_clients_is_dropped(url: str) -> None:
    query = secured(f"{url}?sslmode=require&options=endpoint%3Dep-cool-name-123")

    assert "options" not in query


def test_other_options_stay_on_a_direct_url() -> None:
    assert secured(f"{NEON}?options=-c%20jit%3Doff")["options"] == "-c jit=off"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"{POOLED}?options=-c%20statement_timeout%3D1", "remove `options`"),
        (f"{NEON}?channel_binding=require&sslmode=disable", "needs TLS"),
        (f"{NEON}?sslrootcert=/nowhere/hidden.pem", "sslrootcert that does not exist"),
        (f"{NEON}?sslmod=require", "does not know: sslmod"),
        (f"{NEON}?pgbouncer=true", "does not know: pgbouncer"),
        ("postgresql://owner:hid@den@host/db", "write %XX"),
        ("postgresql://owner:hid%den@host/db", "write %XX"),
        ("postgresql://owner:hidden@host:notaport/db", "write %XX"),
        ("mysql://owner:hidden@host/db", "must look like"),
        ("postgresql+asyncpg://owner:hidden@host/db", "must look like"),
        ("hidden", "must look like"),
        ("", "must look like"),
    ],
)
def test_unusable_url_is_refused_with_a_reason_and_no_password(url: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        DatabaseUrl.parse(url)

    assert said in str(caught.value)
    assert "hid" not in str(caught.value)
    assert "den" not in str(caught.value)


def test_settings_error_does_not_show_the_password() -> None:
    with pytest.raises(ValidationError) as caught:
        make_settings(database_url="postgresql://owner:hid@den@host/db")

    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("pooled", [True, False])
def test_api_and_migration_urls_are_derived_from_one_url(*, pooled: bool) -> None:
    settings = make_settings(database_url=(POOLED if pooled else NEON) + REQUIRED)

    parameters, url = connection_parameters(settings), direct_url(settings)
    assert parameters["host"] == (POOLER if pooled else HOST)
    assert url.host == HOST
    assert url.query.items() <= parameters.items()


@pytest.mark.parametrize("given", ["a%3A%2F%3F%23%5B%5D%40%25b", "a:/?#[]%40%25b"])
def test_password_with_reserved_characters_is_decoded(given: str) -> None:
    url = DatabaseUrl.parse(f"postgresql://owner:{given}@host/db")

    assert (url.url.password, url.url.host) == ("a:/?#[]@%b", "host")
    assert parse_dsn(url.reveal())["password"] == url.url.password
