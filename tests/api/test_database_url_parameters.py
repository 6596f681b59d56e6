"""Parameters of connection strings: what stands there counts as if it stood in its place."""

import certifi
import pytest

from api.config.database_url import DatabaseUrl
from tests.api.test_database_url import HOST, NEON, POOLER, secured

STORES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.mark.parametrize("host", [HOST, POOLER])
def test_a_host_in_a_parameter_is_a_host(host: str) -> None:
    url = DatabaseUrl.parse(f"postgresql://owner:hidden@/neondb?host={host}&sslmode=require")

    assert url == DatabaseUrl.parse(f"postgresql://owner:hidden@{host}/neondb?sslmode=require")
    assert url.is_pooled == (host == POOLER)
    assert url.direct().url.host == HOST
    assert url.secured().url.query["sslmode"] == "verify-full"


def test_the_systems_certificates_are_taken_where_the_environment_says_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())

    assert secured(f"{NEON}?sslrootcert=system")["sslrootcert"] == "system"


def test_the_systems_certificates_are_refused_where_libpq_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in STORES:
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ValueError, match="set SSL_CERT_FILE"):
        DatabaseUrl.parse(f"{NEON}?sslrootcert=system")


def test_the_pooler_takes_no_options_wherever_it_is_named() -> None:
    with pytest.raises(ValueError, match="remove `options`"):
        DatabaseUrl.parse(f"postgresql://owner:hidden@/db?host={POOLER}&options=-c%20a%3D1")
