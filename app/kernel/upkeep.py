"""What the kernel does for itself on schedule: check its invariants and its audit trail, throw away
what has served.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.kernel.audit.verification import verify_audit
from app.kernel.database import current, execute, fetch_row, fetch_value
from app.kernel.invariants import verify_tenant
from app.kernel.jobs import OutsideCall, enqueue, job, outside_job
from app.kernel.outbox import emit

VERIFY_JOB = "kernel.verify_invariants"
VERIFY_AUDIT_JOB = "kernel.verify_audit"
# What a broken audit trail is called beside the invariants; no query alone could find it.
AUDIT_CHAIN = "audit.chain"
_BROKEN = "invariant.broken"
DONE_JOBS_KEPT = timedelta(days=1)
# That something was checked, and when, must still be known when the next check is late.
DONE_CHECKS_KEPT = timedelta(days=8)

_log = structlog.get_logger(__name__)


async def order_verification() -> None:
    """Order a check of every invariant, unless one is waiting already."""
    await _order(VERIFY_JOB)


async def order_audit_verification() -> None:
    """Order a check of the whole audit trail, unless one is waiting or under way already."""
    await _order(VERIFY_AUDIT_JOB)


async def _order(kind: str) -> None:
    waiting = await fetch_value(
        "SELECT 1 FROM job WHERE kind = $1 AND state IN ('pending', 'running') LIMIT 1", kind
    )
    if not waiting:
        await enqueue(kind=kind, payload={})


@job(VERIFY_JOB, timeout_seconds=120, undone="Nothing: the next check is ordered by schedule")
async def verify_invariants(*, payload: dict[str, Any]) -> None:
    """Ask every invariant of the tenant; what is broken becomes an event for operations."""
    tenant_id = current().tenant
    broken = [result for result in await verify_tenant(tenant_id=tenant_id) if not result.ok]
    for result in broken:
        _log.error("invariant broken", invariant=result.name, violations=len(result.violations))
        await _emit_broken(result.name, len(result.violations))


# It reads the exported checkpoints from the object store, so it holds no transaction meanwhile.
@outside_job(
    VERIFY_AUDIT_JOB,
    timeout_seconds=3_600,
    undone="Nothing for good: the trail is checked again tomorrow, and has not been checked today",
)
async def verify_audit_chain(call: OutsideCall) -> None:
    """Recompute the tenant's audit trail; its first break becomes an event for operations."""
    report = await verify_audit(tenant_id=call.tenant_id)
    async with call.completing():
        if not report.ok:
            _log.error("invariant broken", invariant=AUDIT_CHAIN, reason=report.first_break)
            await _emit_broken(AUDIT_CHAIN, 1)


class ChainStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the audit trail stands. All times are real; `checked_at` and `broken_at` are of the daily
    check of the whole of it, `broken_at` only until a later check finds it whole again.
    `since_seconds` is the age of that check, or of the tenant where there was none yet;
    `unsealed_seconds` is the age of the first record that waits for a batch, `unsigned_seconds` of
    the first batch that no exported checkpoint covers; 0 where there is none.
    """

    batches: int
    sealed_at: datetime | None
    unsealed: int
    unsealed_seconds: int
    unsigned_seconds: int
    checkpoint_at: datetime | None
    checked_at: datetime | None
    since_seconds: int
    broken_at: datetime | None


async def chain_status() -> ChainStatus:
    """What was sealed, signed and checked of the tenant's trail; nothing is recomputed here."""
    row = await fetch_row(
        "SELECT coalesce(last.number, 0) AS batches, last.sealed_at,"
        " rest.unsealed, greatest(0, coalesce(extract(epoch FROM clock_timestamp()"
        "   - rest.since), 0))::int AS unsealed_seconds,"
        " greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (SELECT sealed_at"
        "   FROM audit_batch WHERE tenant_id = $1 AND number > coalesce(signed.number, 0)"
        "   ORDER BY number LIMIT 1)), 0))::int AS unsigned_seconds,"
        " signed.checkpoint_at,"
        " checked.checked_at, extract(epoch FROM clock_timestamp() - coalesce(checked.checked_at,"
        "   (SELECT created_at FROM tenant WHERE id = $1)))::int AS since_seconds,"
        " (SELECT max(e.recorded_at) FROM outbox_event e WHERE e.tenant_id = $1"
        "   AND e.subject_kind = 'tenant' AND e.subject_id = $1 AND e.type = $3"
        "   AND e.payload ->> 'invariant' = $4 AND NOT EXISTS (SELECT FROM job j"
        "     WHERE j.tenant_id = $1 AND j.kind = $2 AND j.state = 'done'"
        "     AND j.created_at > e.recorded_at)) AS broken_at"
        " FROM (SELECT max(finished_at) AS checked_at FROM job WHERE tenant_id = $1 AND kind = $2"
        "   AND state = 'done') checked"
        " LEFT JOIN LATERAL (SELECT number, sealed_at FROM audit_batch WHERE tenant_id = $1"
        "   ORDER BY number DESC LIMIT 1) last ON true"
        " LEFT JOIN LATERAL (SELECT b.last_xid, b.last_id FROM audit_batch b"
        "   JOIN audit_epoch e ON e.tenant_id = b.tenant_id AND e.number = b.epoch_number"
        "   WHERE b.tenant_id = $1 AND e.cluster_id = (SELECT cluster_identifier())"
        "   ORDER BY b.number DESC LIMIT 1) here ON true"
        " LEFT JOIN LATERAL (SELECT count(*) AS unsealed, min(r.recorded_at) AS since"
        "   FROM audit_record r WHERE r.tenant_id = $1"
        "   AND r.cluster_id = (SELECT cluster_identifier()) AND (r.xid, r.id) >"
        "   (coalesce(here.last_xid, '0'::xid8), coalesce(here.last_id, $5))) rest ON true"
        " LEFT JOIN LATERAL (SELECT max(made_at) AS checkpoint_at, max(batch_number) AS number"
        "   FROM audit_checkpoint WHERE tenant_id = $1 AND exported_at IS NOT NULL) signed ON true",
        current().tenant,
        VERIFY_AUDIT_JOB,
        _BROKEN,
        AUDIT_CHAIN,
        UUID(int=0),
    )
    assert row is not None, "one row whatever is there"
    return ChainStatus(**dict(row))


class CheckStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last check of the tenant's invariants, in real time: when it ended, and which it found
    broken. `since_seconds`: of that, or of the tenant where there was none yet."""

    checked_at: datetime | None
    since_seconds: int
    broken: list[str]


async def check_status() -> CheckStatus:
    """What the hourly check said last; nothing is checked here."""
    row = await fetch_row(
        "SELECT last.checked_at, extract(epoch FROM clock_timestamp()"
        "   - coalesce(last.checked_at, t.created_at))::int AS since_seconds,"
        " (SELECT coalesce(array_agg(DISTINCT e.payload ->> 'invariant'), '{}') FROM outbox_event e"
        "   WHERE e.tenant_id = $1 AND e.subject_kind = 'tenant' AND e.subject_id = $1"
        "   AND e.type = $3 AND e.payload ->> 'invariant' <> $4"
        "   AND e.recorded_at >= last.began) AS broken"
        " FROM tenant t LEFT JOIN LATERAL (SELECT finished_at AS checked_at, created_at AS began"
        "   FROM job WHERE tenant_id = $1 AND kind = $2 AND state = 'done'"
        "   ORDER BY finished_at DESC LIMIT 1) last ON true WHERE t.id = $1",
        current().tenant,
        VERIFY_JOB,
        _BROKEN,
        AUDIT_CHAIN,
    )
    assert row is not None, "the tenant is there"
    return CheckStatus(**dict(row))


async def _emit_broken(invariant: str, violations: int) -> None:
    await emit(
        type=_BROKEN,
        subject_kind="tenant",
        subject_id=current().tenant,
        payload={"invariant": invariant, "violations": violations},
        topics=["operations"],
    )


async def forget_done_jobs() -> None:
    """Delete yesterday's done jobs that nothing refers to: schedules order thousands of them.

    Those with a key stay, because the key says for good that they were done; those of an event
    stay, because an invariant counts them.
    """
    await execute(
        "DELETE FROM job WHERE state = 'done' AND event_id IS NULL AND key IS NULL"
        " AND finished_at < clock_timestamp()"
        "   - CASE WHEN kind = ANY($3) THEN $2::interval ELSE $1::interval END",
        DONE_JOBS_KEPT,
        DONE_CHECKS_KEPT,
        [VERIFY_JOB, VERIFY_AUDIT_JOB],
    )
