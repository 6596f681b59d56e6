"""One JSON object per line, whoever writes it: ours, gunicorn's, uvicorn's, a warning."""

import logging
from typing import Any, Literal

import orjson
import structlog
from structlog.types import EventDict, Processor

from api import trace

Level = Literal["debug", "info", "warning", "error"]

FRAMES = 20
STDOUT = 1


def _request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    request_id = trace.current().request_id
    if request_id != "-":
        event["request_id"] = request_id
    return event


# Locals stay out of tracebacks: they hold tokens, titles and database URLs.
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=FRAMES)
)
SHARED: list[Processor] = [
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    structlog.stdlib.add_log_level,
    _request_id,
    TRACEBACKS,
]


def _dumps(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def configure(level: Level, descriptor: int = STDOUT) -> None:
    """Route structlog's events and Python's warnings to JSON lines on a file descriptor."""
    # Unbuffered: a line is one write, so lines of several processes never mix in a pipe.
    output = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115
    structlog.configure(
        processors=[*SHARED, structlog.processors.JSONRenderer(orjson.dumps)],
        logger_factory=structlog.BytesLoggerFactory(output),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(capture=True)


def stdlib_config(level: str) -> dict[str, Any]:
    """For ``logging.config.dictConfig``: the same lines from every standard-library logger."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*SHARED, structlog.stdlib.add_logger_name],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(_dumps),
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
        # gunicorn hands this very list of handlers on to uvicorn.error.
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
            "gunicorn.access": {"handlers": [], "propagate": False},
        },
    }
