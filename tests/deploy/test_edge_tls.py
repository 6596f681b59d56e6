"""TLS versions and ciphers, HSTS, and the redirect from plain HTTP."""

import ssl
import warnings
from ssl import TLSVersion

import pytest

from tests.deploy.edge_client import answer, connected, got, plain, request
from tests.support.stack.compose_stack import Stack

pytestmark = pytest.mark.slow

# Mozilla's intermediate ciphers (guideline 5.7) that fit a certificate with an ECDSA key.
INTERMEDIATE = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
}
EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


def context(stack: Stack, version: TLSVersion, ciphers: str = EVERYTHING) -> ssl.SSLContext:
    """A client context with this TLS version only."""
    trust = stack.trust()
    trust.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the point is that they are old
        trust.minimum_version = trust.maximum_version = version
    return trust


def accepts(stack: Stack, cipher: str) -> bool:
    """Whether nginx accepts a client that offers only this cipher."""
    own = context(stack, TLSVersion.TLSv1_2, f"{cipher}:@SECLEVEL=0")
    try:
        with connected(stack, own):
            return True
    except (ssl.SSLError, ConnectionResetError):
        return False


@pytest.mark.parametrize("version", [TLSVersion.TLSv1, TLSVersion.TLSv1_1])
def test_an_old_version_of_tls_is_refused(lifted: Stack, version: TLSVersion) -> None:
    with pytest.raises(ssl.SSLError) as refusal, connected(lifted, context(lifted, version)):
        pass

    assert refusal.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize(
    ("version", "name"), [(TLSVersion.TLSv1_2, "TLSv1.2"), (TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_a_current_version_of_tls_is_served(lifted: Stack, version: TLSVersion, name: str) -> None:
    with connected(lifted, context(lifted, version)) as link:
        assert link.version() == name
        assert answer(link, request("GET", "/livez")).status == 200


def test_only_intermediate_ciphers_are_accepted(lifted: Stack) -> None:
    known = [str(c["name"]) for c in context(lifted, TLSVersion.TLSv1_2).get_ciphers()]
    offered = {name for name in known if not name.startswith("TLS_")}

    assert len(offered) > 50
    assert {name for name in offered if accepts(lifted, name)} == INTERMEDIATE


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")]
)
def test_alpn_prefers_http_2(lifted: Stack, offered: list[str], chosen: str) -> None:
    trust = lifted.trust()
    trust.set_alpn_protocols(offered)
    with connected(lifted, trust) as link:
        assert link.selected_alpn_protocol() == chosen


def test_tls_session_tickets_are_off(lifted: Stack) -> None:
    with connected(lifted, context(lifted, TLSVersion.TLSv1_2)) as link:
        assert link.session is not None
        assert link.session.has_ticket is False


@pytest.mark.parametrize(
    ("host", "policy"),
    [
        ("localhost", None),
        ("localhost:8443", None),
        ("127.0.0.1", None),
        ("tasks.example.com", "max-age=63072000"),
    ],
)
@pytest.mark.parametrize("path", ["/livez", "/metrics"])
def test_hsts_is_sent_for_public_hosts_only(
    lifted: Stack, host: str, policy: str | None, path: str
) -> None:
    found = got(lifted, path=path, host=host).headers.get_all("strict-transport-security")

    assert found == ([policy] if policy else None)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", None])
@pytest.mark.parametrize("port", ["HTTP_PORT", "HTTPS_PORT"])
def test_hsts_is_not_sent_over_plain_http(lifted: Stack, port: str, sent: bytes | None) -> None:
    with plain(int(lifted.settings[port])) as link:
        said = answer(link, sent or request("GET", "/livez", host="tasks.example.com"))

    assert "strict-transport-security" not in said.headers  # RFC 6797 section 7.2


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_plain_http_redirects_to_https(lifted: Stack, method: str) -> None:
    target = "/api/alice/tasks?search=a%20b&limit=2"
    with plain(int(lifted.settings["HTTP_PORT"])) as link:
        sent_on = answer(link, request(method, target, "Content-Length: 0"))

    assert sent_on.status == 308  # which keeps the method
    assert sent_on.headers["location"] == lifted.base_url + target
    assert sent_on.headers["x-request-id"]
    assert sent_on.headers["x-content-type-options"] == "nosniff"
