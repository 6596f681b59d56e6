"""Parameters of connection strings: a host given as a parameter is treated as the host."""

import certifi
import pytest

from api.config.database_url import DatabaseUrl
from tests.api.test_database_url import HOST, NEON, POOLER, secured

STORES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.mark.parametrize("host", [HOST, POOLER])
def test_host_parameter_is_used_as_the_host(host: str) -> None:
    url = DatabaseUrl.parse(f"postgresql://owner:hidden@/neondb?host={host}&sslmode=require")

    assert url == DatabaseUrl.parse(f"postgresql://owner:hidden@{host}/neondb?sslmode=require")
    assert url.is_pooled == (host == POOLER)
    assert url.direct().url.host == HOST
    assert url.secured().url.query["sslmode"] == "verify-full"


def test_system_certificates_are_accepted_with_ssl_cert_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())

    assert secured(f"{NEON}?sslrootcert=system")["sslrootcert"] == "system"


def test_system_certificates_are_refused_without_ssl_cert_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in STORES:
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ValueError, match="set SSL_CERT_FILE"):
        DatabaseUrl.parse(f"{NEON}?sslrootcert=system")


def test_options_are_refused_for_a_pooler_in_the_host_parameter() -> None:
    with pytest.raises(ValueError, match="remove `options`"):
        DatabaseUrl.parse(f"postgresql://owner:hidden@/db?host={POOLER}&options=-c%20a%3D1")
