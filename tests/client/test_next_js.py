"""The documented Next.js application: it compiles, and the API accepts its tokens."""

import json
from pathlib import Path

import jwt
import pytest

from tests.support.auth.better_auth import SERVICE, better_auth
from tests.support.auth.token_client import TokenClient
from tests.support.command import ROOT, running
from tests.support.database.temporary_database import temporary_database
from tests.support.documents import block
from tests.support.frontend.typescript import compile_typescript
from tests.support.http.server import SECRET, make_settings, serve

pytestmark = pytest.mark.slow

PROGRAM = (ROOT / "tests" / "client" / "next_js.ts").read_text()
FILES = {
    "auth": block("api/auth/README.md", "// lib/auth.ts"),
    "handler": block("api/auth/README.md", "// app/api/auth/[...all]/route.ts"),
    "client": block("api/auth/README.md", "// lib/auth-client.ts"),
    "token": block("api/auth/README.md", "// app/api/token/route.ts"),
}
# All of Next.js that they use, for a request with this cookie.
NEXT = {
    "package.json": '{"type": "module", "exports": {"./headers": "./headers.js"}}',
    "headers.js": "export const headers = async () => new Headers({ cookie: process.env.COOKIE });",
    "headers.d.ts": "export function headers(): Promise<Headers>;",
}


def written(folder: Path) -> list[str]:
    """The files of the application, in one folder."""
    for name, text in FILES.items():
        (folder / f"{name}.ts").write_text(text.replace("@/lib/auth", "./auth.js"))
    (folder / "program.ts").write_text(PROGRAM)
    (folder / "node_modules" / "next").mkdir(parents=True)
    for name, text in NEXT.items():
        (folder / "node_modules" / "next" / name).write_text(text)
    return ["program.ts", "client.ts"]


def test_eddsa_and_hs256_tokens_of_the_documented_route_are_accepted(
    tmp_path: Path, database_url: str
) -> None:
    compile_typescript(tmp_path, *written(tmp_path), more=(SERVICE,), skipLibCheck=True)
    with (
        temporary_database(database_url) as own,
        better_auth(own) as service,  # which makes the tables, and publishes the keys
        serve(make_settings(database_url=own, better_auth_url=service.url)) as base,
    ):
        settings = {"DATABASE_URL": own, "BETTER_AUTH_URL": service.url}
        words = ("node", "program.js")
        secret = {"BETTER_AUTH_SECRET": SECRET}
        with running(*words, cwd=tmp_path, settings=settings | secret) as program:
            assert program.process.wait(60) == 0, program.errors
            told = json.loads(program.output)
        with TokenClient(base, told["id"]) as ann:
            outcomes = [ann.outcome(token) for token in told["tokens"]]

    kinds = [jwt.get_unverified_header(token)["alg"] for token in told["tokens"]]
    assert kinds == ["EdDSA", "HS256"]
    assert outcomes == ["ok", "ok"]
    assert told["refused"] == 401
