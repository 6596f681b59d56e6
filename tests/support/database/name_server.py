"""A name server whose answers a test loses, delays or ends; it needs the standard library alone.

``python -c SOURCE ADDRESS TROUBLE``, in a container without the tests, answers ``ADDRESS`` until a
line on standard input begins the trouble, and ends with standard input.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

LOOPBACK = "127.0.0.1"
RESOLV_CONF = f"nameserver {LOOPBACK}\noptions timeout:1 attempts:1\n"
# The longest look-up under these options.
LOOKUP_SECONDS = 1.1
HEAD, ADDRESS_QUESTION = 12, b"\0\1\0\1"


class NameServer:
    """It answers that every name has this IPv4 address.

    ``drops``: whether the next question gets no answer; ``delay``: seconds before each answer.
    """

    def __init__(self, address: str = LOOPBACK) -> None:
        self._answer = (
            b"\xc0\x0c" + ADDRESS_QUESTION + b"\0\0\0\0" + b"\0\4" + socket.inet_aton(address)
        )
        self.drops: Callable[[], bool] = lambda: True
        self.delay = 0.0
        self._link = socket.socket(type=socket.SOCK_DGRAM)
        self._link.bind((LOOPBACK, 53))
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
                    threading.Timer(self.delay, self._reply, (question, client)).start()

    def _reply(self, question: bytes, client: Any) -> None:
        end = question.index(b"\0", HEAD) + 5
        found = self._answer if question[end - 4 : end] == ADDRESS_QUESTION else b""
        counts = b"\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
        with suppress(OSError):
            head = question[:2] + b"\x81\x80" + counts
            self._link.sendto(head + question[HEAD:end] + found, client)


@contextmanager
def name_server(address: str = LOOPBACK) -> Iterator[NameServer]:
    """A name server that is silent at first."""
    made = NameServer(address)
    try:
        yield made
    finally:
        made.close()


def lose_packets(names: NameServer) -> None:
    """Lose two of three questions."""
    questions = count()
    names.drops, names.delay = lambda: next(questions) % 3 != 0, 0.0


def answer_late(names: NameServer) -> None:
    """Answer after the time limit of a look-up."""
    names.drops, names.delay = lambda: False, 3.0


def answer_nothing(names: NameServer) -> None:
    """Lose every question."""
    names.drops, names.delay = lambda: True, 0.0


TROUBLES: dict[str, Callable[[NameServer], None]] = {
    "loses packets": lose_packets,
    "answers late": answer_late,
    "answers nothing": answer_nothing,
    "is gone": NameServer.close,
}


if __name__ == "__main__":
    with name_server(sys.argv[1]) as running:
        running.answer_all()
        print("answers", flush=True)
        sys.stdin.readline()
        TROUBLES[sys.argv[2]](running)
        print("begun", flush=True)
        sys.stdin.readline()
