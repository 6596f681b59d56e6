"""The settings: read once from the environment, validated at start, immutable.

A secret has no default. Its value may stand in a file instead, which ``NAME_FILE`` names.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.config.database_url import DatabaseUrl
from api.config.origin import origin_of
from api.config.secret_file import from_file

SECRETS = ("database_url", "database_url_direct", "better_auth_secret")
SECRET_BYTES = 32
DOTENV = Path(".env")
PLACEHOLDER = re.compile(
    "change|replace|example|placeholder|your[-_ ]|better-auth-secret", re.IGNORECASE
)


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _parse_database_url(value: object) -> object:
    return DatabaseUrl.parse(value) if isinstance(value, str) else value


GivenDatabaseUrl = Annotated[DatabaseUrl, NoDecode, BeforeValidator(_parse_database_url)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Seconds = Annotated[float, Field(gt=0, le=60)]
# PostgreSQL counts in milliseconds, and takes 0 for no limit.
Milliseconds = Annotated[float, Field(ge=0.001, le=60)]


class Settings(BaseSettings):
    """One field per environment variable; the variable has the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_file=DOTENV,
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        arbitrary_types_allowed=True,
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    workers: int = Field(default=2, ge=1, le=64)
    data_dir: Path = Path(".data")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    revision: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")

    better_auth_secret: SecretStr | None = None
    better_auth_secret_file: Path | None = None
    better_auth_url: str | None = None
    better_auth_jwks_url: str | None = None
    better_auth_jwks: str | None = None
    auth_algorithms: CommaList = ()
    auth_issuer: CommaList = ()
    auth_audience: CommaList = ()
    auth_leeway_seconds: int = Field(default=30, ge=0, le=120)
    auth_user_id_claim: str = Field(default="sub", pattern=r"^\S+$")
    auth_user_provisioning: Literal["jit", "require"] = "jit"
    auth_user_table: Literal["user", "none"] = "user"
    cors_origins: CommaList = ()

    database_url: GivenDatabaseUrl | None = None
    database_url_file: Path | None = None
    database_url_direct: GivenDatabaseUrl | None = None
    database_url_direct_file: Path | None = None
    pool_size: int = Field(default=10, ge=1, le=100)
    pool_wait_seconds: Seconds = 0.5
    statement_timeout_seconds: Milliseconds = 1.5
    database_deadline_seconds: Seconds = 2
    connect_deadline_seconds: Seconds = 5
    pool_idle_seconds: float = Field(default=240, gt=0, lt=300)  # Neon suspends after 300
    instances: int = Field(default=1, ge=1, le=1000)
    request_deadline_seconds: Seconds = 10
    max_in_flight: int = Field(default=256, ge=1, le=10_000)
    ready_requires_database: bool = False
    max_body_bytes: int = Field(default=65536, ge=1024, le=65536)  # as nginx.conf
    trash_days: int = Field(default=30, ge=0, le=3660)
    max_tasks_per_user: int = Field(default=100_000, ge=0, le=10_000_000)

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, data: dict[str, Any]) -> dict[str, Any]:
        return data | {name: from_file(name, data) for name in SECRETS if f"{name}_file" in data}

    @field_validator("database_url_direct")
    @classmethod
    def _is_direct(cls, url: DatabaseUrl | None) -> DatabaseUrl | None:
        if url and url.is_pooled:
            message = "names Neon's pooler: remove -pooler from the host"
            raise ValueError(message)
        return url

    @field_validator("better_auth_url", "better_auth_jwks_url")
    @classmethod
    def _has_an_origin(cls, url: str | None) -> str | None:
        if url:
            origin_of(url)
        return url

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if any(origin != origin_of(origin) for origin in origins):
            message = "must be origins such as https://app.example.com, lower case, without a path"
            raise ValueError(message)
        return origins

    @model_validator(mode="after")
    def _secret_is_strong(self) -> Self:
        secret = self.better_auth_secret
        if self.environment == "production" and secret and _is_weak(secret.get_secret_value()):
            message = f"BETTER_AUTH_SECRET must be random and at least {SECRET_BYTES} bytes long"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _required_users_have_a_table(self) -> Self:
        if self.auth_user_provisioning == "require" and self.auth_user_table == "none":
            raise ValueError("AUTH_USER_PROVISIONING=require needs AUTH_USER_TABLE=user")
        return self

    @model_validator(mode="after")
    def _issuer_is_encrypted(self) -> Self:
        url = self.better_auth_url or ""
        if self.environment == "production" and urlsplit(url).scheme == "http":
            raise ValueError("BETTER_AUTH_URL must begin with https:// in production")
        return self

    @model_validator(mode="after")
    def _limits_end_in_order(self) -> Self:
        answer, request = self.database_deadline_seconds, self.request_deadline_seconds
        waits = answer, self.connect_deadline_seconds, self.pool_wait_seconds
        if self.statement_timeout_seconds > answer or max(waits) > request:
            message = (
                "STATEMENT_TIMEOUT_SECONDS must not exceed DATABASE_DEADLINE_SECONDS, nor that,"
                " CONNECT_DEADLINE_SECONDS or POOL_WAIT_SECONDS exceed REQUEST_DEADLINE_SECONDS"
            )
            raise ValueError(message)
        return self

    @property
    def creates_users(self) -> bool:
        """Whether a create inserts a missing user row."""
        return self.auth_user_provisioning == "jit" and self.auth_user_table == "user"

    @property
    def connections(self) -> int:
        """The connections that all instances together may open to the database."""
        return self.workers * self.pool_size * self.instances

    @property
    def jwks_url(self) -> str | None:
        """The URL of the issuer's key set; a path in ``BETTER_AUTH_URL`` replaces ``/api/auth``."""
        if self.better_auth_jwks_url or not self.better_auth_url:
            return self.better_auth_jwks_url
        path = urlsplit(self.better_auth_url).path.rstrip("/") or "/api/auth"
        return f"{origin_of(self.better_auth_url)}{path}/jwks"

    @property
    def issuers(self) -> tuple[str, ...]:
        """The accepted values of ``iss``; empty if no setting names one."""
        return self.auth_issuer or self._own_origin

    @property
    def audiences(self) -> tuple[str, ...]:
        """The accepted values of ``aud``; empty if no setting names one."""
        return self.auth_audience or self._own_origin

    @property
    def _own_origin(self) -> tuple[str, ...]:
        return (origin_of(self.better_auth_url),) if self.better_auth_url else ()


