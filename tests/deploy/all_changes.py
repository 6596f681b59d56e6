"""``python -m tests.deploy.all_changes``: every change of a stack after another, for SECONDS (600).

Prints a row for each change, and exits with 1 if an acknowledged write is lost or doubled, if more
requests failed at a kill than there are users, or any at another change.
"""

import os
import time
from collections.abc import Callable, Mapping

from tests.deploy.changed_stack import (
    CANARY_LIMITS,
    FROZEN_SECONDS,
    PLAIN,
    SECRETS,
    UP,
    WRONG_URL,
    ChangedStack,
    changed_stack,
)
from tests.deploy.checked_traffic import USERS, checked_traffic

SECONDS = float(os.environ.get("SECONDS", "600"))
KILL = "kill -9 of one of two replicas"


def release(stack: ChangedStack) -> None:
    """Replace the API by one with other sources."""
    stack.release("# a release")
    stack.said(*UP)


def change_settings(stack: ChangedStack) -> None:
    """Change settings and the secret, and back."""
    stack.set(WORKERS="3", BETTER_AUTH_SECRET=SECRETS[1])
    stack.said(*UP)
    stack.set()
    stack.said(*UP)


def change_files_of_nginx(stack: ChangedStack) -> None:
    """Renew the certificate and replace the limits."""
    stack.renew_certificate()
    stack.replace("limits.conf", CANARY_LIMITS)
    stack.said(*UP)
    stack.replace("limits.conf", "")
    stack.said(*UP)


def stop_and_freeze(stack: ChangedStack) -> None:
    """Run two replicas; stop one, freeze the other when the first is back."""
    stack.set(REPLICAS="2")
    stack.said(*UP)
    first, second = stack.replicas()
    stack.docker("stop", "--time", "45", first)
    stack.docker("start", first)
    stack.said(*PLAIN)
    stack.docker("pause", second)
    time.sleep(FROZEN_SECONDS)
    stack.docker("unpause", second)


def kill(stack: ChangedStack) -> None:
    """Kill one of two replicas, and start it again."""
    time.sleep(2)  # nginx knows both
    first, _ = stack.replicas()
    stack.docker("kill", "--signal", "KILL", first)
    stack.said(*UP)


def make_mistakes(stack: ChangedStack) -> None:
    """Try a wrong password, too many replicas and limits that nginx does not understand."""
    stack.set(DATABASE_URL=WRONG_URL)
    stack.fails(*UP)
    stack.set(REPLICAS="50")
    stack.fails(*UP)
    stack.set()
    stack.replace("limits.conf", "limit_requests all;")
    stack.fails(*UP)
    stack.replace("limits.conf", "")
    stack.said(*UP)


CHANGES: Mapping[str, Callable[[ChangedStack], None]] = {
    "release": release,
    "settings and secret, and back": change_settings,
    "certificate and limits": change_files_of_nginx,
    "two replicas, one stopped, one frozen for 10 s": stop_and_freeze,
    KILL: kill,
    "release of two replicas": release,
    "three mistakes, one replica": make_mistakes,
}


def main() -> None:
    """Apply the changes in turn until the time is over, and print what became of the requests."""
    failed = 0
    end = time.monotonic() + SECONDS
    with (
        changed_stack() as stack,
        checked_traffic(stack, "all changes", *SECRETS, verify=False) as traffic,
    ):
        while time.monotonic() < end:
            for name, change in CHANGES.items():
                started, before = time.monotonic(), traffic.failures
                change(stack)
                time.sleep(1)
                failures = traffic.failures - before
                seconds = time.monotonic() - started
                print(f"| {name} | {seconds:.0f} s | {dict(failures)} |", flush=True)
                failed += failures.total() if name != KILL else max(0, failures.total() - USERS)
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
