"""What workers put into the metrics: how far behind the work is, and how the checks stand.

Any worker measures the same, from the database; the latest reading counts.
"""

from __future__ import annotations

from app import metrics
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, fetch_row, unit_of_work
from app.kernel.invariants import tenant_ids
from app.kernel.jobs.registry import known_kinds
from app.kernel.processes import SILENT_SECONDS_MAX, Part
from app.kernel.upkeep import ChainStatus, CheckStatus, chain_status, check_status

LAG_SECONDS = 5.0
CHECKS_SECONDS = 30.0


def begin_counting() -> None:
    """Show what may go wrong as zero, so that the first time is an increase."""
    for kind in known_kinds():
        for outcome in ("done", "failed", "dead"):
            metrics.JOBS.labels(kind, outcome)
    metrics.DEADLINE_MARKS.labels("any", "failed")


async def measure_lag() -> None:
    """How far behind jobs, events and deadlines are, and which processes there are."""
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        lag = await fetch_row("SELECT * FROM work_lag()")
        alive = await fetch(
            "SELECT part, count(*) AS count FROM process_report"
            " WHERE reported_at > clock_timestamp() - make_interval(secs => $1) GROUP BY part",
            float(SILENT_SECONDS_MAX),
        )
    assert lag is not None, "it returns one row"
    metrics.JOB_LAG.set(lag["job_seconds"])
    metrics.DEAD_JOBS.set(lag["dead_jobs"])
    metrics.RELAY_LAG.set(lag["event_seconds"])
    metrics.DEADLINE_LAG.set(lag["deadline_seconds"])
    counts = {row["part"]: row["count"] for row in alive}
    for part in Part:
        metrics.PROCESSES.labels(part.value).set(counts.get(part.value, 0))
    metrics.MEASURED_AT.set_to_current_time()


async def measure_checks() -> None:
    """What the last checks of every tenant found, and how long ago; nothing is checked here."""
    checks: list[CheckStatus] = []
    chains: list[ChainStatus] = []
    for tenant_id in await tenant_ids():
        async with unit_of_work(tenant=tenant_id, actor=SYSTEM, read_only=True):
            checks.append(await check_status())
            chains.append(await chain_status())
    metrics.INVARIANTS_BROKEN.set(sum(len(check.broken) for check in checks))
    metrics.INVARIANTS_CHECK_AGE.set(max((check.since_seconds for check in checks), default=0))
    metrics.AUDIT_BROKEN.set(sum(chain.broken_at is not None for chain in chains))
    metrics.AUDIT_CHECK_AGE.set(max((chain.since_seconds for chain in chains), default=0))
    metrics.AUDIT_UNSEALED.set(max((chain.unsealed_seconds for chain in chains), default=0))
    metrics.AUDIT_UNSIGNED.set(max((chain.unsigned_seconds for chain in chains), default=0))
