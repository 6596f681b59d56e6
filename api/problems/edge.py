"""The errors that nginx answers itself, as configured in ``deploy/nginx/problems.conf``."""

from collections.abc import Mapping

from api.problems.problem import Problem


class UriTooLong(Problem):
    """The request target exceeds nginx's limit."""

    status = 414
    code = "uri_too_long"
    detail = "The URL is too long."


class RateLimited(Problem):
    """An address or a token exceeds its rate limit."""

    status = 429
    code = "rate_limited"
    detail = "Too many requests: slow down."
    headers: Mapping[str, str] = {"Retry-After": "1"}


class HeadersTooLarge(Problem):
    """The header fields exceed nginx's limit."""

    status = 431
    code = "headers_too_large"
    detail = "The headers are too large."


class BadGateway(Problem):
    """The API closed the connection without a response, or does not listen."""

    status = 502
    code = "bad_gateway"
    detail = "The service did not answer. A change may have been made: read before you try again."
