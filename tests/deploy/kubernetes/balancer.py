"""A TCP load balancer like a Service: it assigns new connections only, to a random ready pod."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65536


class Balancer:
    """``ready`` has the ports of the current endpoints; tests add and remove them."""

    def __init__(self) -> None:
        self.ready: set[int] = set()
        self.port = 0
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def start(self) -> None:
        """Start to listen."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Stop, and close every connection."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._done.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        with suppress(OSError, asyncio.CancelledError):
            port = random.choice([*self.ready])
            from_pod, to_pod = await asyncio.open_connection("127.0.0.1", port)
            writers.append(to_pod)
            await asyncio.gather(_pipe(reader, to_pod), _pipe(from_pod, writer))
        for one in writers:
            one.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()


@contextmanager
def balancer() -> Iterator[Balancer]:
    """A load balancer that runs until the block ends."""
    made = Balancer()
    made.start()
    try:
        yield made
    finally:
        made.stop()
