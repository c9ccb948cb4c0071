"""A worker that dies of SIGKILL at a chosen step: before its n-th message to database or custodian.

Every statement and every HTTP request is a step, so that killing at 1, 2, 3 … until it survives
goes through every gap between two of them.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.kernel.database import start_pool, stop_pool
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.running import run_job
from app.registry import load
from app.settings import settings
from tests.support.forking import forked

# Whatever a worker knows is imported once, by the server that forks them.
load()
# So long after its last step a worker that was not killed must be done.
_SECONDS_MAX = 30


def work_until_killed(*, tenant_id: UUID, kind: str, kill_at: int) -> bool:
    """Run the tenant's due jobs of `kind` in a process of its own; tells whether it was killed."""
    process = forked(__name__, tenant_id, kind, kill_at)
    process.join(_SECONDS_MAX)
    if process.exitcode is None:
        process.kill()
        raise AssertionError("the worker neither died nor finished")
    if process.exitcode not in (0, -signal.SIGKILL):
        raise AssertionError(f"the worker failed: exit code {process.exitcode}")
    return process.exitcode != 0


def main(tenant_id: UUID, kind: str, kill_at: int) -> None:
    asyncio.run(_run(tenant_id, kind, kill_at))


async def _run(tenant_id: UUID, kind: str, kill_at: int) -> None:
    await start_pool(settings().database_url, size=3)
    try:
        found = [ref for ref in await due_jobs(limit=500) if ref.tenant_id == tenant_id]
        _count_steps(kill_at)
        for ref in found:
            if ref.kind == kind:
                await run_job(ref)
    finally:
        await stop_pool()


def _count_steps(kill_at: int) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(method: Any) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            step()
            return await method(*args, **kwargs)

        return call

    # `fetch`, `fetchrow` and `fetchval` all come through `_execute`.
    for owner, name in (
        (asyncpg.Connection, "execute"),
        (asyncpg.Connection, "_execute"),
        (httpx.AsyncClient, "send"),
    ):
        setattr(owner, name, counted(getattr(owner, name)))
