"""A network namespace with a name server that may be silent, and a way out to PostgreSQL."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import ROOT
from tests.support.required_tools import require_tool, skip_without

ISOLATED = "mount --bind {file} /etc/resolv.conf && ip link set lo up && exec {program}"
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--net")
PORT = 5432
HEAD, ADDRESS_QUESTION = 12, b"\0\1\0\1"
ANSWER = b"\xc0\x0c" + ADDRESS_QUESTION + b"\0\0\0\0" + b"\0\4" + socket.inet_aton("127.0.0.1")


def isolated(call: str, folder: Path) -> str:
    """What ``call``, a module and its function, prints where 127.0.0.1 is asked for names."""
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
        [*UNSHARE, "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


@contextmanager
def resolver() -> Iterator[threading.Event]:
    """The name server: every name is this machine's, once the event is set."""
    speaks = threading.Event()
    with socket.socket(type=socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 53))
        threading.Thread(target=_resolve, args=(link, speaks), daemon=True).start()
        yield speaks


def _resolve(link: socket.socket, speaks: threading.Event) -> None:
    while True:
        asked, client = link.recvfrom(512)
        end = asked.index(b"\0", HEAD) + 5
        found = ANSWER if asked[end - 4 : end] == ADDRESS_QUESTION else b""
        counts = b"\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
        if speaks.is_set():
            link.sendto(asked[:2] + b"\x81\x80" + counts + asked[HEAD:end] + found, client)


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
