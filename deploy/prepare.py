"""Before the stack's first start: secrets, a certificate and what nginx must know, in volumes.

Runs once, as root, in the API's image. What is there already stays, except a certificate of ours
that ends soon. Each file belongs to the one user that reads it.
"""

import os
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.settings import Settings

VOLUMES, GIVEN = Path("/volumes"), Path("/given")
API, DATABASE, NGINX = 10001, 999, 101
DAYS, RENEW_DAYS = 30, 14


def main() -> None:
    """Fill the volumes ``api``, ``db`` and ``nginx``."""
    settings = Settings(_env_file=None)
    password = _secret(VOLUMES / "db" / "password", DATABASE)
    local = f"postgresql://postgres:{password}@db:5432/postgres?sslmode=disable"
    given = settings.database_url
    _write(VOLUMES / "api" / "database_url", given.get_secret_value() if given else local, API)
    secret = settings.better_auth_secret
    if secret:
        _write(VOLUMES / "api" / "better_auth_secret", secret.get_secret_value(), API)
    else:
        _secret(VOLUMES / "api" / "better_auth_secret", API)
    _write(VOLUMES / "nginx" / "public.conf", _public(settings.cors_origins), NGINX)
    _certify(VOLUMES / "nginx")


def _secret(path: Path, owner: int) -> str:
    if not path.exists():
        _write(path, secrets.token_urlsafe(48), owner)
    return path.read_text()


def _write(path: Path, text: str | bytes, owner: int) -> None:
    draft = path.with_suffix(".new")
    draft.touch(0o400)
    draft.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.chown(draft, owner, owner)
    draft.rename(path)


def _public(origins: Iterable[str]) -> str:
    """Which origins may read errors of nginx's own, and the port that browsers see."""
    allowed = "".join(f'    "{origin}" $http_origin;\n' for origin in origins)
    port = os.environ.get("HTTPS_PORT", "8443")
    shown = "" if port == "443" else f":{port}"
    return (
        f'map $http_origin $cors_origin {{\n    default "";\n{allowed}}}\n'
        f'map "" $https_port {{\n    default "{shown}";\n}}\n'
    )


def _certify(folder: Path) -> None:
    """The certificate that was given, or one of our own for this machine's names."""
    names = ("tls.crt", "tls.key")
    if all((GIVEN / name).exists() for name in names):
        for name in names:
            _write(folder / name, (GIVEN / name).read_bytes(), NGINX)
    elif _ends_soon(folder / "tls.crt"):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder / "tls.key", _pem(key), NGINX)
        certificate = _self_signed(key).public_bytes(serialization.Encoding.PEM)
        _write(folder / "tls.crt", certificate, NGINX)


def _ends_soon(path: Path) -> bool:
    if not path.exists():
        return True
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc < datetime.now(UTC) + timedelta(days=RENEW_DAYS)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    addresses = [x509.IPAddress(ip_address(text)) for text in ("127.0.0.1", "::1")]
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


if __name__ == "__main__":
    main()
