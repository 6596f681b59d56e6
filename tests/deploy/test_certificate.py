"""The certificate of the stack: self-signed, or the one in deploy/certs."""

import ssl
import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy import prepare
from tests.deploy.volumes import PAIR, give_pair, read
from tests.support.command import ROOT
from tests.support.required_tools import require_clone


def test_the_generated_certificate_is_for_localhost_and_renewed_before_it_expires(
    volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.main()
    first = read(volumes)["nginx/tls.crt"]
    monkeypatch.setattr(prepare, "RENEW_DAYS", prepare.DAYS + 1)
    prepare.main()

    certificate = x509.load_pem_x509_certificate(first.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [ip_address("127.0.0.1"), ip_address("::1")]
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    key = certificate.public_key()
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == addresses
    assert timedelta(days=30) <= life < timedelta(days=31)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    ssl.create_default_context(cadata=first)
    assert read(volumes)["nginx/tls.crt"] != first


@pytest.mark.parametrize("missing", PAIR)
def test_a_certificate_without_its_key_is_refused_in_one_sentence(
    volumes: Path, missing: str
) -> None:
    give_pair(volumes)
    (volumes / "given" / "certs" / missing).unlink()

    with pytest.raises(SystemExit, match=r"deploy/certs: tls.crt and tls.key .*No such file"):
        prepare.main()


@pytest.mark.parametrize("linked", PAIR)
def test_a_link_out_of_the_folder_is_not_taken_for_no_certificate(
    volumes: Path, linked: str
) -> None:
    give_pair(volumes)
    for name in PAIR:
        (volumes / "given" / "certs" / name).unlink()
    (volumes / "given" / "certs" / linked).symlink_to("/etc/elsewhere/live.pem")

    with pytest.raises(SystemExit, match=r"and not as links to another folder \(No such file"):
        prepare.main()


@pytest.mark.parametrize("other", PAIR)
def test_a_key_of_another_certificate_is_refused_in_one_sentence(volumes: Path, other: str) -> None:
    give_pair(volumes)
    mine = (volumes / "given" / "certs" / other).read_text()
    give_pair(volumes)
    (volumes / "given" / "certs" / other).write_text(mine)

    with pytest.raises(SystemExit, match=r"deploy/certs: tls.crt and tls.key .*MISMATCH"):
        prepare.main()


def test_no_key_is_committed() -> None:
    require_clone()
    words = ("git", "grep", "--cached", "-l", "-e", "PRIVATE" + " KEY-----")
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    assert found.returncode in {0, 1}, found.stderr
    assert found.stdout == ""
