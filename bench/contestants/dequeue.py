"""The limit of jobs in PostgreSQL: rows taken one by one with SKIP LOCKED, and of timers: the scan.

One statement a job, in a table with nothing else to look after; no function is called.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import asyncpg

from bench.protocol import run, serve

CLIENTS = 8
_TAKE = (
    "UPDATE queue SET state = 'done' WHERE id = (SELECT id FROM queue WHERE state = 'pending'"
    " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
)


class Queue:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._ordered = 0
        self._taken: list[int] = []

    async def jobs(self, *, count: int) -> dict[str, Any]:
        await self._pool.execute(
            "INSERT INTO queue (state, payload) SELECT 'pending', '{}' FROM generate_series(1, $1)",
            count,
        )
        self._ordered += count
        started = time.perf_counter()
        await asyncio.gather(*(self._take_all() for _ in range(CLIENTS)))
        return {"count": count, "seconds": time.perf_counter() - started}

    async def _take_all(self) -> None:
        async with self._pool.acquire() as connection:
            while (taken := await connection.fetchval(_TAKE)) is not None:
                self._taken.append(taken)

    async def check(self) -> dict[str, Any]:
        return {
            "taken": len(self._taken),
            "once": len(set(self._taken)),
            "ordered": self._ordered,
        }


async def main() -> None:
    async with asyncpg.create_pool(
        os.environ["BENCH_DATABASE_URL"], min_size=1, max_size=CLIENTS
    ) as pool:
        await pool.execute(
            "CREATE TABLE queue (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " state text NOT NULL, payload jsonb NOT NULL);"
            "CREATE INDEX queue_pending ON queue (id) WHERE state = 'pending'"
        )
        queue = Queue(pool)
        await serve({"jobs": queue.jobs, "check": queue.check})


if __name__ == "__main__":
    run(main)
