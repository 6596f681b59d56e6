"""What nginx answers in the API's place, as ``deploy/nginx/problems.conf`` says it."""

from collections.abc import Mapping

from api.problems.problem import Problem


class UriTooLong(Problem):
    """More target than it takes."""

    status = 414
    code = "uri_too_long"
    detail = "The URL is too long."


class RateLimited(Problem):
    """More requests than one address or one token may send."""

    status = 429
    code = "rate_limited"
    detail = "Too many requests: slow down."
    headers: Mapping[str, str] = {"Retry-After": "1"}


class HeadersTooLarge(Problem):
    """More header than it takes."""

    status = 431
    code = "headers_too_large"
    detail = "The headers are too large."


class BadGateway(Problem):
    """The API died with the request, or is not there."""

    status = 502
    code = "bad_gateway"
    detail = "The service did not answer. A change may have been made: read before you try again."
