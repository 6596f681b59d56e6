"""The gunicorn worker: uvicorn on uvloop and httptools, without an access log of its own."""

from typing import Any, ClassVar
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

from api.errors import PROBLEM_JSON, InvalidRequest


class HttpProtocol(HttpToolsProtocol):
    """Answers what is not HTTP with a problem document, as every other error."""

    def send_400_response(self, msg: str) -> None:
        """Write the answer and close: what follows on this connection cannot be trusted."""
        request_id = uuid4().hex
        body = InvalidRequest(msg).body(request_id)
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\ncache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class Worker(UvicornWorker):  # type: ignore[misc]
    """``uvicorn_worker``'s worker with our protocol."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": HttpProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
    }
