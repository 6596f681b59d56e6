"""Invalid and valid values of settings, and the origins of URLs."""

from typing import Any

WRONG: dict[str, list[str]] = {
    "DATABASE_URL": ["mysql://u:hidden@h/d", "hidden", "sqlite:///hidden", "://hidden", "http://h"],
    "DATABASE_URL_DIRECT": ["mysql://u:hidden@h/d", "postgresqlx://hidden"],
    "ENVIRONMENT": ["staging", "Production"],
    "PORT": ["0", "65536", "-1", "http", "80.5"],
    "WORKERS": ["0", "65", "two"],
    "LOG_LEVEL": ["verbose"],
    "AUTH_LEEWAY_SECONDS": ["-1", "121", "0.5"],
    "AUTH_USER_ID_CLAIM": [" ", "user id"],
    "AUTH_USER_PROVISIONING": ["never"],
    "POOL_SIZE": ["0", "101"],
    "POOL_WAIT_SECONDS": ["0", "-1", "61", "nan", "inf"],
    "STATEMENT_TIMEOUT_SECONDS": ["0", "0.0009", "61"],
    "DATABASE_DEADLINE_SECONDS": ["0", "61"],
    "CONNECT_DEADLINE_SECONDS": ["0", "61"],
    "REQUEST_DEADLINE_SECONDS": ["0", "61"],
    "POOL_IDLE_SECONDS": ["0", "300"],
    "MAX_BODY_BYTES": ["0", "1023", "65537"],
    "TRASH_DAYS": ["-1", "3661", "1.5", "two"],
    "MAX_TASKS_PER_USER": ["-1", "10000001", "1e3"],
    "REVISION": ["two words", "x" * 65],
    "CORS_ORIGINS": [
        "*",
        "null",
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/app",
        "https://App.example.com",
        "https://app.example.com:443",
        "https://*.example.com",
        "https://user@app.example.com",
        "https://app.example.com, *",
        "https://app.example.com:port",
    ],
    "BETTER_AUTH_URL": ["app.example.com", "https://", "https://app.example.com:port"],
}

RIGHT: dict[str, list[tuple[str, Any]]] = {
    "PORT": [("1", 1), ("65535", 65535)],
    "AUTH_LEEWAY_SECONDS": [("0", 0), ("120", 120)],
    "AUTH_USER_PROVISIONING": [("require", "require")],
    "STATEMENT_TIMEOUT_SECONDS": [("0.001", 0.001)],
    "AUTH_ISSUER": [("https://a, b", ("https://a", "b"))],
    "MAX_BODY_BYTES": [("1024", 1024), ("65536", 65536)],
    "TRASH_DAYS": [("0", 0), ("3660", 3660)],
    "MAX_TASKS_PER_USER": [("0", 0), ("10000000", 10_000_000)],
    "CORS_ORIGINS": [
        ("https://app.example.com", ("https://app.example.com",)),
        ("http://localhost:3000 , https://a.b", ("http://localhost:3000", "https://a.b")),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
    ],
}

ORIGINS = {
    "https://app.example.com": "https://app.example.com",
    "https://App.Example.com:443/api/auth/": "https://app.example.com",
    "HTTPS://APP.EXAMPLE.COM": "https://app.example.com",
    "https://app.example.com/": "https://app.example.com",
    "https://app.example.com/sub": "https://app.example.com",
    "https://app.example.com?x=1#y": "https://app.example.com",
    "https://app.example.com:8443/": "https://app.example.com:8443",
    "http://app.example.com:443": "http://app.example.com:443",
    "https://app.example.com:80": "https://app.example.com:80",
    "http://localhost:80": "http://localhost",
    "http://localhost:3000": "http://localhost:3000",
    "http://auth:3000/api/auth": "http://auth:3000",
    "http://[::1]:3000/": "http://[::1]:3000",
}
