"""The files that the service ``prepare`` writes into the volumes."""

from pathlib import Path

import pytest

from deploy import prepare
from tests.deploy.volumes import OWNERS, PAIR, give_pair, read

DIRECT = "postgres://u:p@ep-x.eu.neon.tech/d"


def test_each_file_is_readable_by_its_service_only(volumes: Path) -> None:
    prepare.main()

    for name in read(volumes):
        found = (volumes / name).stat()
        assert (found.st_uid, found.st_mode & 0o777) == (OWNERS[name.split("/")[0]], 0o400)


def test_a_second_run_writes_nothing(volumes: Path) -> None:
    prepare.main()
    before, numbers = read(volumes), [(volumes / name).stat().st_ino for name in read(volumes)]
    prepare.main()

    assert read(volumes) == before
    assert [(volumes / name).stat().st_ino for name in before] == numbers
    assert before["api/database_url"].endswith("@db:5432/postgres?sslmode=disable")
    assert before["api/database_url_direct"] == before["api/database_url"]
    assert before["db/password"] in before["api/database_url"]
    assert before["auth/database_url"] == before["api/database_url"]
    made = {before[f"{name}/better_auth_secret"] for name in ("api", "auth")}
    assert [len(secret) >= 32 for secret in made] == [True, True]


def test_given_secrets_and_certificate_are_written_to_the_volumes(
    volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"DATABASE_URL": DIRECT.replace("-x", "-x-pooler"), "BETTER_AUTH_SECRET": "s" * 32}
    for name, value in {**given, "CORS_ORIGINS": "https://a.example", "HTTPS_PORT": "443"}.items():
        monkeypatch.setenv(name, value)
    pair = give_pair(volumes)
    prepare.main()

    found = read(volumes)
    assert {name: found[f"nginx/{name}"] for name in PAIR} == pair
    assert found["api/database_url_direct"] == DIRECT.replace("postgres:", "postgresql:")
    for name in ("api", "auth"):
        assert (
            found[f"{name}/database_url"] == "postgresql:" + given["DATABASE_URL"].partition(":")[2]
        )
        assert found[f"{name}/better_auth_secret"] == given["BETTER_AUTH_SECRET"]
    assert '"https://a.example" $http_origin;' in found["nginx/public.conf"]
    assert 'default "";\n}\n' in found["nginx/public.conf"].split("$https_port")[1]


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_URL", "mysql://hidden@h"), ("POOL_SIZE", "many")]
)
def test_a_wrong_setting_is_one_sentence(
    volumes: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit, match=f"^{name}: [^\n]*$") as refusal:
        prepare.main()
    assert "hidden" not in str(refusal.value.code)


def test_undo_brings_back_what_all_runs_of_a_change_replaced(
    volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.main()
    before = read(volumes)
    monkeypatch.setenv("DATABASE_URL", DIRECT)
    prepare.begin()
    prepare.main()
    changed = read(volumes)
    prepare.main()
    prepare.undo()

    assert changed["api/database_url"] != before["api/database_url"]
    assert read(volumes) == before


def test_the_next_change_forgets_what_the_last_one_replaced(
    volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.main()
    monkeypatch.setenv("DATABASE_URL", DIRECT)
    prepare.main()
    prepare.begin()
    after = read(volumes)
    prepare.undo()

    assert read(volumes) == after
    assert not [name for name in after if name.endswith(prepare.REPLACED)]
