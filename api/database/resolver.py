"""The addresses of the database's host, without blocking the event loop as libpq would.

The last good ones are kept, and used where the name servers do not answer in time: trouble with
names alone fails no request (RFC 8767, serving stale data).
"""

import asyncio
import ipaddress
import socket
from time import monotonic

import structlog

# A name server that is well answers within this.
LOOKUP_SECONDS = 0.25
# RFC 8767 section 5 recommends one to three days.
LONGEST_AGE_SECONDS = 86_400

log = structlog.get_logger()


class Resolver:
    """Looks up one host; simultaneous calls share one look-up."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._known: list[str] = []
        self._known_since = 0.0
        self._lookup: asyncio.Task[list[str]] | None = None
        self._fails = False

    async def addresses(self, seconds: float) -> list[str]:
        """The host's addresses, at most a day old.

        Raises TimeoutError after ``seconds``, or OSError where there is no such host, if it was
        not found before.
        """
        is_fresh = monotonic() - self._known_since < LONGEST_AGE_SECONDS
        known = self._known if is_fresh else []
        try:
            async with asyncio.timeout(min(seconds, LOOKUP_SECONDS) if known else seconds):
                return await asyncio.shield(self._started())
        except OSError as error:  # TimeoutError is one
            self._note_failure(error)
            if known:
                return known
            raise

    def _started(self) -> asyncio.Task[list[str]]:
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(self._look_up())
            # A failure after the last caller has given up is not to be reported as unhandled.
            self._lookup.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._lookup

    async def _look_up(self) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._known = list(dict.fromkeys(str(address[0]) for *_, address in found))
        self._known_since = monotonic()
        if self._fails:
            log.info("name_lookup_recovered")
        self._fails = False
        return self._known

    def _note_failure(self, error: OSError) -> None:
        if not self._fails:
            log.warning("name_lookup_failed", error=str(error) or "no answer in time")
        self._fails = True


def is_name(host: str) -> bool:
    """Whether the host is looked up: it is no address, no socket's folder and no list."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and not host.startswith("/") and "," not in host
    return False
