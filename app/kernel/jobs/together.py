"""Several jobs of one tenant in one transaction, where their kinds allow it.

A job that only adds rows costs little beside the transaction around it. Those that wait together are
claimed, run and marked done by one; where any of them raises, all of it is undone, and each runs by
itself. Jobs that lock what people work on stay alone, so that nobody waits for a group to end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog

from app import metrics
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, retrying, unit_of_work
from app.kernel.jobs.running import Run, mark_done, run_job
from app.kernel.jobs.values import ClaimedJob, JobRef

TOGETHER_MAX = 25
# Whatever is left when this has passed runs in a transaction of its own, later.
TOGETHER_SECONDS = 0.1

_log = structlog.get_logger(__name__)


async def run_jobs(refs: Sequence[JobRef]) -> list[tuple[JobRef, float]]:
    """Run these jobs of one tenant, together if there are several; never raises what they raised.

    Returns which are worth trying again, each with the seconds until then.
    """
    left = await _run_together(refs) if len(refs) > 1 else refs
    again = []
    for ref in left:
        seconds = await run_job(ref)
        if seconds is not None:
            again.append((ref, seconds))
    return again


async def _run_together(refs: Sequence[JobRef]) -> Sequence[JobRef]:
    """Those that still have to run by themselves."""
    try:
        return await retrying(_in_one_transaction)(refs)
    except Exception as error:
        _log.info("jobs run one by one", jobs=len(refs), error=type(error).__name__)
        return refs
    finally:
        structlog.contextvars.unbind_contextvars("job_id", "kind", "tenant_id", "request_id")


async def _in_one_transaction(refs: Sequence[JobRef]) -> Sequence[JobRef]:
    until = time.monotonic() + TOGETHER_SECONDS
    by_id = {ref.id: ref for ref in refs}
    tenant_id = refs[0].tenant_id
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM) as unit:
        rows = await fetch(
            "SELECT tenant_id, id, kind, payload, attempt, failures, request_id, trace,"
            " clock_timestamp() - created_at AS age FROM job WHERE tenant_id = $1 AND id = ANY($2)"
            " AND state = 'pending' AND due_at <= clock_timestamp()"
            " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
            tenant_id,
            list(by_id),
        )
        claimed = [by_id[row["id"]] for row in rows]
        done: list[JobRef] = []
        for ref, row in zip(claimed, rows, strict=True):
            if done and time.monotonic() >= until:
                break
            await Run(ref).perform(unit, ClaimedJob(**dict(row)))
            done.append(ref)
        if done:
            await mark_done(tenant_id, [ref.id for ref in done])
    for ref in done:
        metrics.JOBS.labels(ref.kind, "done").inc()
    return claimed[len(done) :]
