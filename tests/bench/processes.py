"""CPU time and memory of processes, from Linux's /proc (proc(5))."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [process, *map(int, children.split())]


def parent(process: int) -> int:
    """The process that started this one."""
    return int(_fields(process)[1])


def cpu_seconds(process: int) -> float:
    """User and system time of a process and its children, those that have ended included."""
    ended = sum(map(int, _fields(process)[13:15]))
    return (ended + sum(_ticks(each) for each in family(process))) / TICKS


def resident_kib(process: int) -> int:
    """Resident memory in KiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def bytes_read(process: int) -> int:
    """The bytes that a process has read so far."""
    io = Path(f"/proc/{process}/io").read_text()
    return int(io.split("rchar:")[1].split()[0])


def _ticks(process: int) -> int:
    """Clock ticks of one process; none if it has just ended."""
    try:
        return sum(map(int, _fields(process)[11:13]))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _fields(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second may contain spaces."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
