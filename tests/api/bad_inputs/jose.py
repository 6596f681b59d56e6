"""Invalid JOSE headers of tokens whose signature matches."""

from tests.api.bad_inputs.minting import CLAIMS, HEADER, PAYLOAD, encode, sign, with_header

HEADERS = {
    "not JSON": sign(b"canary", CLAIMS),
    "not UTF-8": sign(b'{"alg":"HS256","a":"\xff"}', CLAIMS),
    "an array": sign(["HS256"], CLAIMS),
    "a string": sign("HS256", CLAIMS),
    "a number": sign(1, CLAIMS),
    "null": sign(None, CLAIMS),
    "an empty object": sign({}, CLAIMS),
    "2,000 arrays": sign(b"[" * 2_000 + b"]" * 2_000, CLAIMS),
    "2,000 arrays in a member": sign(
        b'{"alg":"HS256","a":' + b"[" * 2_000 + b"]" * 2_000 + b"}", CLAIMS
    ),
    "crit": with_header(crit=["exp"]),
    "an empty crit": with_header(crit=[]),
    "a crit that is no list": with_header(crit="exp"),
    "false as crit": with_header(crit=False),
    "unencoded claims": with_header(b64=False),
    "unencoded claims, critical": with_header(b64=False, crit=["b64"]),
    "typ of a session cache": with_header(typ="better-auth.session-cache+jwt"),
    "typ of an id token": with_header(typ="id_token+jwt"),
    "typ of a proof": with_header(typ="dpop+jwt"),
    "typ JWE": with_header(typ="JWE"),
    "an empty typ": with_header(typ=""),
    "a number as typ": with_header(typ=1),
    "a list as typ": with_header(typ=["JWT"]),
    "an object as typ": with_header(typ={"JWT": 1}),
    "a key of its own": sign(
        {**HEADER, "jwk": {"kty": "oct", "k": encode(b"canary")}}, CLAIMS, "canary"
    ),
    "a key set of its own": sign({**HEADER, "jku": "http://127.0.0.1:1/jwks"}, CLAIMS, "canary"),
    "a certificate of its own": sign({**HEADER, "x5u": "http://127.0.0.1:1/a"}, CLAIMS, "canary"),
    "a certificate in it": sign({**HEADER, "x5c": [encode(b"canary")]}, CLAIMS, "canary"),
    "a kid that is a path": sign({**HEADER, "kid": "../../../dev/null"}, CLAIMS, ""),
    "a kid that is SQL": sign({**HEADER, "kid": "' UNION SELECT 'canary"}, CLAIMS, "canary"),
    "a kid that is an address": sign({**HEADER, "kid": "http://127.0.0.1:1/"}, CLAIMS, "canary"),
}
ALGORITHMS = {
    **{f"{name}, unsigned": f"{encode({'alg': name})}.{PAYLOAD}." for name in ("none", "NONE")},
    **{
        f"{name}, signed": with_header(alg=name)
        for name in ("none", "None", "nOnE", "hs256", "HS256 ")
    },
    "missing": sign({"typ": "JWT"}, CLAIMS),
    "empty": with_header(alg=""),
    "null": with_header(alg=None),
    "a number": with_header(alg=256),
    "true": with_header(alg=True),
    "a list": with_header(alg=["HS256"]),
    "an object": with_header(alg={"HS256": 1}),
    "HS256 and NUL": with_header(alg="HS256\0"),
    "HS384": sign({"alg": "HS384"}, CLAIMS, digest="sha384"),
    "HS512": sign({"alg": "HS512"}, CLAIMS, digest="sha512"),
    "HS256 that says HS512": with_header(alg="HS512"),
    **{
        name: with_header(alg=name, kid="a")
        for name in ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
    },
}
