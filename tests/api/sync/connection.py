"""HTTP as a device has it: the API may be unreachable, and answers may be lost."""

import http.client
import json
import random
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.support.http.client import token

TIMEOUT_SECONDS = 3


class Unreachable(Exception):
    """No answer, or one that leaves the outcome open or asks to try again."""


class Answer(NamedTuple):
    """``body`` is ``None`` for a 304."""

    status: int
    headers: http.client.HTTPMessage
    body: Any


class Connection:
    """A user's connection; ``loss`` is the share of answers to writes that are thrown away."""

    def __init__(self, port: int, user_id: str) -> None:
        self.user_id = user_id
        self.loss = 0.0
        self.path = f"/api/{user_id}/tasks"
        self._headers = {
            "Authorization": f"Bearer {token(user_id)}",
            "Content-Type": "application/json",
        }
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        """Read; raises ``Unreachable`` also for 5xx."""
        given = {name: value for name, value in query.items() if value is not None}
        answer = self.send("GET", f"{path}?{urlencode(given)}" if given else path, headers=headers)
        if answer.status >= 500:
            raise Unreachable(answer)
        return answer

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; raises ``Unreachable`` if no answer comes."""
        text = None if body is None else json.dumps(body)
        try:
            self._connection.request(
                method, self.path + path, text, {**self._headers, **(headers or {})}
            )
            with self._connection.getresponse() as response:
                content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable from error
        if method != "GET" and random.random() < self.loss:
            self._connection.close()
            raise Unreachable
        return Answer(response.status, response.headers, json.loads(content) if content else None)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
