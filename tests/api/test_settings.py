"""Settings from the environment, files and .env, and the errors of invalid ones."""

from pathlib import Path
from typing import Any

import pytest

from api.config.database_url import DatabaseUrl
from api.config.settings import Settings, load
from tests.api.conftest import Set
from tests.api.settings_values import RIGHT, WRONG

STRONG = "0123456789-abcdefghijklmnopqrstuvwxyz"
HIDDEN = "hidden-" * 6
SECRETS = {
    "BETTER_AUTH_SECRET": STRONG,
    "DATABASE_URL": "postgresql://u:hidden@h/d",
    "DATABASE_URL_DIRECT": "postgresql://u:hidden@h/d",
}


def refusal() -> str:
    """What the start says about a mistake."""
    with pytest.raises(SystemExit) as caught:
        load()
    return str(caught.value.code)


def secret(name: str) -> str:
    """A secret as it was loaded."""
    value = getattr(load(), name.lower())
    return str(value.reveal() if isinstance(value, DatabaseUrl) else value.get_secret_value())


def test_no_setting_is_needed_and_no_secret_has_a_default(given: Set) -> None:
    settings = load()

    assert (settings.environment, settings.port, settings.workers) == ("development", 8000, 2)
    assert settings.better_auth_secret is None
    assert settings.database_url is None
    assert settings.issuers == settings.audiences == settings.cors_origins == ()


@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_read_from_a_file(name: str, given: Set, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(f"{SECRETS[name]}\n")
    given(**{f"{name}_FILE": str(tmp_path / "file")})

    assert secret(name) == SECRETS[name]


@pytest.mark.parametrize("name", SECRETS)
def test_secret_and_secret_file_together_are_refused(name: str, given: Set, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(SECRETS[name])
    given(**{name: SECRETS[name], f"{name}_FILE": str(tmp_path / "file")})

    assert refusal() == f"{name} and {name}_FILE are both set: keep one"


@pytest.mark.parametrize("name", SECRETS)
def test_unreadable_secret_file_is_named(name: str, given: Set, tmp_path: Path) -> None:
    given(**{f"{name}_FILE": str(tmp_path / "none")})

    assert refusal() == f"{name}_FILE: {tmp_path}/none cannot be read (No such file or directory)"


@pytest.mark.parametrize("name", SECRETS)
def test_empty_secret_file_is_refused(name: str, given: Set, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("\n")
    given(**{f"{name}_FILE": str(tmp_path / "file")})

    assert f"{name}_FILE" in refusal()


def test_secret_file_in_another_encoding_is_named(given: Set, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes("a pässword of thirty-two characters".encode("latin-1"))
    given(BETTER_AUTH_SECRET_FILE=str(tmp_path / "file"))

    assert refusal() == f"BETTER_AUTH_SECRET_FILE: {tmp_path}/file must be text in UTF-8"


def test_empty_variables_are_treated_as_unset(given: Set, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(STRONG)
    given(
        BETTER_AUTH_SECRET="",
        BETTER_AUTH_SECRET_FILE=str(tmp_path / "file"),
        DATABASE_URL="",
        DATABASE_URL_FILE="",
        PORT="",
        CORS_ORIGINS="",
    )

    assert secret("BETTER_AUTH_SECRET") == STRONG
    assert (load().database_url, load().port, load().cors_origins) == (None, 8000, ())


def test_environment_overrides_the_dotenv_file(given: Set, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"BETTER_AUTH_SECRET={STRONG}\nPORT=9001\nOTHER=1\n")
    given(PORT="9002")

    assert secret("BETTER_AUTH_SECRET") == STRONG
    assert load().port == 9002


def test_settings_are_frozen() -> None:
    settings = Settings(_env_file=None)

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG.items() for v in values])
def test_invalid_value_is_reported_in_one_sentence(name: str, value: str, given: Set) -> None:
    given(**{name: value})

    sentence = refusal()

    assert sentence.startswith(f"{name}: ")
    assert "\n" not in sentence
    assert "hidden" not in sentence


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in RIGHT.items() for v in values])
def test_valid_value_is_parsed(name: str, value: tuple[str, Any], given: Set) -> None:
    given(**{name: value[0]})

    assert getattr(load(), name.lower()) == value[1]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_database_url_accepts_each_postgres_scheme(scheme: str, given: Set) -> None:
    given(DATABASE_URL=f"{scheme}://u:p@h/d")

    assert secret("DATABASE_URL") == "postgresql://u:p@h/d"


@pytest.mark.parametrize(
    "weak", ["short", "a" * 64, "abcdefg" * 9, HIDDEN, STRONG[:31], f"{STRONG[:20]}-" * 2 + "01"]
)
def test_weak_secret_is_refused_only_in_production(weak: str, given: Set) -> None:
    given(BETTER_AUTH_SECRET=weak)
    assert secret("BETTER_AUTH_SECRET") == weak

    given(ENVIRONMENT="production")
    sentence = refusal()
    assert sentence == "BETTER_AUTH_SECRET must be random and at least 32 bytes long"


@pytest.mark.parametrize(
    "strong", [STRONG, STRONG[:32], "äöüßéèêëàâîïôûùÿ", "8d1f6bb0c2e7493aa4f05d7c91be2360"]
)
def test_strong_secret_is_accepted_in_production(strong: str, given: Set) -> None:
    given(ENVIRONMENT="production", BETTER_AUTH_SECRET=strong)

    assert secret("BETTER_AUTH_SECRET") == strong


def test_issuer_must_use_https_in_production(given: Set) -> None:
    given(BETTER_AUTH_URL="http://app.example.com", BETTER_AUTH_JWKS_URL="http://auth:3000/jwks")
    assert load().issuers == ("http://app.example.com",)

    given(ENVIRONMENT="production")
    assert refusal() == "BETTER_AUTH_URL must begin with https:// in production"

    given(BETTER_AUTH_URL="https://app.example.com")
    assert load().jwks_url == "http://auth:3000/jwks"


def test_all_invalid_values_are_reported_together(given: Set) -> None:
    given(PORT="x", WORKERS="0", DATABASE_URL="mysql://hidden")

    lines = refusal().splitlines()

    assert sorted(line.partition(":")[0] for line in lines) == ["DATABASE_URL", "PORT", "WORKERS"]


def test_secrets_are_not_printed() -> None:
    settings = Settings(
        _env_file=None, better_auth_secret=HIDDEN, database_url=f"postgres://{HIDDEN}"
    )

    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump()}"
