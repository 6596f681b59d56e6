"""The responses of tasks, with their entity tags."""

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from api.database.engine import Rows
from api.problems.catalogue import TaskNotFound, VersionMismatch
from api.tasks import cursor, etags
from api.tasks.cursor import Order
from api.tasks.fields import Direction
from api.tasks.listing import cut
from api.web.preconditions import ANY

Known = Sequence[str]


def task_response(
    rows: Rows,
    status: int = 200,
    headers: dict[str, str] | None = None,
    known: Known = (),
    missing: type[TaskNotFound] = TaskNotFound,
) -> Response:
    """The task of a statement's row; 304 if its tag is known.

    Raises ``missing``, or ``VersionMismatch`` if the condition of the request did not hold.
    """
    if not rows:
        raise missing
    document, *more = rows[0]
    if document is None:
        raise VersionMismatch(more[0])
    tag = etags.of_document(document)
    if is_known(tag, known):
        return not_modified(tag)
    return json_response(document, status, {"ETag": tag, **(headers or {})})


def page_response(
    request: Request,
    shape: str,
    rows: Rows,
    limit: int,
    order: tuple[Order, Direction],
    known: Known,
) -> Response:
    """The tasks of a page, with a ``Link`` to the next one (RFC 8288); 304 if its tag is known."""
    tag = etags.of_collection(shape, rows[0][0])
    if is_known(tag, known):
        return not_modified(tag)
    (tasks, has_more), headers = cut(rows, limit), {"ETag": tag}
    if has_more:
        headers["Link"] = _next_link(request, cursor.encode(*order, tasks[-1]))
    return json_response(f"[{','.join(tasks)}]", headers=headers)


def json_response(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with this JSON."""
    return Response(text, status, headers, media_type="application/json")


def is_known(tag: str, known: Known) -> bool:
    """Whether the client has what this tag stands for."""
    return tag in known or ANY in known


def not_modified(tag: str) -> Response:
    """What the client has is current."""
    return Response(status_code=304, headers={"ETag": tag})


def _next_link(request: Request, position: str) -> str:
    """Relative to the public URL."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    path = request.scope["raw_path"].decode("ascii")
    return f'<{path}?{urlencode([*kept, ("cursor", position)])}>; rel="next"'
