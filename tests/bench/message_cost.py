"""What one message to the database costs: CPU microseconds of the process that sends it.

``PYTHONPATH=checkout DATABASE_URL=… python tests/bench/message_cost.py [USERS]`` measures that
checkout: sixteen messages at once, of as many users or of fewer.
"""

import asyncio
import os
import sys
import time

import uvloop

from api.config.settings import Settings
from api.database.engine import Database
from api.database.statement import CompiledStatement

MESSAGES, AT_ONCE = 20_000, 16
TASK = CompiledStatement(
    "read",
    "SELECT row_to_json(task)::text FROM (SELECT 1 AS id, %(title)s AS title) task",
    {"title": "Buy milk"},
    writes=False,
)


async def send(database: Database, user: str, messages: int) -> None:
    """So many messages, one after the other."""
    for _ in range(messages):
        await database.run(TASK, user)


async def measured() -> float:
    """CPU microseconds per message over the pool's ten connections."""
    database = Database(Settings(_env_file=None, database_url=os.environ["DATABASE_URL"]))
    different = int(sys.argv[1]) if len(sys.argv) > 1 else AT_ONCE
    users = [f"user-{number % different}" for number in range(AT_ONCE)]
    await asyncio.gather(*(send(database, user, 100) for user in users))
    before = time.process_time()
    await asyncio.gather(*(send(database, user, MESSAGES // AT_ONCE) for user in users))
    cost = (time.process_time() - before) / MESSAGES
    await database.close()
    return cost * 1e6


if __name__ == "__main__":
    print(f"{uvloop.run(measured()):.1f}")
