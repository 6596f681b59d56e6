"""Connections of clients that do not read their responses."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

STALL_SECONDS = 30.0


class BackpressureProtocol(HttpToolsProtocol):
    """Makes ``send`` wait until the client has read what was sent before; closes stalled ones.

    uvicorn waits for a client only once 64 KiB are unread. Without a limit on the time, a client
    that stops reading would hold its response in memory for as long as it stays connected.
    """

    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Have the transport report every byte that it could not pass on."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        """Start to watch the client's progress."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """The client has read everything."""
        self._unwatch()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self._check_progress, unread)

    def _unwatch(self) -> None:
        if self._stall_timer:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _check_progress(self, unread: int) -> None:
        if self.transport.get_write_buffer_size() >= unread:
            self.transport.abort()
        else:
            self._watch()
