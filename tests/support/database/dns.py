"""A network namespace with a name server that may be silent, and a way out to PostgreSQL."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.command import ROOT
from tests.support.required_tools import require_tool, skip_without

ISOLATED = "mount --bind {file} /etc/resolv.conf && ip link set lo up && exec {program}"
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--net")
PORT = 5432
HEAD, ADDRESS_QUESTION = 12, b"\0\1\0\1"
ANSWER = b"\xc0\x0c" + ADDRESS_QUESTION + b"\0\0\0\0" + b"\0\4" + socket.inet_aton("127.0.0.1")


def isolated(call: str, folder: Path) -> str:
    """The output of ``call`` (module:function) in a network whose name server is 127.0.0.1."""
    module, _, function = call.partition(":")
    name = function.partition("(")[0]
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    program = f"{sys.executable} -c 'from {module} import {name}; {function}'"
    script = ISOLATED.format(file=folder / "resolv.conf", program=program)
    for tool in ("unshare", "mount", "ip"):
        require_tool(tool)
    if subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        skip_without("a network namespace, which this user may not create")
    return subprocess.run(
        [*UNSHARE, "sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


class NameServer:
    """It answers that every name is this machine's, in IPv4.

    ``drops``: whether the next question gets no answer; ``delay``: seconds before each answer.
    """

    def __init__(self) -> None:
        self.drops: Callable[[], bool] = lambda: True
        self.delay = 0.0
        self._link = socket.socket(type=socket.SOCK_DGRAM)
        self._link.bind(("127.0.0.1", 53))
        self._link.settimeout(0.02)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def answer_all(self) -> None:
        """Answer every question, at once."""
        self.drops, self.delay = lambda: False, 0.0

    def close(self) -> None:
        """Be gone: the next question is refused by the system (ICMP port unreachable)."""
        self._closing.set()
        self._thread.join()
        self._link.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                question, client = self._link.recvfrom(512)
                if not self.drops():
                    threading.Timer(self.delay, self._answer, (question, client)).start()

    def _answer(self, question: bytes, client: Any) -> None:
        end = question.index(b"\0", HEAD) + 5
        found = ANSWER if question[end - 4 : end] == ADDRESS_QUESTION else b""
        counts = b"\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
        with suppress(OSError):
            head = question[:2] + b"\x81\x80" + counts
            self._link.sendto(head + question[HEAD:end] + found, client)


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A name server that is silent at first."""
    made = NameServer()
    try:
        yield made
    finally:
        made.close()


def forward(path: str) -> None:
    """In a thread: connections to this network's port 5432 come out at the socket ``path``."""
    threading.Thread(target=lambda: asyncio.run(_forward(path)), daemon=True).start()


async def _forward(path: str) -> None:
    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, out = await asyncio.open_unix_connection(path)
        await asyncio.gather(copy(reader, out), copy(back, writer))

    async with await asyncio.start_server(pass_on, "127.0.0.1", PORT) as server:
        await server.serve_forever()
