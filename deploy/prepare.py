"""Write secrets, the certificate and nginx's generated settings into the stack's volumes.

Runs as root in the API's image before the other services start. Generated values are kept, except a
self-signed certificate that expires soon. Each file is readable by the user of its service alone.
A change begins with ``--begin``; ``--undo`` brings back what was replaced since: a container that
restarts reads its files again.
"""

import os
import secrets
import ssl
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.config import settings
from api.config.database_url import DatabaseUrl
from api.config.settings import Settings
from api.telemetry import logs

VOLUMES, GIVEN = Path("/volumes"), Path("/given")
OWNERS = {"api": 10001, "auth": 1000, "db": 999, "nginx": 101}
DAYS, RENEW_DAYS = 30, 14
CERTIFICATE_ORIGIN = "nginx/tls.origin"
REPLACED = ".replaced"
LOCAL = "postgresql://postgres:{}@db:5432/postgres?sslmode=disable"


def main() -> None:
    """Write the files and log the names of those that changed."""
    config = settings.load()
    files = {**_secrets(config), **_nginx_files(config.cors_origins), **_tls()}
    changed = [name for name, text in files.items() if _write(name, text)]
    structlog.get_logger().info("prepared", changed=changed)


def _secrets(config: Settings) -> dict[str, str]:
    password = _read("db/password") or secrets.token_urlsafe(48)
    url = config.database_url or DatabaseUrl.parse(LOCAL.format(password))
    direct = config.database_url_direct or url.direct()
    secret = config.better_auth_secret and config.better_auth_secret.get_secret_value()
    found = {
        "db/password": password,
        "api/database_url_direct": direct.reveal(),
    }
    for name in ("api", "auth"):
        own = f"{name}/better_auth_secret"
        found[f"{name}/database_url"] = url.reveal()
        found[own] = secret or _read(own) or secrets.token_urlsafe(48)
    return found


def _read(name: str) -> str:
    path = VOLUMES / name
    return path.read_text() if path.exists() else ""


def _write(name: str, text: str) -> bool:
    """Write the file atomically; return whether its content changed."""
    path = VOLUMES / name
    if path.exists() and _read(name) == text:
        return False
    owner, draft = OWNERS[path.parent.name], path.with_name(f"{path.name}.new")
    draft.touch(0o400)
    draft.write_text(text)
    os.chown(draft, owner, owner)
    replaced = path.with_name(f"{path.name}{REPLACED}")
    if path.exists() and not replaced.exists():
        replaced.hardlink_to(path)
    draft.rename(path)
    return True


def begin() -> None:
    """Forget the files that an earlier change replaced."""
    for replaced in VOLUMES.glob(f"*/*{REPLACED}"):
        replaced.unlink()


def undo() -> None:
    """Bring back the files that were replaced since ``begin``."""
    for replaced in VOLUMES.glob(f"*/*{REPLACED}"):
        replaced.rename(replaced.with_name(replaced.name.removesuffix(REPLACED)))


def _nginx_files(origins: Iterable[str]) -> dict[str, str]:
    """Copies of nginx's files, because a mount of a single file does not follow a rename."""
    given = [GIVEN / "nginx.conf", *(GIVEN / "nginx").glob("*.conf"), GIVEN / "limits.conf"]
    copies = {f"nginx/{path.name}": path.read_text() for path in given if path.is_file()}
    return {**copies, "nginx/public.conf": _nginx_maps(origins)}


def _nginx_maps(origins: Iterable[str]) -> str:
    """The nginx maps for the CORS headers of its own errors and for the port in its redirect."""
    allowed = "".join(f'    "{origin}" $http_origin;\n' for origin in origins)
    port = os.environ.get("HTTPS_PORT") or "8443"
    shown = "" if port == "443" else f":{port}"
    return (
        f'map $http_origin $cors_origin {{\n    default "";\n{allowed}}}\n'
        f'map "" $https_port {{\n    default "{shown}";\n}}\n'
    )


def _tls() -> dict[str, str]:
    """The certificate and key from ``deploy/certs``, else a self-signed pair for localhost."""
    certificate, key = GIVEN / "certs" / "tls.crt", GIVEN / "certs" / "tls.key"
    # A link whose target is not mounted here does not exist, but was given.
    if os.path.lexists(certificate) or os.path.lexists(key):
        _check_pair(certificate, key)
        pair = {"nginx/tls.key": key.read_text(), "nginx/tls.crt": certificate.read_text()}
        return {**pair, CERTIFICATE_ORIGIN: "given"}
    if _read(CERTIFICATE_ORIGIN) != "given" and not _expires_soon(_read("nginx/tls.crt")):
        return {}
    own = ec.generate_private_key(ec.SECP256R1())
    pair = {"nginx/tls.key": _pem(own), "nginx/tls.crt": _self_signed(own)}
    return {**pair, CERTIFICATE_ORIGIN: "generated"}


def _check_pair(certificate: Path, key: Path) -> None:
    """Raise ``SystemExit`` with one sentence unless the key belongs to the certificate."""
    try:
        ssl.create_default_context().load_cert_chain(certificate, key, password="")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror
        raise SystemExit(
            "deploy/certs: tls.crt and tls.key must be a certificate and its key,"
            f" as files and not as links to another folder ({reason})"
        ) from None


def _expires_soon(certificate: str) -> bool:
    if not certificate:
        return True
    end = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    return end < datetime.now(UTC) + timedelta(days=RENEW_DAYS)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _self_signed(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    addresses = [x509.IPAddress(ip_address(text)) for text in ("127.0.0.1", "::1")]
    now = datetime.now(UTC)
    certificate = (
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
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


if __name__ == "__main__":
    logs.configure("info")
    if "--begin" in sys.argv:
        begin()
    undo() if "--undo" in sys.argv else main()
