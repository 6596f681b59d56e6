"""A network namespace with a name server of its own, and a way out to PostgreSQL."""

import asyncio
import shlex
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.command import ROOT
from tests.support.database.name_server import RESOLV_CONF
from tests.support.required_tools import require_tool, skip_without

ISOLATED = "mount --bind {file} /etc/resolv.conf && ip link set lo up && exec {program}"
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--net")
PORT = 5432


def isolated(call: str, folder: Path) -> str:
    """The output of ``call`` (module:function) in a network whose name server is 127.0.0.1."""
    module, _, function = call.partition(":")
    name = function.partition("(")[0]
    (folder / "resolv.conf").write_text(RESOLV_CONF)
    program = shlex.join([sys.executable, "-c", f"from {module} import {name}; {function}"])
    script = ISOLATED.format(file=shlex.quote(f"{folder / 'resolv.conf'}"), program=program)
    for tool in ("unshare", "mount", "ip"):
        require_tool(tool)
    if subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        skip_without("a network namespace, which this user may not create")
    return subprocess.run(
        [*UNSHARE, "sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


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
