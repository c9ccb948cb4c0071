"""Let everything that is due happen, through production code, in this process, without waiting.

`drain()` after an operation does what the workers would do; `advance(...)` moves business time as
well. Neither needs Redis. They work across all tenants, as the workers do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import execute, fetch, unit_of_work
from app.kernel.deadlines.firing import fire_due
from app.kernel.deadlines.schedules import run_due_schedules
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.running import run_job
from tests.support.event_schemas import breaches, schema_of
from workers.schedules import SCHEDULES

ROUNDS_MAX = 200
# Events that were as their schema says, by tenant.
_checked: dict[UUID, set[UUID]] = {}


async def drain(*, hurry: int = 0) -> int:
    """Run every due job, consumer, mark and schedule until none is due; returns how many jobs ran.

    A job that failed, or asked to be run later, stays where it is; with `hurry`, those are pulled
    forward that many times. Every event that was written is checked against its schema.
    """
    ran = 0
    for _ in range(ROUNDS_MAX):
        marks = await fire_due()
        schedules = await run_due_schedules(SCHEDULES)
        jobs = await due_jobs(limit=500)
        for ref in jobs:
            await run_job(ref)
        ran += len(jobs)
        if marks or schedules or jobs:
            continue
        if hurry > 0 and await _pull_forward():
            hurry -= 1
            continue
        await check_events()
        return ran
    raise AssertionError(f"there was still something to do after {ROUNDS_MAX} rounds")


async def advance(
    seconds: float = 0, *, hours: float = 0, days: float = 0, hurry: int = 0
) -> datetime:
    """Move business time forward and drain; returns the new time."""
    moved = timedelta(seconds=seconds, hours=hours, days=days)
    async with unit_of_work(tenant=None, actor=SYSTEM):
        now = await advance_clock(seconds=int(moved.total_seconds()))
    await drain(hurry=hurry)
    return now


async def check_events(tenant: UUID | None = None) -> None:
    """Every event of a tenant, or of those whose test is not over, has a payload as its schema says."""
    for tenant_id in [tenant] if tenant else await _active_tenants():
        seen = _checked.setdefault(tenant_id, set())
        async with unit_of_work(tenant=tenant_id, actor=SYSTEM, read_only=True):
            events = await fetch(
                "SELECT id, type, version, payload FROM outbox_event"
                # What only tests emit has no schema.
                " WHERE type NOT LIKE 'test.%' AND id <> ALL($1)",
                seen,
            )
        for event in events:
            schema = schema_of(event["type"], event["version"])
            assert not breaches(schema, event["payload"]), (
                event["type"],
                breaches(schema, event["payload"]),
            )
            seen.add(event["id"])


async def _active_tenants() -> list[UUID]:
    """A test's tenants are suspended when it is over."""
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        return [row["id"] for row in await fetch("SELECT id FROM tenant WHERE status = 'active'")]


async def _pull_forward() -> bool:
    """Make every waiting job due now; tells whether there was one."""
    pulled = False
    for tenant_id in await _active_tenants():
        async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
            changed = await execute(
                "UPDATE job SET due_at = clock_timestamp() WHERE state = 'pending'"
                " AND due_at > clock_timestamp()"
            )
            pulled = pulled or changed != "UPDATE 0"
    return pulled
