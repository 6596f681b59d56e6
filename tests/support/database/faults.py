"""Faults of a database server: no answer, a stopped process, a lock that is held too long."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import psycopg2

from tests.support.database.pool import ask

WAITING = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND wait_event_type = 'Lock'"
)


@contextmanager
def silent_listener() -> Iterator[str]:
    """The URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"postgresql://alice@127.0.0.1:{listener.getsockname()[1]}/tasks"


@contextmanager
def backend_stopped(url: str, answer: Future[httpx.Response]) -> Iterator[None]:
    """The backend that keeps this answer waiting for a lock, stopped until the block ends."""
    while not (rows := ask(url, WAITING)):
        assert not answer.done()
    [(backend_pid,)] = rows
    os.kill(backend_pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(backend_pid, signal.SIGCONT)


@contextmanager
def task_table_locked(url: str) -> Iterator[None]:
    """The task table, locked by another session."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE task")
            yield
    finally:
        connection.close()


@contextmanager
def in_background(send: Any, *arguments: Any, **options: Any) -> Iterator[Future[httpx.Response]]:
    """A request that another thread sends."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(send, *arguments, **options)
