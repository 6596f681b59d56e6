"""The API used by pages of another origin."""

import shlex
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.support.auth.better_auth import local_url
from tests.support.command import free_port
from tests.support.documents import block
from tests.support.frontend.chromium import Site
from tests.support.frontend.typescript import compile_typescript
from tests.support.http.client import User, token
from tests.support.http.server import make_settings, serve
from tests.support.stack.compose_stack import Stack

pytestmark = pytest.mark.slow

FRONT_END = (Path(__file__).parent / "front_end.js").read_text()
START = shlex.split(block("api/README.md", "CORS_ORIGINS="))
FIRST_PAGE = block("api/README.md", "const API")
ALL_PAGES = block("api/README.md", "const all")
SIGN_UP_PAGE = block("api/auth/README.md", "const AUTH")
STATUSES = {
    "made": 201,
    "mismatch": 422,
    "token_missing": 401,
    "user_mismatch": 403,
    "task_not_found": 404,
    "method_not_allowed": 405,
    "body_too_large": 413,
    "media_type": 415,
    "validation": 422,
}
# Without an Authorization header the browser sends no preflight.
READ = """export default async ({ url }) => {
  const response = await fetch(url).catch((error) => error);
  return response instanceof TypeError ? "unreadable" : response.json();
};"""
COOKIE = """export default async ({ url, path, headers }) => {
  document.cookie = "theme=dark";
  const given = { headers, credentials: "include" };
  const [sent, { status }] = [await fetch(`${url}/cookie`, given), await fetch(url + path, given)];
  return [await sent.text(), status];
};"""


def check(told: dict[str, Any], unknown: int) -> None:
    """Check the result of front_end.js; ``unknown`` is the status for an unknown issuer."""
    statuses = {name: answer["status"] for name, answer in told.items()}
    done = [told[name]["data"]["completed"] for name in ("completed", "reopened")]

    assert statuses == dict.fromkeys(told, 200) | STATUSES | {"token_unknown": unknown}
    assert told["made"]["headers"]["location"].endswith(f"/{told['made']['data']['id']}")
    assert [task["title"] for task in told["listed"]["data"]] == ["another", "Buy milk"]
    assert 'rel="next"' in told["page"]["headers"]["link"]
    assert told["renamed"]["data"]["description"] == "two litres"
    assert told["renamed"]["data"]["title"] == told["deleted"]["data"]["title"] == "Buy oats"
    assert done == [True, False]
    for answer in told.values():
        if answer["status"] >= 400:
            assert answer["data"]["status"] == answer["status"]
            assert isinstance(answer["data"]["detail"], str)
            assert answer["headers"]["x-request-id"] == answer["data"]["request_id"]
    assert told["token_missing"]["headers"]["www-authenticate"] == 'Bearer realm="tasks"'


def token_of_unknown_issuer(user: str) -> str:
    """A token signed with a key that no issuer publishes."""
    return jwt.encode({"sub": user}, Ed25519PrivateKey.generate(), "EdDSA", {"kid": "a"})


def program(folder: Path, code: str, values: dict[str, str], result: str) -> str:
    """The JavaScript of documented TypeScript with values of this test in it."""
    for written, value in values.items():
        assert written in code
        code = code.replace(written, value)
    text = f"export default async function () {{\n{code}\nreturn {result};\n}}"
    (folder / "page.ts").write_text(text)
    compile_typescript(folder, "page.ts")
    return (folder / "page.js").read_text()


def test_page_of_a_listed_origin_uses_the_api(page: Site, database_url: str) -> None:
    user = f"user-{uuid4().hex}"
    settings = make_settings(
        database_url=database_url,
        cors_origins=page.origin,
        better_auth_url=local_url(free_port()),  # no server listens there
    )
    told = {"user": user, "token": token(user), "stranger": token_of_unknown_issuer(user)}

    with serve(settings) as url:
        check(page.run(FRONT_END, {"url": url, **told}), 503)


def test_the_documented_first_page_makes_a_task(
    page: Site, tmp_path: Path, database_url: str
) -> None:
    user = f"user-{uuid4().hex}"
    setting, *command = START
    name, _, _ = setting.partition("=")
    settings = make_settings(database_url=database_url, **{name.lower(): page.origin})

    with serve(settings) as url:
        values = {"http://127.0.0.1:8000": url, '"alice"': f'"{user}"'}
        values["<the printed token>"] = token(user)
        told = page.run(program(tmp_path, FIRST_PAGE, values, "{ task, tasks }"), None)

    assert command == ["make", "run"]
    assert [(each["id"], each["completed"]) for each in told["tasks"]] == [
        (told["task"]["id"], True)
    ]


def test_the_documented_loop_reads_all_pages(page: Site, tmp_path: Path, database_url: str) -> None:
    settings = make_settings(database_url=database_url, cors_origins=page.origin)

    with serve(settings) as url, User(url, f"user-{uuid4().hex}") as user:
        made = [user.add()["id"] for _ in range(2)]
        values = {"http://127.0.0.1:8000": url, '"alice"': f'"{user.user_id}"'}
        values |= {"<the printed token>": token(user.user_id), "limit=100": "limit=1"}
        told = page.run(program(tmp_path, FIRST_PAGE + ALL_PAGES, values, "{ task, all }"), None)

    assert [each["id"] for each in told["all"]] == [told["task"]["id"], *reversed(made)]


def test_cookie_beside_the_token_is_ignored(page: Site, database_url: str) -> None:
    async def show(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.headers.get("cookie", ""))

    settings = make_settings(database_url=database_url, cors_origins=page.origin)
    headers = {"Authorization": f"Bearer {token('ann')}"}

    with serve(settings, Route("/cookie", show)) as url:
        same_site = url.replace("127.0.0.1", "localhost")
        told = page.run(COOKIE, {"url": same_site, "path": "/api/ann/tasks", "headers": headers})

    assert told == ["theme=dark", 200]


def test_page_of_an_unlisted_origin_cannot_read_responses(page: Site, base_url: str) -> None:
    assert page.run(READ, {"url": f"{base_url}/api/ann/tasks"}) == "unreadable"


def test_page_of_a_listed_origin_uses_the_stack(page: Site, stack: Stack) -> None:
    told = {"token": stack.make("token", "FOR=compose", "SUB=ann").strip()}
    argument = {
        "url": stack.base_url,
        "user": "ann",
        "stranger": token_of_unknown_issuer("ann"),
        **told,
    }

    check(page.run(FRONT_END, argument, stack.data / "tls.crt"), 401)


def test_the_documented_page_signs_up_and_makes_a_task(
    page: Site, stack: Stack, tmp_path: Path
) -> None:
    values = {
        "http://localhost:3000": local_url(int(stack.settings["AUTH_PORT"])),
        "https://localhost:8443": stack.base_url,
    }
    code = program(tmp_path, SIGN_UP_PAGE, values, "{ user, tasks }")

    told = page.run(code, None, stack.data / "tls.crt")

    assert [(task["user_id"], task["title"]) for task in told["tasks"]] == [
        (told["user"]["id"], "Buy milk")
    ]
