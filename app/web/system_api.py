"""How the portal runs, over REST: what the page `/system` shows."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import get

from app.kernel.clock import utc
from app.kernel.processes import Part, Traffic
from app.kernel.status import SystemStatus, system_status
from app.web.api import Envelope, envelope
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class ChecksOut(msgspec.Struct, frozen=True, kw_only=True):
    """The hourly check of the invariants; `broken` are the names of those it found so."""

    checked_at: str | None
    age_seconds: int
    broken: list[str]


class ChainOut(msgspec.Struct, frozen=True, kw_only=True):
    """The audit chain: its head, what waits to be sealed and signed, and the daily check of it all."""

    batches: int
    sealed_at: str | None
    unsealed: int
    unsealed_seconds: int
    signed_at: str | None
    unsigned_seconds: int
    checked_at: str | None
    age_seconds: int
    broken_at: str | None


class TrafficOut(msgspec.Struct, frozen=True, kw_only=True):
    """Of the whole portal in the last five minutes; nothing where nobody asked for anything."""

    error_rate: float | None
    median_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


class ProcessOut(msgspec.Struct, frozen=True, kw_only=True):
    """`silent_seconds`: since its last report, of which there is one every five seconds."""

    part: Part
    host: str
    started_at: str
    silent_seconds: int


class SystemOut(msgspec.Struct, frozen=True, kw_only=True):
    """`troubles` are what somebody should look at, in words. Lags are seconds, 0 where nothing is
    late; `jobs` counts by state."""

    troubles: list[str]
    deadline_lag_seconds: int
    relay_lag_seconds: int
    job_lag_seconds: int
    jobs: dict[str, int]
    invariants: ChecksOut
    audit: ChainOut
    traffic: TrafficOut
    processes: list[ProcessOut]


@get(
    "/system",
    guards=[requires("verify:read")],
    tags=["Operations"],
    summary="How the portal runs: late work, checks, jobs, processes, errors and latencies",
)
@transactional(read_only=True)
async def system(request: PortalRequest) -> Envelope[SystemOut]:
    return envelope(request, _system(await system_status()))


def _system(status: SystemStatus) -> SystemOut:
    checks, chain = status.checks, status.chain
    return SystemOut(
        troubles=status.troubles,
        deadline_lag_seconds=status.deadline_lag_seconds,
        relay_lag_seconds=status.relay_lag_seconds,
        job_lag_seconds=status.job_lag_seconds,
        jobs=status.jobs_by_state(),
        invariants=ChecksOut(
            checked_at=_utc(checks.checked_at),
            age_seconds=checks.since_seconds,
            broken=checks.broken,
        ),
        audit=ChainOut(
            batches=chain.batches,
            sealed_at=_utc(chain.sealed_at),
            unsealed=chain.unsealed,
            unsealed_seconds=chain.unsealed_seconds,
            signed_at=_utc(chain.checkpoint_at),
            unsigned_seconds=chain.unsigned_seconds,
            checked_at=_utc(chain.checked_at),
            age_seconds=chain.since_seconds,
            broken_at=_utc(chain.broken_at),
        ),
        traffic=_traffic(status.traffic),
        processes=[
            ProcessOut(
                part=one.part,
                host=one.host,
                started_at=utc(one.started_at),
                silent_seconds=one.silent_seconds,
            )
            for one in status.processes
        ],
    )


def _traffic(traffic: Traffic) -> TrafficOut:
    return TrafficOut(
        error_rate=traffic.error_rate,
        median_seconds=traffic.seconds(0.5),
        p95_seconds=traffic.seconds(0.95),
        p99_seconds=traffic.seconds(0.99),
    )


def _utc(value: datetime | None) -> str | None:
    return None if value is None else utc(value)


ROUTES = [system]
