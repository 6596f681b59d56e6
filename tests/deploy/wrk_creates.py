"""A load of creates by wrk, which counts failed requests by kind."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.command import Command, running
from tests.support.required_tools import require_tool
from tests.support.stack.compose_stack import Stack

CONNECTIONS = 16
POST = """
wrk.method, wrk.body = "POST", '{"title": "under load"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
done = function(summary)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %%d, "connect": %%d, "read": %%d, "write": %%d, ' ..
    '"status": %%d, "timeout": %%d}\\n',
    summary.requests, e.connect, e.read, e.write, e.status, e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """A running wrk."""

    command: Command

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.command.process.poll() is not None

    def stop(self) -> dict[str, int]:
        """End it; the number of requests, and of failures by kind."""
        self.command.stop(signal.SIGINT)
        found: dict[str, int] = json.loads(self.command.output.splitlines()[-1])
        return found


@contextmanager
def creating(stack: Stack, user: str, seconds: int) -> Iterator[Load]:
    """One user creates tasks on many connections, for so many seconds at most."""
    require_tool("wrk")
    token = stack.make("token", "FOR=compose", f"SUB={user}").strip()
    script = stack.data / "post.lua"
    script.write_text(POST % token)
    how = ("--threads=2", f"--connections={CONNECTIONS}", "--timeout=15s", f"--duration={seconds}s")
    url = f"{stack.base_url}/api/{user}/tasks"
    with running("wrk", *how, f"--script={script}", url) as command:
        yield Load(command)
