"""procrastinate: jobs and timers on PostgreSQL, each a function that does nothing but count."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from procrastinate import App, PsycopgConnector

from bench.protocol import run, serve

CONCURRENCY = 8
POLL_SECONDS = 1.0
CHUNK = 5_000

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_DATABASE_URL"], max_size=20))
_runs: Counter[int] = Counter()
_late: list[float] = []


@app.task(name="count")
async def count(number: int) -> None:
    _runs[number] += 1


@app.task(name="timer", queue="timers")
async def timer(due: float) -> None:
    _late.append(time.time() - due)


class Worker:
    def __init__(self) -> None:
        self._ordered = 0

    async def jobs(self, *, count: int) -> dict[str, Any]:
        """Order so many; the time in which a worker that starts then has done them all."""
        numbers = range(self._ordered, self._ordered + count)
        self._ordered += count
        await _tasks("count").batch_defer_async(*({"number": number} for number in numbers))
        started = time.perf_counter()
        await app.run_worker_async(
            queues=["default"],
            concurrency=CONCURRENCY,
            wait=False,
            listen_notify=False,
            install_signal_handlers=False,
        )
        return {"count": count, "seconds": time.perf_counter() - started}

    async def pend(self, *, count: int) -> dict[str, Any]:
        """So many that are due in a year."""
        at = datetime.now(UTC) + timedelta(days=365)
        for start in range(0, count, CHUNK):
            await _order_timers(min(CHUNK, count - start), at)
        return {}

    async def due(self, *, count: int, seconds: int) -> dict[str, Any]:
        """So many that are due at the same instant; how late each was begun."""
        _late.clear()
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        await _order_timers(count, at)
        assert datetime.now(UTC) < at, "they were ordered before they were due"
        worker = asyncio.create_task(
            app.run_worker_async(
                queues=["timers"],
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL_SECONDS,
                install_signal_handlers=False,
            )
        )
        while len(_late) < count:
            assert not worker.done(), "the worker goes on"
            await asyncio.sleep(0.05)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        return {"late_seconds": list(_late)}

    async def check(self) -> dict[str, Any]:
        rows = await app.connector.execute_query_all_async(
            "SELECT status::text AS status, task_name, count(*) AS number"
            " FROM procrastinate_jobs GROUP BY 1, 2"
        )
        counts = {f"{row['task_name']}.{row['status']}": row["number"] for row in rows}
        return {"counts": counts, "ran": sum(_runs.values()), "ordered": self._ordered}


def _tasks(name: str) -> Any:
    return app.tasks[name]


async def _order_timers(count: int, at: datetime) -> None:
    task = _tasks("timer").configure(schedule_at=at)
    await task.batch_defer_async(*({"due": at.timestamp()} for _ in range(count)))


async def main() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = Worker()
        await serve(
            {"jobs": worker.jobs, "pend": worker.pend, "due": worker.due, "check": worker.check}
        )


if __name__ == "__main__":
    run(main)
