"""The files in which workers keep their metrics (multiprocess mode of prometheus_client).

Every process writes memory-mapped files of its own. Space is reserved before it is written to,
because a write to a mapped page that a full file system cannot store kills the process (SIGBUS).
Files of processes that exited are added up in one archive, so that their number stays bounded.
"""

import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import prometheus_client.values
import structlog
from prometheus_client import mmap_dict

INITIAL_BYTES = 1 << 16  # as prometheus_client, which doubles it when necessary
ENTRY_OVERHEAD_BYTES = 32
LOCK_TRIES, LOCK_PAUSE_SECONDS = 20, 0.05
KINDS = ("counter", "histogram")
ARCHIVE = "archive"
MmapedDict: Any = mmap_dict.MmapedDict  # untyped


class ReservedFile(MmapedDict):  # type: ignore[misc]
    """A file whose space is reserved before it grows; raises ``OSError`` without space."""

    def __init__(self, filename: str) -> None:
        if not os.path.exists(filename) or os.path.getsize(filename) == 0:  # noqa: PTH110, PTH202
            with open(filename, "ab") as file:  # noqa: PTH123
                _reserve(file.fileno(), INITIAL_BYTES)
        super().__init__(filename)

    def _init_value(self, key: str) -> None:
        needed = self._used + len(key.encode()) + ENTRY_OVERHEAD_BYTES
        capacity: int = self._capacity
        while capacity < needed:
            capacity *= 2
        if capacity > self._capacity:
            _reserve(self._f.fileno(), capacity)
        super()._init_value(key)


class WorkerValues:
    """The values of one process: in a file, or in memory once the file cannot be written."""

    def __init__(self, filename: str) -> None:
        self._memory: dict[str, tuple[float, float]] = {}
        self._folder = Path(filename).parent
        self._file: ReservedFile | None = None
        try:
            self._file = ReservedFile(filename)
        except OSError as error:
            self._continue_in_memory(error)

    def read_value(self, key: str) -> tuple[float, float]:
        """The value and its timestamp, 0 for a new key."""
        if self._file:
            try:
                value, timestamp = self._file.read_value(key)
            except OSError as error:
                self._continue_in_memory(error)
            else:
                return value, timestamp
        return self._memory.get(key, (0.0, 0.0))

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Store the value of a key that was read before."""
        if self._file:
            self._file.write_value(key, value, timestamp)
        else:
            self._memory[key] = value, timestamp

    def close(self) -> None:
        """Close the file, as a new process does with those of its parent."""
        if self._file:
            self._file.close()

    def _continue_in_memory(self, error: OSError) -> None:
        self._file = None
        _warn_once(os.getpid(), str(self._folder), error.strerror)


def install() -> None:
    """Make prometheus_client use ``WorkerValues``; called before any metric is created."""
    values: Any = prometheus_client.values
    values.MmapedDict = WorkerValues


def archive(folder: Path, running: AbstractSet[int]) -> None:
    """Add the files of processes that are not ``running`` to the archive, and delete them.

    Without space or without the lock the files stay until the next call.
    """
    with locked(folder, fcntl.LOCK_EX) as is_locked, suppress(OSError):
        if is_locked:
            for kind in KINDS:
                _archive(folder, kind, running)


@contextmanager
def locked(folder: Path, how: int) -> Iterator[bool]:
    """Hold the lock of the folder (``LOCK_SH`` to read all files); yields whether it is held.

    It is not waited for longer than a second, because a worker that is stopped may hold it.
    """
    file = _open(folder / "lock")
    if file is None:
        yield False
        return
    with file:
        yield _try_lock(file.fileno(), how)


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("ab")
    except OSError:
        return None


def _try_lock(descriptor: int, how: int) -> bool:
    for _ in range(LOCK_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            return True
        time.sleep(LOCK_PAUSE_SECONDS)
    return False


def _archive(folder: Path, kind: str, running: AbstractSet[int]) -> None:
    names = {str(number) for number in running} | {ARCHIVE}
    exited = [path for path in folder.glob(f"{kind}_*.db") if path.stem.split("_")[1] not in names]
    if not exited:
        return
    path, draft = folder / f"{kind}_{ARCHIVE}.db", folder / f"{kind}_{ARCHIVE}.new"
    draft.unlink(missing_ok=True)
    file = ReservedFile(str(draft))
    for key, value in _sum([path, *exited]).items():
        file.read_value(key)
        file.write_value(key, value, 0.0)
    file.close()
    draft.replace(path)
    for path in exited:
        path.unlink()


def _sum(paths: list[Path]) -> Counter[str]:
    values = Counter[str]()
    for path in paths:
        # A worker that was killed while its file grew may leave an unreadable one.
        with suppress(Exception):
            for key, value, *_ in [*MmapedDict.read_all_values_from_file(str(path))]:
                values[key] += value
    return values


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)


@cache
def _warn_once(_process: int, folder: str, error: str | None) -> None:
    structlog.get_logger().warning("metrics_not_written", folder=folder, error=error)
