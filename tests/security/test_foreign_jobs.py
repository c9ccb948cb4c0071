"""A job that names another tenant's things finds nothing: as though somebody had planted its row."""

from __future__ import annotations

from typing import Any

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch_row, fetch_value, unit_of_work
from app.kernel.jobs import enqueue
from app.kernel.jobs.registry import kinds_of
from app.kernel.jobs.running import run_job
from app.kernel.jobs.values import JobRef, Lane
from tests.investments import steps
from tests.security.seats import Seats
from tests.security.traces import digests, nothing_written
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk

# Their payload names nothing: they look after the tenant in which they run.
NAME_NOTHING = {
    "kernel.verify_audit",
    "kernel.verify_invariants",
    "investments.read_custody_balances",
    "investments.read_prices",
}


async def payload_of(kind: str, desk: Desk) -> dict[str, Any] | None:
    """What a job of this kind is given in that tenant; none where nobody has thought of it."""
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
        if kind.startswith("consume:"):
            found = await fetch_value(
                "SELECT payload FROM job WHERE kind = $1 OR kind LIKE 'consume:%'"
                " ORDER BY kind = $1 DESC LIMIT 1",
                kind,
            )
            return dict(found)
        if kind == "payout.send":
            return {"payout_id": str(await fetch_value("SELECT id FROM payout"))}
        if kind == "investments.accrue_product":
            return {"product_id": str(desk.products["yield"])}
        if kind == "notifications.mail":
            row = await fetch_row("SELECT payload FROM job WHERE kind = $1 LIMIT 1", kind)
            assert row is not None
            return dict(row["payload"])
    return None


async def test_every_job_runs_in_its_own_tenant_alone(
    seats: Seats, desk: Desk, stranger: Desk, sandbox: Control, database: DatabaseUrls
) -> None:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    await steps.ready(desk, redemption_id)
    kinds = {kind for lane in Lane for kind in kinds_of(lane) if not kind.startswith("test.")}
    payloads = {kind: await payload_of(kind, desk) for kind in sorted(kinds - NAME_NOTHING)}
    assert [kind for kind, payload in payloads.items() if payload is None] == []
    assert kinds >= NAME_NOTHING
    jobs = []
    async with unit_of_work(tenant=stranger.tenant_id, actor=SYSTEM):
        for kind, payload in payloads.items():
            job_id = await enqueue(kind=kind, payload=payload or {})
            jobs.append(JobRef(stranger.tenant_id, job_id, kind))
    before = await digests(database, stranger)
    async with nothing_written(database, desk):
        for job in jobs:
            await run_job(job)
    after = await digests(database, stranger)
    # Their own rows say that they ran, or failed.
    assert {name for name in before if before[name] != after[name]} <= {"job"}
    assert sandbox.withdrawals() == []
    async with unit_of_work(tenant=stranger.tenant_id, actor=SYSTEM):
        ran = await fetch_value(
            "SELECT count(*) FROM job WHERE id = ANY ($1) AND (attempt > 0 OR failures > 0)",
            [job.id for job in jobs],
        )
    assert ran == len(jobs)
