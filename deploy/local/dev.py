"""``make dev``: as ``make run``, with one worker that reloads on a change, and readable logs."""

import sys

from deploy.local import run

if __name__ == "__main__":
    sys.exit(run.start("deploy.local.dev_server"))
