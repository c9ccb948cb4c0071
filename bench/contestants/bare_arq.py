"""arq as it comes, with its fastest settings: jobs live in Redis and are not durable."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any

from arq.connections import RedisSettings, create_pool
from arq.worker import Worker, func

from bench.protocol import run, serve

_runs: Counter[int] = Counter()


async def count(_: dict[Any, Any], number: int) -> None:
    _runs[number] += 1


class Arq:
    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._ordered = 0

    async def jobs(self, *, count: int) -> dict[str, Any]:
        """Order so many; the time in which a worker that starts then has done them all."""
        for number in range(self._ordered, self._ordered + count):
            await self._pool.enqueue_job("count", number)
        self._ordered += count
        worker = Worker(
            functions=[func(globals()["count"], name="count")],
            redis_pool=self._pool,
            burst=True,
            max_jobs=100,
            poll_delay=0.01,
            keep_result=0,
            handle_signals=False,
            log_results=False,
        )
        started = time.perf_counter()
        await worker.async_run()
        return {"count": count, "seconds": time.perf_counter() - started}

    async def check(self) -> dict[str, Any]:
        return {"ran": sum(_runs.values()), "once": len(_runs), "ordered": self._ordered}


async def main() -> None:
    arq = Arq(await create_pool(RedisSettings.from_dsn(os.environ["BENCH_REDIS_URL"])))
    await serve({"jobs": arq.jobs, "check": arq.check})


if __name__ == "__main__":
    run(main)
