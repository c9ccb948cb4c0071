"""A job that calls the outside: no transaction while it waits, but a lease, renewed by heartbeat.

A worker that dies stops renewing, and three seconds later another one takes the job. Each claim is
an attempt with a number; every unit of work of the job checks, under the row's lock, that its
attempt still holds the job, so that a worker which was only slow can no longer change anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog

from app.kernel.actors import Actor
from app.kernel.database import UnitOfWork, execute, fetch_value, unit_of_work
from app.kernel.jobs.registry import OutsideFunction
from app.kernel.jobs.values import ClaimedJob

LEASE_SECONDS = 3.0
HEARTBEAT_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Another worker has this job now; what this one did since its last commit is undone."""


class OutsideCall:
    """One attempt at a job that calls the outside. `failures` counts earlier ones that raised,
    `age` is the real time since the job was ordered."""

    def __init__(self, claimed: ClaimedJob, actor: Actor) -> None:
        self.id: UUID = claimed.id
        self.tenant_id: UUID = claimed.tenant_id
        self.kind = claimed.kind
        self.payload: dict[str, Any] = claimed.payload
        self.attempt = claimed.attempt
        self.failures = claimed.failures
        self.age = claimed.age
        self.actor = actor
        self.is_complete = False
        # The heartbeat and the job's own transactions take turns: they lock the same row.
        self._turn = asyncio.Lock()
        self._renewed_at = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """A short transaction of the job, committed at its end. Raises `LeaseLost`."""
        async with self._turn, unit_of_work(tenant=self.tenant_id, actor=self.actor) as unit:
            await self._renew()
            yield unit

    @asynccontextmanager
    async def completing(self) -> AsyncIterator[UnitOfWork]:
        """The last transaction: what the body writes and the job's being done commit together."""
        async with self.unit_of_work() as unit:
            yield unit
            await execute(
                "UPDATE job SET state = 'done', lease_until = NULL, last_error = NULL,"
                " finished_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2",
                self.tenant_id,
                self.id,
            )
        self.is_complete = True

    async def _renew(self) -> None:
        held = await fetch_value(
            "UPDATE job SET lease_until = clock_timestamp() + make_interval(secs => $4)"
            " WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state = 'running'"
            " RETURNING true",
            self.tenant_id,
            self.id,
            self.attempt,
            LEASE_SECONDS,
        )
        if not held:
            raise LeaseLost(f"attempt {self.attempt} of job {self.id} no longer holds it")
        self._renewed_at = asyncio.get_running_loop().time()

    async def beat(self) -> None:
        """Renew the lease until the job is complete; raises `LeaseLost` when that is too late."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                async with asyncio.timeout(LEASE_SECONDS), self._turn:
                    if self.is_complete:
                        return
                    async with unit_of_work(tenant=self.tenant_id, actor=self.actor):
                        await self._renew()
            except LeaseLost:
                raise
            except Exception as error:
                # The database may be back before the lease runs out.
                silent_for = asyncio.get_running_loop().time() - self._renewed_at
                if silent_for > LEASE_SECONDS and not self._turn.locked():
                    raise LeaseLost(f"job {self.id} could not be renewed") from error
                _log.warning("lease not renewed", job_id=str(self.id), error=repr(error))


async def run_outside(call: OutsideCall, function: OutsideFunction, timeout: float) -> None:
    """Run `function` with the heartbeat beside it; a lost lease cancels it. Raises what it did."""
    body = asyncio.ensure_future(_body(call, function, timeout))
    heart = asyncio.ensure_future(call.beat())
    try:
        await asyncio.wait({body, heart}, return_when=asyncio.FIRST_COMPLETED)
        if heart.done() and heart.exception() is not None:
            body.cancel()
            await asyncio.wait({body})
            heart.result()
        await body
    finally:
        for task in (body, heart):
            task.cancel()
        await asyncio.gather(body, heart, return_exceptions=True)


async def _body(call: OutsideCall, function: OutsideFunction, timeout: float) -> None:
    async with asyncio.timeout(timeout):
        await function(call)
        if not call.is_complete:
            async with call.completing():
                pass
