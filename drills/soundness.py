"""How a round ends: everything that was to happen has happened, and every invariant holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.kernel.actors import SYSTEM
from app.kernel.audit.verification import verify_audit
from app.kernel.database import fetch, unit_of_work
from drills.stage import Stage, until
from tests.security.traces import digests
from tests.support.desk import Desk
from tests.support.drain import check_events
from tests.support.invariants import assert_invariants_hold

SETTLE_SECONDS_MAX = 60.0


async def assert_sound(desk: Desk) -> None:
    """No job is due or running or dead, every event has been told and is as its schema says, every
    invariant holds and the audit's chain is whole."""

    async def is_settled() -> bool:
        return not await open_work(desk)

    try:
        await until(is_settled, seconds=SETTLE_SECONDS_MAX, what="the work to be done")
    except AssertionError as late:
        raise AssertionError(f"{late}: {await open_work(desk)}") from None
    await check_events(desk.tenant_id)
    await assert_invariants_hold(desk.tenant_id)

    async def is_sealed() -> bool:
        report = await verify_audit(tenant_id=desk.tenant_id)
        assert report.ok, report.first_break
        return report.records > 0

    await until(is_sealed, seconds=SETTLE_SECONDS_MAX, what="the trail to be sealed")


async def open_work(desk: Desk) -> list[str]:
    """What still waits to be done now, or has failed for good."""
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM, read_only=True):
        rows = await fetch(
            "SELECT kind || ' ' || state || ' ' || coalesce(last_error, '') AS what FROM job"
            " WHERE state IN ('running', 'dead')"
            "   OR state = 'pending' AND due_at <= clock_timestamp()"
            " UNION ALL SELECT type || ' not told' FROM outbox_event"
            " WHERE state = 'pending' AND type NOT LIKE 'test.%' LIMIT 20"
        )
    return [row["what"] for row in rows]


# What a refusal must leave alone; mail, sessions and jobs go their own way meanwhile.
_DECIDED = (
    "redemption", "approval", "approval_decision", "ledger_entry", "ledger_posting", "payout",
    "deadline", "deadline_change", "deadline_trail", "subscription",
)  # fmt: skip


@asynccontextmanager
async def nothing_decided(stage: Stage, desk: Desk) -> AsyncIterator[None]:
    """Fails where the body left, changed or removed a row of what people decide on."""
    before = await digests(stage.urls, desk)
    yield
    after = await digests(stage.urls, desk)
    changed = [table for table in _DECIDED if before[table] != after[table]]
    assert not changed, f"written to by what was refused: {changed}"
