"""Schedules: what happens every day or every few seconds, as rows, claimed like deadlines.

A schedule that is due calls its function in the transaction that moves it on, so that what it
ordered (jobs, mostly) is ordered once. What was missed while nothing ran, or while business time
jumped, is made up for by one call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog

from app import metrics
from app.kernel.actors import SYSTEM
from app.kernel.database import (
    current,
    execute,
    fetch,
    fetch_row,
    fetch_value,
    retrying,
    unit_of_work,
)
from app.kernel.deadlines.values import ScheduleClock
from app.kernel.ids import new_id

TENANT_ZONE = "tenant"
# Before every schedule there is.
_FIRST = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")), UUID(int=0)

_log = structlog.get_logger(__name__)


class Daily(msgspec.Struct, frozen=True, kw_only=True):
    """Call `run` for every tenant at a time of day, in its own zone unless `zone` names another."""

    name: str
    run: Callable[[], Awaitable[object]]
    at: time
    zone: str = TENANT_ZONE
    clock: ScheduleClock = ScheduleClock.business


class Every(msgspec.Struct, frozen=True, kw_only=True):
    """Call `run` for every tenant each `period`."""

    name: str
    run: Callable[[], Awaitable[object]]
    period: timedelta
    clock: ScheduleClock = ScheduleClock.real


ScheduleRule = Daily | Every


async def ensure_schedules(rules: Sequence[ScheduleRule]) -> None:
    """Give every active tenant a row for each rule, and change rows whose rule has changed.

    Rows whose rule is gone are deleted.
    """
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        tenants = await fetch("SELECT id, time_zone FROM tenant WHERE status = 'active'")
    for tenant in tenants:
        async with unit_of_work(tenant=tenant["id"], actor=SYSTEM):
            there = {row["name"]: row for row in await fetch("SELECT * FROM schedule")}
            for rule in rules:
                await _ensure(rule, tenant["time_zone"], there.pop(rule.name, None))
            if there:
                await execute("DELETE FROM schedule WHERE name = ANY($1)", list(there))


async def _ensure(rule: ScheduleRule, tenant_zone: str, row: Any) -> None:
    daily_at = rule.at if isinstance(rule, Daily) else None
    zone = "UTC"
    if isinstance(rule, Daily):
        zone = tenant_zone if rule.zone == TENANT_ZONE else rule.zone
    every = int(rule.period.total_seconds()) if isinstance(rule, Every) else None
    wanted = (rule.clock.value, daily_at, zone, every)
    if row is not None and wanted == (
        row["clock"],
        row["daily_at"],
        row["zone"],
        row["every_seconds"],
    ):
        return
    next_at = next_occurrence(
        await _now(rule.clock), daily_at=daily_at, zone=zone, every_seconds=every
    )
    await execute(
        "INSERT INTO schedule (tenant_id, id, name, clock, daily_at, zone, every_seconds, next_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (tenant_id, name) DO UPDATE SET clock = $4, daily_at = $5, zone = $6,"
        " every_seconds = $7, next_at = $8",
        current().tenant,
        new_id(),
        rule.name,
        *wanted,
        next_at,
    )


def next_occurrence(
    after: datetime, *, daily_at: time | None, zone: str, every_seconds: int | None
) -> datetime:
    """The first instant after `after`. A local time that a change of the clocks skips is taken
    as if they had not changed; one that comes twice counts once, the first time.
    """
    if daily_at is None:
        assert every_seconds is not None, "a schedule has a time of day or a period"
        return after + timedelta(seconds=every_seconds)
    local = ZoneInfo(zone)
    day = after.astimezone(local).date()
    # Three days reach past every change of the clocks and the date line's one missing day.
    for ahead in range(3):
        instant = datetime.combine(day + timedelta(days=ahead), daily_at, tzinfo=local)
        if instant.timestamp() > after.timestamp():
            return datetime.fromtimestamp(instant.timestamp(), tz=ZoneInfo("UTC"))
    raise AssertionError("a day has no end")


async def run_due_schedules(rules: Sequence[ScheduleRule], *, limit: int = 200) -> int:
    """Call all that is due, in every tenant; returns how many schedules were.

    They are read `limit` at a time, each page after the last: one that fails stays due, and however
    many do, what comes after them has its turn.
    """
    functions = {rule.name: rule.run for rule in rules}
    run = 0
    after, after_id = _FIRST
    while True:
        async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
            due = await fetch(
                "SELECT * FROM schedules_due_after($1, $2, $3)", after, after_id, limit
            )
        for row in due:
            try:
                run += await retrying(_run)(row["tenant_id"], row["id"], functions)
            except Exception:
                # One tenant's schedule never holds up another's; it is tried again later.
                metrics.SWEEP_ERRORS.labels("schedule").inc()
                _log.exception("schedule failed", schedule_id=str(row["id"]))
        if len(due) < limit:
            return run
        after, after_id = due[-1]["next_at"], due[-1]["id"]


async def _run(
    tenant_id: UUID, schedule_id: UUID, functions: dict[str, Callable[[], Awaitable[object]]]
) -> bool:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        row = await fetch_row(
            "SELECT * FROM schedule WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED", schedule_id
        )
        # A row without a function belongs to another version of the code, during a deploy.
        if row is None or row["name"] not in functions:
            return False
        now = await _now(ScheduleClock(row["clock"]))
        if row["next_at"] > now:
            return False
        await functions[row["name"]]()
        next_at = next_occurrence(
            now, daily_at=row["daily_at"], zone=row["zone"], every_seconds=row["every_seconds"]
        )
        await execute(
            "UPDATE schedule SET next_at = $2, last_at = $3 WHERE id = $1",
            schedule_id,
            next_at,
            now,
        )
        return True


async def _now(clock: ScheduleClock) -> datetime:
    if clock is ScheduleClock.business:
        return current().now
    now: datetime = await fetch_value("SELECT clock_timestamp()")
    return now
