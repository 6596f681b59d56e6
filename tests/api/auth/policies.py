"""Token settings: those refused at start with their sentence, and the JWKS URLs derived."""

import json

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.auth.issuer import Issuer
from tests.support.auth.jws import encode
from tests.support.http.server import SECRET

URL = {"BETTER_AUTH_URL": "https://app.example.com"}
KEYS = {"BETTER_AUTH_JWKS_URL": "https://app.example.com/keys"}
BOTH = {**URL, "BETTER_AUTH_SECRET": SECRET}
ISSUER = Issuer()
PUBLIC = ISSUER.entries[0]
_KEY = ISSUER.keys[PUBLIC["kid"]][1].public_key()
PUBLIC_KEYS: dict[str, str] = {
    "PEM": _KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    "OpenSSH": _KEY.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    "JWK": json.dumps(PUBLIC),
}

NO_KEYS = "Set BETTER_AUTH_SECRET or BETTER_AUTH_URL to verify tokens with."
NO_ISSUER = "Set BETTER_AUTH_URL, or AUTH_ISSUER and AUTH_AUDIENCE, beside JWKS."
NOT_JWKS = "BETTER_AUTH_JWKS is not a JWK Set."
PRIVATE = "BETTER_AUTH_JWKS holds a private key: give only the public members."
WEAK = "BETTER_AUTH_SECRET must be random and at least 32 bytes long"

REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "nothing at all": ({}, NO_KEYS),
    "an empty secret": ({"BETTER_AUTH_SECRET": ""}, NO_KEYS),
    "names alone": ({"AUTH_ISSUER": "a", "AUTH_AUDIENCE": "b"}, NO_KEYS),
    "keys without names": (KEYS, NO_ISSUER),
    "keys without audience": ({**KEYS, "AUTH_ISSUER": "https://a"}, NO_ISSUER),
    "keys without issuer": ({**KEYS, "AUTH_AUDIENCE": "tasks"}, NO_ISSUER),
    "keys without names, and a secret": ({**KEYS, "BETTER_AUTH_SECRET": SECRET}, NO_ISSUER),
    "a document without names": ({"BETTER_AUTH_JWKS": json.dumps({"keys": [PUBLIC]})}, NO_ISSUER),
}
ALGORITHMS: dict[str, tuple[dict[str, str], str, str]] = {
    "HS256 without a secret": (URL, "HS256", "HS256"),
    "EdDSA without keys": ({"BETTER_AUTH_SECRET": SECRET}, "EdDSA", "EdDSA"),
    "one of two without a key": ({"BETTER_AUTH_SECRET": SECRET}, "HS256,ES256", "ES256"),
    "several": ({"BETTER_AUTH_SECRET": SECRET}, "RS256, ES256", "ES256, RS256"),
    "none": (BOTH, "none", "none"),
    "none among others": (BOTH, "EdDSA,none", "none"),
    "an unknown name": (BOTH, "EdDSA,XX256", "XX256"),
    "another HMAC": (BOTH, "HS512", "HS512"),
    "another case": (BOTH, "hs256", "hs256"),
    "encryption": (BOTH, "RSA-OAEP", "RSA-OAEP"),
}
DOCUMENTS: dict[str, tuple[str, str]] = {
    "text": ("keys", NOT_JWKS),
    "a path": ("/etc/keys.json", NOT_JWKS),
    "half of it": ('{"keys":[', NOT_JWKS),
    "a list": ("[]", NOT_JWKS),
    "null": ("null", NOT_JWKS),
    "an empty object": ("{}", NOT_JWKS),
    "a bare key": (json.dumps(PUBLIC), NOT_JWKS),
    "a number as keys": ('{"keys":1}', NOT_JWKS),
    "null as keys": ('{"keys":null}', NOT_JWKS),
    "a number as key": ('{"keys":[1]}', NOT_JWKS),
    "a private key": (json.dumps({"keys": [{**PUBLIC, "d": "AA"}]}), PRIVATE),
    "a private key among others": (json.dumps({"keys": [PUBLIC, {**PUBLIC, "d": ""}]}), PRIVATE),
    "a secret": (json.dumps({"keys": [{"kty": "oct", "k": encode(b"a" * 32)}]}), PRIVATE),
}
USELESS = {
    "no keys": {"keys": []},
    "nothing usable": {"keys": [{**PUBLIC, "use": "enc"}]},
    "no kid": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": PUBLIC["x"]}]},
    "an odd type": {"keys": [{**PUBLIC, "kty": ["OKP"]}]},
}
PLACEHOLDERS = (
    *("change-me-to-a-long-random-string-0123456789", "better-auth-secret-123456789012345"),
    *("your-secret-key-your-secret-key-0123", "replace_this_with_32_random_bytes_please"),
    *("0123456789-abcdefghijklmnop-example", "a" * 64, "0123456789abcdef0123456789abcde"),
)
JWKS_URLS: dict[str, str] = {
    "https://app.example.com": "https://app.example.com/api/auth/jwks",
    "https://app.example.com/": "https://app.example.com/api/auth/jwks",
    "https://app.example.com/api/auth": "https://app.example.com/api/auth/jwks",
    "https://App.Example.com:443/api/auth/": "https://app.example.com/api/auth/jwks",
    "https://app.example.com/sub": "https://app.example.com/sub/jwks",
    "https://app.example.com/sub/": "https://app.example.com/sub/jwks",
    "https://app.example.com/a/b": "https://app.example.com/a/b/jwks",
    "https://app.example.com/Sub": "https://app.example.com/Sub/jwks",
    "https://app.example.com?x=1#y": "https://app.example.com/api/auth/jwks",
    "http://localhost:3000": "http://localhost:3000/api/auth/jwks",
    "http://localhost:80/": "http://localhost/api/auth/jwks",
    "http://[::1]:3000/sub": "http://[::1]:3000/sub/jwks",
}
