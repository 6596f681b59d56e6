"""What an endpoint and the checks before it need from the running application."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from starlette.requests import HTTPConnection

from api.config.settings import Settings
from api.web.load_shedding import InFlightLimiter

KEY = "api"


class Authenticator(Protocol):
    """Finds the user of a request."""

    async def user_id(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The id of the user whose token the headers carry; raises a ``Problem`` otherwise."""


@dataclass
class WebState:
    """The part of the application's state that this package uses."""

    settings: Settings
    authenticator: Authenticator
    in_flight: InFlightLimiter


def web_state(connection: HTTPConnection[Any]) -> WebState:
    """The state that the lifespan made."""
    return cast("WebState", connection.scope["state"][KEY])