def load() -> Settings:
    """The settings of this process; raises ``SystemExit`` with one sentence per mistake."""
    _check_dotenv(DOTENV)
    try:
        return Settings()
    except ValidationError as error:
        raise SystemExit("\n".join(map(_sentence, error.errors()))) from None


def _check_dotenv(path: Path) -> None:
    """Raise ``SystemExit`` for a file in another encoding; UTF-16 without a mark holds NULs."""
    try:
        content = path.read_bytes() if path.is_file() else b""
        if "\0" not in content.decode():
            return
    except OSError as error:
        raise SystemExit(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        pass
    raise SystemExit(f"{path}: must be text in UTF-8")


def _is_weak(secret: str) -> bool:
    short, plain = len(secret.encode()) < SECRET_BYTES, len(set(secret)) < SECRET_BYTES // 4
    return short or plain or _repeats(secret) or bool(PLACEHOLDER.search(secret))


def _repeats(secret: str) -> bool:
    """Whether it is one word, written at least twice; the last time perhaps in part."""
    periods = range(1, len(secret) // 2 + 1)
    return any(secret[period:] == secret[:-period] for period in periods)


def _sentence(error: Mapping[str, Any]) -> str:
    name = ".".join(map(str, error["loc"])).upper()
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {text}" if name else text
