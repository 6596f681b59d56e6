"""The state of a running worker: made by the lifespan, read by every request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from api.database.engine import Database
from api.web.state import KEY, WebState


@dataclass
class State(WebState):
    """One per worker; ``is_draining`` is set when the worker is about to stop."""

    database: Database
    is_draining: bool = False


def state_of(connection: HTTPConnection[Any]) -> State:
    """The state of the worker that serves this request."""
    state: State = connection.scope["state"][KEY]
    return state


def started_state(lifespan_state: Mapping[str, Any]) -> State | None:
    """The state in an ASGI lifespan's mapping; None before the application has started."""
    return lifespan_state.get(KEY)
