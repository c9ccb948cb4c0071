"""Schedules: once each time they are due, in their own zone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import current, execute, fetch, unit_of_work
from app.kernel.deadlines.schedules import (
    Daily,
    Every,
    ensure_schedules,
    next_occurrence,
    run_due_schedules,
)
from app.kernel.jobs import enqueue
from tests.support.database import TestTenant

runs: list[object] = []


async def note() -> None:
    runs.append(current().tenant)
    await enqueue(kind="test.inside", payload={})


DAILY = Daily(name="daily", at=time(0, 5), run=note)
OFTEN = Every(name="often", period=timedelta(hours=24), run=note)


async def rows(tenant: TestTenant):
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return {row["name"]: row for row in await fetch("SELECT * FROM schedule")}


async def jobs(tenant: TestTenant) -> int:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return len(await fetch("SELECT 1 FROM job"))


async def pass_time(**length: float) -> None:
    async with unit_of_work(tenant=None, actor=SYSTEM):
        await advance_clock(seconds=int(timedelta(**length).total_seconds()))


async def test_a_daily_one_runs_once_however_many_look(tenant: TestTenant) -> None:
    await ensure_schedules([DAILY])
    await pass_time(hours=24)
    await asyncio.gather(*(run_due_schedules([DAILY]) for _ in range(5)))
    assert await jobs(tenant) == 1
    await run_due_schedules([DAILY])
    assert await jobs(tenant) == 1


async def test_what_was_missed_is_made_up_for_by_one_run(tenant: TestTenant) -> None:
    await ensure_schedules([DAILY])
    await pass_time(days=10)
    await run_due_schedules([DAILY])
    assert await jobs(tenant) == 1
    assert (await rows(tenant))["daily"]["next_at"].time() == time(0, 5)


async def test_real_time_does_not_follow_the_clock(tenant: TestTenant) -> None:
    await ensure_schedules([OFTEN])
    await pass_time(days=3)
    await run_due_schedules([OFTEN])
    assert await jobs(tenant) == 0
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await execute("UPDATE schedule SET next_at = clock_timestamp()")
    await run_due_schedules([OFTEN])
    assert await jobs(tenant) == 1


async def test_one_that_fails_is_undone_and_holds_up_no_other(
    tenant: TestTenant, new_tenant
) -> None:
    other = await new_tenant()

    async def fails_here() -> None:
        await note()
        if current().tenant == tenant.id:
            raise ValueError("broken")

    rule = Daily(name="daily", at=time(0, 5), run=fails_here)
    await ensure_schedules([rule])
    await pass_time(days=1)
    await run_due_schedules([rule])
    assert (await jobs(tenant), await jobs(other)) == (0, 1)
    await run_due_schedules([DAILY])
    assert (await jobs(tenant), await jobs(other)) == (1, 1)


async def test_many_that_keep_failing_starve_none(tenant: TestTenant, new_tenant) -> None:
    others = [await new_tenant() for _ in range(5)]

    async def fails_elsewhere() -> None:
        await note()
        if current().tenant != others[-1].id:
            raise ValueError("broken")

    rule = Daily(name="daily", at=time(0, 5), run=fails_elsewhere)
    await ensure_schedules([rule])
    await pass_time(days=1)
    for _ in range(3):
        await run_due_schedules([rule], limit=2)
    assert [await jobs(other) for other in others] == [0, 0, 0, 0, 1]
    assert await jobs(tenant) == 0


async def test_rows_follow_the_list(tenant: TestTenant) -> None:
    await ensure_schedules([DAILY, OFTEN])
    before = await rows(tenant)
    await ensure_schedules([DAILY, OFTEN])
    assert await rows(tenant) == before
    later = Daily(name="daily", at=time(6, 0), zone="Asia/Tokyo", run=note)
    await ensure_schedules([later])
    after = await rows(tenant)
    assert set(after) == {"daily"}
    assert after["daily"]["next_at"].astimezone(UTC).time() == time(21, 0)


@pytest.mark.parametrize(
    ("after", "zone", "expected"),
    [
        # Winter and summer time of one zone: the same local time, another instant.
        ("2026-01-10T12:00Z", "Europe/Berlin", "2026-01-10T23:05Z"),
        ("2026-07-10T12:00Z", "Europe/Berlin", "2026-07-10T22:05Z"),
        ("2026-07-10T22:05Z", "Europe/Berlin", "2026-07-11T22:05Z"),
        # 02:30 does not exist on 29 March 2026 in Berlin, and comes twice on 25 October.
        ("2026-03-28T12:00Z", "Europe/Berlin@02:30", "2026-03-29T01:30Z"),
        ("2026-10-24T12:00Z", "Europe/Berlin@02:30", "2026-10-25T00:30Z"),
        ("2026-10-25T00:30Z", "Europe/Berlin@02:30", "2026-10-26T01:30Z"),
    ],
)
def test_the_next_time_of_day(after: str, zone: str, expected: str) -> None:
    name, _, at = zone.partition("@")
    found = next_occurrence(
        datetime.fromisoformat(after),
        daily_at=time.fromisoformat(at or "00:05"),
        zone=name,
        every_seconds=None,
    )
    assert found == datetime.fromisoformat(expected)
