"""How the portal runs: one tenant's work and checks, and the processes that serve all of them."""

from __future__ import annotations

import msgspec

from app.kernel.database import current, fetch_row
from app.kernel.jobs import KindBacklog, backlog
from app.kernel.processes import (
    SILENT_SECONDS_MAX,
    Part,
    ProcessView,
    Traffic,
    processes,
    together,
)
from app.kernel.upkeep import ChainStatus, CheckStatus, chain_status, check_status

# From where on somebody should look; deploy/prometheus/alerts.yml waits a little longer.
LAG_SECONDS_MAX = 5
JOB_LAG_SECONDS_MAX = 30
CHECK_SECONDS_MAX = 3 * 3600
AUDIT_CHECK_SECONDS_MAX = 36 * 3600
UNSEALED_SECONDS_MAX = 60
UNSIGNED_SECONDS_MAX = 3600
ERROR_RATE_MAX = 0.01
SLOW_SECONDS_MAX = 2.5


class SystemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Lags are the seconds by which the oldest that is due is late: jobs and events in real time,
    marks of deadlines in business time. `traffic` is of the whole portal in the last five minutes;
    everything else but `processes` is the tenant's own."""

    deadline_lag_seconds: int
    relay_lag_seconds: int
    jobs: list[KindBacklog]
    checks: CheckStatus
    chain: ChainStatus
    processes: list[ProcessView]

    @property
    def job_lag_seconds(self) -> int:
        return max((kind.late_seconds for kind in self.jobs), default=0)

    def jobs_by_state(self) -> dict[str, int]:
        """Of all kinds; of those that are done, the ones of the last day."""
        return {
            state: sum(getattr(kind, state) for kind in self.jobs)
            for state in ("pending", "running", "dead", "done")
        }

    def alive(self, part: Part) -> int:
        """How many processes of this part have reported lately."""
        return sum(one.part is part and _is_alive(one) for one in self.processes)

    @property
    def silent(self) -> list[ProcessView]:
        """Those that neither report nor have said that they end."""
        return [one for one in self.processes if not _is_alive(one)]

    @property
    def traffic(self) -> Traffic:
        return together(one.traffic for one in self.processes if _is_alive(one))

    @property
    def troubles(self) -> list[str]:
        """What somebody should look at, in words; each is a section of the runbook."""
        traffic, chain = self.traffic, self.chain
        slow = traffic.seconds(0.99)
        found = {
            "Deadlines are late": self.deadline_lag_seconds > LAG_SECONDS_MAX,
            "Live pages are told late": self.relay_lag_seconds > LAG_SECONDS_MAX,
            "Jobs are late": self.job_lag_seconds > JOB_LAG_SECONDS_MAX,
            "Jobs have failed for good": self.jobs_by_state()["dead"] > 0,
            "Invariants are broken": bool(self.checks.broken),
            "Invariants were not checked": self.checks.since_seconds > CHECK_SECONDS_MAX,
            "The audit chain is broken": chain.broken_at is not None,
            "The audit chain was not checked": chain.since_seconds > AUDIT_CHECK_SECONDS_MAX,
            "Audit records are not sealed": chain.unsealed_seconds > UNSEALED_SECONDS_MAX,
            "Audit batches are not signed": chain.unsigned_seconds > UNSIGNED_SECONDS_MAX,
            "A process is silent": bool(self.silent),
            **{f"No {part} process is alive": not self.alive(part) for part in Part},
            "Requests fail": (traffic.error_rate or 0) > ERROR_RATE_MAX,
            "Answers are slow": slow is not None and slow > SLOW_SECONDS_MAX,
        }
        return [words for words, is_so in found.items() if is_so]


def _is_alive(process: ProcessView) -> bool:
    return process.silent_seconds <= SILENT_SECONDS_MAX


async def system_status() -> SystemStatus:
    """As it is now; nothing is checked or recomputed here."""
    lags = await fetch_row(
        "SELECT greatest(0, coalesce(extract(epoch FROM app_now() - (SELECT min(next_mark_at)"
        "   FROM deadline WHERE tenant_id = $1 AND state = 'running')), 0))::int AS deadline,"
        " greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (SELECT min(recorded_at)"
        "   FROM outbox_event WHERE tenant_id = $1 AND state = 'pending')), 0))::int AS relay",
        current().tenant,
    )
    assert lags is not None, "one row whatever is there"
    return SystemStatus(
        deadline_lag_seconds=lags["deadline"],
        relay_lag_seconds=lags["relay"],
        jobs=await backlog(),
        checks=await check_status(),
        chain=await chain_status(),
        processes=await processes(),
    )
