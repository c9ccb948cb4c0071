"""Run one job: claim its row, run its function, and mark it done in the same transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import msgspec
import structlog

from app import metrics
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import (
    UnitOfWork,
    execute,
    fetch_row,
    fetch_value,
    retrying,
    unit_of_work,
)
from app.kernel.jobs.outside import LEASE_SECONDS, LeaseLost, OutsideCall, run_outside
from app.kernel.jobs.registry import (
    ATTEMPTS_MAX,
    FailedForGood,
    JobSpec,
    RetryLater,
    UnknownJob,
    spec_of,
)
from app.kernel.jobs.values import ClaimedJob, JobRef
from app.kernel.outbox.emitting import emit
from app.kernel.redaction import redacted
from app.kernel.tracing import SpanKind, span, traceparent

BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_MAX_SECONDS = 300.0
ERROR_LENGTH_MAX = 2_000

# A commit whose answer was lost, or another worker, may have changed the row meanwhile.
_STILL_OURS = (
    " WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND failures = $4"
    " AND state IN ('pending', 'running')"
)

_log = structlog.get_logger(__name__)


async def run_job(ref: JobRef) -> float | None:
    """Run the job if it is due and nobody else has it; never raises what the job raised.

    Returns the seconds until it is worth trying again, or none when it is done, dead or another's.
    """
    run = Run(ref)
    try:
        # Where the server asks for it (a deadlock), the whole transaction is run again.
        await retrying(run.inside)()
        await run.outside()
    except asyncio.CancelledError:
        await run.give_back()
        raise
    except RetryLater as wait:
        return await run.record(run.postpone(wait))
    except LeaseLost:
        metrics.JOBS.labels(ref.kind, "lease_lost").inc()
        _log.warning("lease lost", job_id=str(ref.id), kind=ref.kind)
        return None
    except Exception as error:
        return await run.record(run.fail(error))
    finally:
        structlog.contextvars.unbind_contextvars("job_id", "kind", "tenant_id", "request_id")
    if run.claimed is not None:
        metrics.JOBS.labels(ref.kind, "done").inc()
    return None


class Run:
    """One attempt at a job, and what it knows of its row once it has claimed it."""

    def __init__(self, ref: JobRef) -> None:
        self.ref = ref
        self.claimed: ClaimedJob | None = None
        self.actor: Actor = SYSTEM
        self.spec: JobSpec | None = None
        self.call: OutsideCall | None = None

    async def inside(self) -> None:
        """Claim the row; run a job of one transaction to its end, or take the lease of another."""
        async with unit_of_work(tenant=self.ref.tenant_id, actor=SYSTEM) as unit:
            row = await fetch_row(
                # The lock is the claim: it goes when this transaction does, however it ends.
                "SELECT tenant_id, id, kind, payload, attempt, failures, request_id, trace,"
                " clock_timestamp() - created_at AS age FROM job WHERE tenant_id = $1 AND id = $2 AND"
                " (state = 'pending' AND due_at <= clock_timestamp()"
                "  OR state = 'running' AND lease_until < clock_timestamp())"
                " FOR NO KEY UPDATE SKIP LOCKED",
                self.ref.tenant_id,
                self.ref.id,
            )
            if row is None:
                self.claimed = None
                return
            await self.perform(unit, ClaimedJob(**dict(row)))
            if self.call is None:
                await mark_done(self.ref.tenant_id, [self.ref.id])

    async def perform(self, unit: UnitOfWork, claimed: ClaimedJob) -> None:
        """What the claimed row asks for, in the open unit of work; only the lease where it calls the
        outside."""
        self.claimed = claimed
        self.actor = unit.actor = msgspec.structs.replace(
            SYSTEM, request_id=claimed.request_id, trace=claimed.trace
        )
        structlog.contextvars.bind_contextvars(
            job_id=str(self.ref.id),
            kind=self.ref.kind,
            tenant_id=str(self.ref.tenant_id),
            request_id=claimed.request_id,
        )
        self.spec = spec_of(claimed.kind)
        if self.spec.function is None:
            await self._lease()
            return
        with self._span():
            unit.actor = self.actor
            async with asyncio.timeout(self.spec.timeout_seconds):
                await self.spec.function(payload=claimed.payload)

    async def outside(self) -> None:
        """Run a job that calls the outside, now that its lease is committed."""
        if self.call is None or self.spec is None or self.spec.outside is None:
            return
        with self._span():
            self.call.actor = self.actor
            await run_outside(self.call, self.spec.outside, self.spec.timeout_seconds)

    @contextmanager
    def _span(self) -> Iterator[None]:
        """Below the request, or the job, that ordered this one; what this one orders is below it."""
        assert self.claimed is not None
        with span(
            f"job {self.ref.kind}",
            kind=SpanKind.CONSUMER,
            parent=self.claimed.trace,
            job_id=str(self.ref.id),
            tenant_id=str(self.ref.tenant_id),
            request_id=self.claimed.request_id,
        ):
            self.actor = msgspec.structs.replace(self.actor, trace=traceparent())
            yield

    async def _lease(self) -> None:
        assert self.claimed is not None
        attempt: int = await fetch_value(
            "UPDATE job SET state = 'running', attempt = attempt + 1,"
            " lease_until = clock_timestamp() + make_interval(secs => $3)"
            " WHERE tenant_id = $1 AND id = $2 RETURNING attempt",
            self.ref.tenant_id,
            self.ref.id,
            LEASE_SECONDS,
        )
        self.claimed = msgspec.structs.replace(self.claimed, attempt=attempt)
        self.call = OutsideCall(self.claimed, self.actor)

    async def postpone(self, wait: RetryLater) -> float | None:
        """Run again after the wait that the job asked for."""
        metrics.JOBS.labels(self.ref.kind, "postponed").inc()
        _log.info("job waits", reason=wait.reason, delay_seconds=wait.delay_seconds)
        await self._put_back(wait.delay_seconds, wait.reason, failures=0)
        return wait.delay_seconds

    async def fail(self, error: Exception) -> float | None:
        """Run again after a pause that doubles, or not at all after the last attempt."""
        if self.claimed is None:
            # The row could not even be claimed (the database is away): the sweeper comes back.
            _log.error("job not claimed", job_id=str(self.ref.id), error=_told(error))
            return None
        attempts_max = self.spec.attempts_max if self.spec else ATTEMPTS_MAX
        is_last = self.claimed.failures + 1 >= attempts_max and not isinstance(error, UnknownJob)
        if is_last or isinstance(error, FailedForGood):
            metrics.JOBS.labels(self.ref.kind, "dead").inc()
            _log.error("job failed for good", failures=self.claimed.failures + 1, exc_info=error)
            await self._bury(error)
            return None
        metrics.JOBS.labels(self.ref.kind, "failed").inc()
        _log.warning("job failed", failures=self.claimed.failures + 1, exc_info=error)
        delay = backoff_seconds(self.claimed.failures)
        await self._put_back(delay, _told(error), failures=1)
        return delay

    async def give_back(self) -> None:
        """The process stops: let another worker have the job now, not when the lease runs out."""
        if self.call is not None and not self.call.is_complete:
            await asyncio.shield(self._quietly(self._put_back(0, "worker stopped", failures=0)))

    async def record(self, outcome: Awaitable[float | None]) -> float | None:
        """Write down how it went; where even that fails, the row is as it was, and found again."""
        try:
            return await outcome
        except Exception as error:
            _log.error("outcome of a job not recorded", error=_told(error))
            return None

    async def _quietly(self, outcome: Awaitable[None]) -> None:
        try:
            await outcome
        except Exception as error:
            _log.error("job not given back", error=_told(error))

    async def _put_back(self, delay: float, reason: str, *, failures: int) -> None:
        async with unit_of_work(tenant=self.ref.tenant_id, actor=self.actor):
            await execute(
                "UPDATE job SET state = 'pending', lease_until = NULL, last_error = $5,"
                " failures = failures + $6,"
                " due_at = clock_timestamp() + make_interval(secs => $7)" + _STILL_OURS,
                *self._claim(),
                reason,
                failures,
                delay,
            )

    async def _bury(self, error: Exception) -> None:
        async with unit_of_work(tenant=self.ref.tenant_id, actor=self.actor):
            buried = await fetch_value(
                "UPDATE job SET state = 'dead', lease_until = NULL, last_error = $5,"
                " failures = failures + $6,"
                " finished_at = clock_timestamp()" + _STILL_OURS + " RETURNING true",
                *self._claim(),
                _told(error),
                1,
            )
            if buried:
                await emit(
                    type="job.dead",
                    subject_kind="job",
                    subject_id=self.ref.id,
                    payload={"kind": self.ref.kind},
                    topics=["operations"],
                )

    def _claim(self) -> tuple[object, ...]:
        assert self.claimed is not None
        return (self.ref.tenant_id, self.ref.id, self.claimed.attempt, self.claimed.failures)


async def mark_done(tenant_id: UUID, job_ids: Sequence[UUID]) -> None:
    """In the transaction that ran them."""
    await execute(
        "UPDATE job SET state = 'done', attempt = attempt + 1, last_error = NULL,"
        " finished_at = clock_timestamp() WHERE tenant_id = $1 AND id = ANY($2)",
        tenant_id,
        job_ids,
    )


def backoff_seconds(failures: int) -> float:
    """Half a second, doubling up to five minutes, each time between half of it and all of it."""
    longest = min(BACKOFF_FIRST_SECONDS * 2 ** min(failures, 20), BACKOFF_MAX_SECONDS)
    return random.uniform(longest / 2, longest)


def _told(error: Exception) -> str:
    return redacted(f"{type(error).__name__}: {error}")[:ERROR_LENGTH_MAX]
