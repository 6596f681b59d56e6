"""JSON logs: one object per line for our events, gunicorn, uvicorn and Python's warnings."""

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import orjson
import structlog
from structlog.types import EventDict, Processor

from api.telemetry import request_context

Level = Literal["debug", "info", "warning", "error"]

FRAMES = 20
STDOUT = 1
# Writes up to PIPE_BUF (4096 bytes on Linux) are atomic; longer lines of two workers could mix.
LINE_BYTES = 4000
KEPT_TEXT, KEPT_ITEMS, KEPT_MEMBERS = 80, 3, 16
SECRET = re.compile("authorization|cookie|password|secret|token$|database_url", re.IGNORECASE)
REDACTED = "[redacted]"
PLAIN = (str, int, float, type(None))


def _request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    request_id = request_context.current().request_id
    if request_id != "-":
        event["request_id"] = request_id
    return event


# Tracebacks omit local variables, which hold tokens, titles and database URLs.
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=FRAMES)
)
SHARED: list[Processor] = [
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    structlog.stdlib.add_log_level,
    _request_id,
    TRACEBACKS,
]


def _line(_logger: object, _method: str, event: EventDict) -> bytes:
    """The event as one line of JSON of at most ``LINE_BYTES``, with secrets redacted."""
    shown = _redacted(event)
    line = orjson.dumps(shown, default=str)
    if len(line) <= LINE_BYTES:
        return line
    return orjson.dumps({**_shortened(shown), "truncated": True}, default=str)


def _text_line(logger: object, method: str, event: EventDict) -> str:
    return _line(logger, method, event).decode()


def _redacted(value: Any) -> Any:
    if isinstance(value, PLAIN):  # the common case; an isinstance check against Mapping is slower
        return value
    if isinstance(value, Mapping):
        return {
            name: REDACTED if _is_secret(str(name)) else _redacted(inner)
            for name, inner in value.items()
        }
    return [_redacted(inner) for inner in value] if isinstance(value, list) else value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return bool(SECRET.search(name))


def _shortened(value: Any) -> Any:
    """The value with texts cut to their beginning and lists to their last items."""
    if isinstance(value, Mapping):
        kept = list(value.items())[:KEPT_MEMBERS]
        return {str(name)[:KEPT_TEXT]: _shortened(inner) for name, inner in kept}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value[-KEPT_ITEMS:]]
    return value[:KEPT_TEXT] if isinstance(value, str) else value


def configure(level: Level, descriptor: int = STDOUT) -> None:
    """Route structlog's events and Python's warnings to JSON lines on a file descriptor."""
    # Unbuffered: each line is one write, so lines of several processes do not mix.
    output = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115
    structlog.configure(
        processors=[*SHARED, _line],
        logger_factory=structlog.BytesLoggerFactory(output),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(capture=True)


def stdlib_config(level: str) -> dict[str, Any]:
    """The ``dictConfig`` that makes standard-library loggers write the same JSON lines."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*SHARED, structlog.stdlib.add_logger_name],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _text_line,
                ],
            }
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": level.upper(), "handlers": ["stdout"]},
        # gunicorn passes this list of handlers to uvicorn.error as well.
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
            "gunicorn.access": {"handlers": [], "propagate": False},
        },
    }
