"""A process reports every few seconds, takes its report away when it ends, and is forgotten when it
did not come to that.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NoReturn
from uuid import UUID

import asyncpg
import structlog

from app.kernel.database import ask_across_tenants, fetch
from app.kernel.errors import Unavailable
from app.kernel.ids import new_id
from app.kernel.processes.values import Part, ProcessView, Traffic

REPORT_SECONDS = 5.0
# Three reports missed: it is not there any more, or hears nothing.
SILENT_SECONDS_MAX = 15
LEAVE_SECONDS_MAX = 1.0
FORGOTTEN_SECONDS = 600.0

_AWAY = (Unavailable, asyncpg.PostgresError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def reporting(part: Part, traffic: Callable[[], Traffic] = Traffic) -> AsyncIterator[None]:
    """Report this process while the body runs; `traffic` is asked for what it answered lately.

    Needs the open pool. While the database is away, nothing is said.
    """
    process = new_id()
    task = asyncio.create_task(_keep_reporting(process, part, traffic))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with suppress(*_AWAY):
            async with asyncio.timeout(LEAVE_SECONDS_MAX):
                await ask_across_tenants("DELETE FROM process_report WHERE id = $1", process)


async def _keep_reporting(process: UUID, part: Part, traffic: Callable[[], Traffic]) -> NoReturn:
    host = socket.gethostname()
    while True:
        now = traffic()
        try:
            await ask_across_tenants(
                "WITH forgotten AS (DELETE FROM process_report"
                "   WHERE reported_at < clock_timestamp() - make_interval(secs => $7) AND id <> $1)"
                " INSERT INTO process_report (id, part, host, started_at, reported_at, answered,"
                " failed, durations) VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp(), $4,"
                " $5, $6) ON CONFLICT (id) DO UPDATE SET reported_at = excluded.reported_at,"
                " answered = excluded.answered, failed = excluded.failed,"
                " durations = excluded.durations",
                process,
                part,
                host,
                now.answered,
                now.failed,
                now.durations,
                FORGOTTEN_SECONDS,
            )
        except _AWAY as error:
            _log.warning("not reported", part=part, error=type(error).__name__)
        await asyncio.sleep(REPORT_SECONDS)


async def processes() -> list[ProcessView]:
    """Every process that has reported in the last ten minutes, silent ones among them."""
    rows = await fetch(
        "SELECT part, host, started_at, answered, failed, durations,"
        " extract(epoch FROM clock_timestamp() - reported_at)::int AS silent_seconds"
        " FROM process_report ORDER BY part, started_at, id"
    )
    return [
        ProcessView(
            part=Part(row["part"]),
            host=row["host"],
            started_at=row["started_at"],
            silent_seconds=max(0, row["silent_seconds"]),
            traffic=Traffic(
                answered=row["answered"], failed=row["failed"], durations=row["durations"]
            ),
        )
        for row in rows
    ]
