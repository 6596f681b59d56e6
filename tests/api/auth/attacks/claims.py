"""Claims with a good signature but a bad user id, issuer, audience or time."""

import time
from typing import Any

from tests.api.auth.attacks import BY_SECRET, Attack, Make, attacks, each
from tests.support.auth.jws import compact

NOW = int(time.time())
DAY = 86_400
NO_TIMES: dict[str, Any] = {
    "text": f"{NOW + DAY}",
    "text with spaces": f" {NOW + DAY} ",
    "a date": "2099-01-01T00:00:00Z",
    "true": True,
    "false": False,
    "a list": [NOW + DAY],
    "an object": {"at": NOW + DAY},
    "far beyond": 10**400,
    "far before": -(10**400),
}
NO_NAMES: dict[str, Any] = {
    "empty": "",
    "a number": 1,
    "zero": 0,
    "a fraction": 0.5,
    "true": True,
    "a list": ["alice"],
    "an empty list": [],
    "an object": {"id": "alice"},
}
NO_SUBJECTS = NO_NAMES | {
    "256 characters": "a" * 256,
    "a line break": "alice\n",
    "NUL": "alice\0",
    "U+FFFD": "alice\ufffd",
}
OTHER_ISSUERS = {
    "another": "https://evil.example.com",
    "with a path": "{}/api/auth",
    "with a slash": "{}/",
    "with a user": "http://evil@{}",
    "with a suffix": "{}.evil.example.com",
    "in upper case": "HTTP://{}",
    "a prefix of it": "http",
    "with a space": " {}",
    "the words null": "null",
    "a pattern": "*",
}


def _claiming(**claims: Any) -> Make:
    """A token with these claims, signed by the issuer."""
    return lambda stage: stage.signed(stage.head(), stage.claims(**claims))


def _by_secret(**claims: Any) -> Make:
    return lambda stage: compact({"alg": "HS256"}, stage.claims(**claims), BY_SECRET)


def _null(claim: str) -> Make:
    return lambda stage: stage.signed(stage.head(), {**stage.claims(), claim: None})


def _named(claim: str, form: str) -> Make:
    """An issuer or audience that resembles ours."""
    return lambda stage: stage.signed(
        stage.head(), stage.claims(**{claim: form.format(stage.issuer.url)})
    )


def _instead(*names: str) -> Make:
    """The victim's user id in other claims than ``sub``."""
    return lambda stage: stage.signed(
        stage.head(), stage.claims(sub=None, **dict.fromkeys(names, stage.victim))
    )


TIMES: dict[str, Make] = {
    **{
        f"{claim}: {name}": _claiming(**{claim: value})
        for claim in ("exp", "nbf", "iat")
        for name, value in NO_TIMES.items()
    },
    **{f"{claim}: null": _null(claim) for claim in ("exp", "nbf", "iat")},
    "no exp": _claiming(exp=None),
    "no exp, by the secret": _by_secret(exp=None),
}
EXPIRED: dict[str, Make] = {
    "exp: yesterday": _claiming(exp=NOW - DAY),
    "exp: a minute ago": _claiming(exp=NOW - 60),
    "exp: zero": _claiming(exp=0),
    "exp: a duration": _claiming(exp=900),
    "exp: before 1970": _claiming(exp=-DAY),
}
EARLY: dict[str, Make] = {
    "nbf: tomorrow": _claiming(nbf=NOW + DAY),
    "iat: tomorrow": _claiming(iat=NOW + DAY),
    "nbf: in milliseconds": _claiming(nbf=NOW * 1000),
}
ETERNAL: dict[str, Make] = {
    "exp: in milliseconds": _claiming(exp=NOW * 1000),
    "exp: in 3,661 days": _claiming(exp=NOW + 3661 * DAY),
    "exp: in 3,661 days, by the secret": _by_secret(exp=NOW + 3661 * DAY),
    "exp: as late as it can be": _claiming(exp=2**53 - 1),
}
SUBJECTS: dict[str, Make] = {
    **{f"sub: {name}": _claiming(sub=value) for name, value in NO_SUBJECTS.items()},
    "sub: null": _null("sub"),
    "id instead of sub": _instead("id"),
    "userId instead of sub": _instead("userId"),
    "user_id instead of sub": _instead("user_id"),
    "e-mail instead of sub": _instead("email"),
    "all of them": _instead("id", "userId", "user_id", "uid", "user", "Sub", "SUB", "sub "),
}
ISSUERS: dict[str, Make] = {
    **{f"iss: {name}": _claiming(iss=value) for name, value in NO_NAMES.items()},
    **{f"iss: {name}": _named("iss", form) for name, form in OTHER_ISSUERS.items()},
    "iss: ours in a list": lambda stage: stage.signed(
        stage.head(), stage.claims(iss=[stage.issuer.url])
    ),
    "iss: null": _null("iss"),
    "no iss": _claiming(iss=None),
    "iss: another, by the secret": _by_secret(iss="https://evil.example.com"),
}
AUDIENCES: dict[str, Make] = {
    **{f"aud: {name}": _claiming(aud=value) for name, value in NO_NAMES.items()},
    **{f"aud: {name}": _named("aud", form) for name, form in OTHER_ISSUERS.items()},
    **each(
        {f"aud: ours and {name} in a list": NO_NAMES[name] for name in NO_NAMES if name != "empty"},
        lambda stage, name: stage.signed(stage.head(), stage.claims(aud=[stage.issuer.url, name])),
    ),
    "aud: null": _null("aud"),
    "no aud": _claiming(aud=None),
    "no iss, no aud": _claiming(iss=None, aud=None),
    "aud: another, by the secret": _by_secret(aud="https://evil.example.com"),
}
NO_ISSUER = {"no iss, no aud": AUDIENCES.pop("no iss, no aud")}
ATTACKS: dict[str, Attack] = {
    **attacks("malformed", TIMES),
    **attacks("expired", EXPIRED, "token_expired"),
    **attacks("not_yet_valid", EARLY),
    **attacks("expires_too_late", ETERNAL),
    **attacks("bad_subject", SUBJECTS),
    **attacks("wrong_issuer", ISSUERS | NO_ISSUER),
    **attacks("wrong_audience", AUDIENCES),
}
