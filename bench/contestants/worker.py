"""Ours: a worker as `workers.main` runs it, with a job and a mark that do nothing but count.

Its relay is a process of its own, as everywhere.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, fetch_row, fetch_value, unit_of_work
from app.kernel.deadlines import FiredMark, on_mark
from app.kernel.jobs import enqueue, job
from app.kernel.jobs.lanes import Lanes
from app.kernel.listening import listen
from app.settings import settings
from bench.protocol import run, serve
from workers.process import running, started
from workers.sweeping import Sweeper
from workers.waking import Waker

SETTLED_SECONDS_MAX = 120.0
_runs: Counter[int] = Counter()


@job("bench.count", together=True)
async def count(*, payload: dict[str, Any]) -> None:
    _runs[payload["number"]] += 1


@on_mark("bench")
async def mark(fired: FiredMark) -> None:
    """The trail, the record and the new state are all its effect."""


class Worker:
    def __init__(self, tenant: UUID) -> None:
        self._tenant = tenant
        self._ordered = 0

    async def jobs(self, *, count: int) -> dict[str, Any]:
        """Order so many in one transaction; the time from its commit until the last one is done."""
        first = self._ordered
        async with unit_of_work(tenant=self._tenant, actor=SYSTEM):
            for number in range(first, first + count):
                await enqueue(kind="bench.count", payload={"number": number})
        started = time.perf_counter()
        self._ordered += count
        await _until(lambda: len(_runs) >= self._ordered)
        while await self._pending():
            await asyncio.sleep(0.002)
        return {"count": count, "seconds": time.perf_counter() - started}

    async def _pending(self) -> int:
        async with unit_of_work(tenant=self._tenant, actor=SYSTEM, read_only=True):
            found: int = await fetch_value("SELECT count(*) FROM job WHERE state <> 'done'")
        return found

    async def pend(self, *, count: int) -> dict[str, Any]:
        """So many clocks that run for a year yet."""
        await self._start(count, seconds=365 * 24 * 3600)
        return {}

    async def due(self, *, count: int, seconds: int) -> dict[str, Any]:
        """So many clocks that end at the same instant, in so many seconds; how late each was on record.

        The last line of a transaction's trail speaks for all of it: before that, none can be seen.
        """
        due_at = await self._start(count, seconds=seconds)
        left = count
        async with asyncio.timeout(SETTLED_SECONDS_MAX):
            while left:
                await asyncio.sleep(0.2)
                async with unit_of_work(tenant=self._tenant, actor=SYSTEM, read_only=True):
                    left = await fetch_value(
                        "SELECT count(*) FROM deadline WHERE due_at = $1 AND state = 'running'",
                        due_at,
                    )
        async with unit_of_work(tenant=self._tenant, actor=SYSTEM, read_only=True):
            rows = await fetch(
                "SELECT extract(epoch FROM max(recorded_at) OVER (PARTITION BY xmin::text)"
                " + (app_now() - now()) - due_at)"
                "::float8 AS late FROM deadline_trail WHERE event = 'mark' AND due_at = $1",
                due_at,
            )
        return {"late_seconds": [row["late"] for row in rows]}

    async def scan(self, *, count: int) -> dict[str, Any]:
        """How long PostgreSQL takes to find so many by the index of what is due, and nothing more."""
        async with unit_of_work(tenant=self._tenant, actor=SYSTEM, read_only=True):
            started = time.perf_counter()
            rows = await fetch(
                "SELECT tenant_id, id FROM deadline WHERE state = 'running'"
                " AND next_mark_at <= app_now() + interval '2 years' ORDER BY next_mark_at LIMIT $1",
                count,
            )
            took = time.perf_counter() - started
        assert len(rows) == count, "as many wait"
        return {"milliseconds": took * 1000}

    async def _start(self, count: int, *, seconds: int) -> datetime:
        """As `start_deadline` writes them, all in one statement; returns when they are due."""
        async with unit_of_work(tenant=self._tenant, actor=SYSTEM):
            due_at: datetime = await fetch_value(
                "WITH made AS (INSERT INTO deadline (tenant_id, id, kind, subject_kind, subject_id,"
                " state, started_at, due_at, total_seconds, marks_left, next_mark_at, version,"
                " failures) SELECT $1, uuidv7(), 'bench', 'bench', uuidv7(), 'running', app_now(),"
                " app_now() + make_interval(secs => $3), $3, '{1}',"
                " app_now() + make_interval(secs => $3), 1, 0 FROM generate_series(1, $2)"
                " RETURNING id, due_at), told AS (INSERT INTO deadline_trail (tenant_id, id,"
                " deadline_id, version, event, state, due_at, at, recorded_at, actor_name, reason)"
                " SELECT $1, uuidv7(), id, 1, 'started', 'running', due_at, app_now(),"
                " clock_timestamp(), 'bench', '' FROM made) SELECT max(due_at) FROM made",
                self._tenant,
                count,
                seconds,
            )
            late = await fetch_value("SELECT clock_timestamp() >= $1", due_at)
        assert not late, "they were started before they were due"
        return due_at

    async def check(self) -> dict[str, Any]:
        """How often jobs ran, and what their rows, the clocks and their trail say."""
        async with unit_of_work(tenant=self._tenant, actor=SYSTEM, read_only=True):
            row = await fetch_row(
                "SELECT (SELECT count(*) FROM job WHERE state = 'done' AND failures = 0) AS done,"
                " (SELECT count(*) FROM job) AS jobs,"
                " (SELECT count(*) FROM deadline WHERE state = 'breached') AS breached,"
                " (SELECT count(*) FROM deadline WHERE state = 'running') AS running,"
                " (SELECT count(*) FROM deadline_trail WHERE event = 'mark') AS marks,"
                " (SELECT count(*) FROM audit_record WHERE action = 'deadline.breached') AS audited"
            )
        assert row is not None, "it returns one row"
        return {**dict(row), "ran": sum(_runs.values()), "ordered": self._ordered}


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SETTLED_SECONDS_MAX):
        while not holds():
            await asyncio.sleep(0.002)


async def main() -> None:
    async with started("worker"):
        lanes = Lanes()
        sweeper, waker = Sweeper(lanes), Waker(lanes)
        heard = {"stakehold_clock": sweeper.time_moved, "stakehold_jobs": waker.jobs_written}
        parts = [*sweeper.parts(), waker.run(), listen(settings().database_url, wake=heard)]
        worker = Worker(UUID(os.environ["BENCH_TENANT"]))
        async with running(parts):
            await _until(lambda: waker.is_connected)
            await serve(
                {
                    "jobs": worker.jobs,
                    "pend": worker.pend,
                    "due": worker.due,
                    "scan": worker.scan,
                    "check": worker.check,
                }
            )
            await lanes.close(grace_seconds=5)


if __name__ == "__main__":
    run(main)
