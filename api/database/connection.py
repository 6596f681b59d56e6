"""One connection to PostgreSQL in psycopg2's asynchronous mode: no threads, no blocking calls.

libpq owns the socket, and the event loop says when it is ready. No option of libpq limits a wait
in this mode, so every wait has a deadline here.
"""

import asyncio
import select
from collections.abc import Mapping
from time import monotonic
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_WRITE

from api.telemetry.stalls import SHORTEST_SECONDS as STALL_SECONDS


class Connection:
    """Runs one message at a time. ``idle_since`` is a time of the monotonic clock.

    The event loop keeps one reader for as long as the connection lives. libpq closes its socket
    within ``poll`` when the connection fails, and the next socket may get the same number:
    therefore the reader is removed, by its saved number, in the same turn of the loop.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._loop = asyncio.get_running_loop()
        self._socket: int = driver.fileno()
        self._answer: asyncio.Future[None] | None = None
        self._has_writer = False
        self.is_closed = False
        self.idle_since = monotonic()
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._loop.add_reader(self._socket, self._on_ready)

    @classmethod
    async def open(cls, parameters: Mapping[str, Any], seconds: float) -> "Connection":
        """A connection; ``parameters`` are libpq's, with ``hostaddr`` in place of a look-up.

        Raises TimeoutError after ``seconds``, and ``psycopg2.Error`` where the server refuses.
        """
        driver = psycopg2.connect(**parameters, async_=True)
        try:
            async with asyncio.timeout(seconds):
                while (state := driver.poll()) != POLL_OK:
                    await _ready(driver.fileno(), writing=state == POLL_WRITE)
        except BaseException:
            driver.close()
            raise
        return cls(driver)

    async def execute(
        self, text: str, values: Mapping[str, Any], seconds: float
    ) -> list[tuple[Any, ...]]:
        """The rows of the last statement in ``text``.

        Raises TimeoutError after ``seconds``, and ``psycopg2.Error`` where the statement fails or
        the connection is lost. A connection whose answer is no longer awaited is closed: it would
        be taken for the answer to the next message.
        """
        cursor = self._driver.cursor()
        try:
            cursor.execute(text, values)
            await self._answered(seconds)
        except BaseException:
            if self._driver.closed or self._driver.isexecuting():
                self.close()
            raise
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def close(self) -> None:
        """End the connection, whatever it is doing; the server may still run its statement."""
        if not self.is_closed:
            self.is_closed = True
            self._loop.remove_reader(self._socket)
            self._write_when_ready(wanted=False)
            self._driver.close()

    def has_ended(self) -> bool:
        """Whether an idle connection was closed, or its server has said that it ends.

        This asks the system: the event loop hears of it in its next turn, which may be too late.
        What the server said in the same packet as its last answer is a notice, since libpq awaited
        nothing more.
        """
        if self.is_closed or self._readable.poll(0):
            return True
        try:
            self._driver.poll()
        except psycopg2.Error:  # it ended between the two
            self.close()
            return True
        return any(notice.startswith("FATAL") for notice in self._driver.notices)

    def server_version(self) -> str | None:
        """As the server said it when the connection began."""
        version: str | None = self._driver.info.parameter_status("server_version")
        return version

    async def _answered(self, seconds: float) -> None:
        self._answer = self._loop.create_future()
        self._expire_after(seconds)
        try:
            self._advance(self._answer)
            await self._answer
        finally:
            self._timer.cancel()
            self._answer = None

    def _on_ready(self) -> None:
        """The socket may be read or written."""
        answer = self._answer
        if answer is None:
            self.close()  # an idle connection has nothing to say, unless it has ended
        elif not answer.done():
            self._advance(answer)
            if not answer.done():
                # libuv stops watching a socket that was reset, though there is more to read.
                self._loop.remove_reader(self._socket)
                self._loop.add_reader(self._socket, self._on_ready)

    def _advance(self, answer: asyncio.Future[None]) -> None:
        """Let libpq send and read as much as it can at once."""
        try:
            state = self._driver.poll()
        except psycopg2.Error as error:
            if self._driver.closed or error.pgcode is None:
                self.close()
            answer.set_exception(error)
        else:
            self._write_when_ready(wanted=state == POLL_WRITE)
            if state == POLL_OK:
                answer.set_result(None)

    def _expire_after(self, seconds: float) -> None:
        end = monotonic() + seconds
        self._timer = self._loop.call_later(seconds, self._expire, seconds, end)

    def _expire(self, seconds: float, end: float) -> None:
        """The time is over, unless this process was stopped: then an answer may be on its way."""
        self._on_ready()
        if not self._answer or self._answer.done():
            return
        if monotonic() - end > STALL_SECONDS:
            self._expire_after(seconds)
        else:
            self._answer.set_exception(TimeoutError())

    def _write_when_ready(self, *, wanted: bool) -> None:
        if wanted and not self._has_writer:
            self._loop.add_writer(self._socket, self._on_ready)
        elif self._has_writer and not wanted:
            self._loop.remove_writer(self._socket)
        self._has_writer = wanted


async def _ready(descriptor: int, *, writing: bool) -> None:
    """Wait once; while a connection begins, libpq may go on to another socket at each step."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    add, remove = (
        (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    )
    add(descriptor, _settle, ready)
    try:
        await ready
    finally:
        remove(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
