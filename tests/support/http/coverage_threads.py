"""Coverage measures the threads that serve requests, and no other threads.

CPython 3.11 spins for ever where a tracer meets a pending call that is queued while another runs.
Greenlet queues one for each traced thread that ends, and the tests' own end by the hundred.
"""

import sys
import threading
from collections.abc import Callable

TRACE = threading.gettrace()
threading.settrace(None)


def measured(work: Callable[[], object]) -> Callable[[], None]:
    """The same, for a thread that coverage should see."""

    def run() -> None:
        sys.settrace(TRACE)
        work()

    return run
