"""An operation that is measured, and how its requests are made.

Requests come from a mix of tokens as in production: 200 users at a time, each with a token that is
used 20 times and then replaced.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.tokens import Sign
from tests.bench.wrk import Cycle, Request

USERS, USES = 200, 20
# New tokens for all users, so often in a run; together enough for 64,000 requests.
GENERATIONS = 16


@dataclass(frozen=True)
class Operation:
    """``cycle`` makes the requests of one run; ``status`` is the one expected of each response.

    ``targets`` are the servers that have the operation; empty means all.
    """

    cycle: Callable[[], Cycle]
    status: str = "2xx"
    targets: frozenset[str] = frozenset()


Workload = dict[str, Operation]
# Makes a request of a user id and a token.
Make = Callable[[str, str], Request]


def named(kind: str) -> list[str]:
    """The ids of 200 users."""
    return [f"{kind}-{n}" for n in range(USERS)]


def fixed(
    *requests: Request, status: str = "2xx", targets: frozenset[str] = frozenset()
) -> Operation:
    """The same requests in each run."""
    return Operation(lambda: Cycle(requests), status, targets)


def token_mix(
    users: Sequence[str],
    sign: Sign,
    make: Make,
    status: str = "2xx",
    targets: frozenset[str] = frozenset(),
) -> Operation:
    """Requests that ``make`` builds, with new tokens in each run."""

    def cycle() -> Cycle:
        requests = [make(user, sign(user)) for _ in range(GENERATIONS) for user in users]
        return Cycle(requests, block=len(users), uses=USES, in_order=True)

    return Operation(cycle, status, targets)
