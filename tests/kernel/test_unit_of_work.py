"""A unit of work keeps its tenant, undoes what it must, and is tried again only so often."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import (
    RETRIES_MAX,
    current,
    execute,
    fetch_value,
    pool,
    retrying,
    start_pool,
    stop_pool,
    unit_of_work,
)
from tests.support.database import DatabaseUrls, TestTenant
from tests.support.waiting import eventually


class TestItsTenant:
    async def test_is_not_changed_by_one_within_it(
        self, tenant: TestTenant, new_tenant: Callable[..., Awaitable[TestTenant]]
    ) -> None:
        other = await new_tenant()
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
            for inner in (other.id, None):
                with pytest.raises(RuntimeError, match="keeps the tenant"):
                    async with unit_of_work(tenant=inner, actor=SYSTEM):
                        pass
            with pytest.raises(RuntimeError, match="never changes its tenant"):
                await unit.enter_tenant(other.id)
            seen = await fetch_value("SELECT current_setting('app.tenant_id')")
            assert unit.tenant == tenant.id
            assert seen == str(tenant.id)

    async def test_is_asked_for_in_vain_where_there_is_none(self) -> None:
        async with unit_of_work(tenant=None, actor=SYSTEM) as unit:
            with pytest.raises(RuntimeError, match="no tenant"):
                _ = unit.tenant
        with pytest.raises(RuntimeError, match="needs an open unit of work"):
            current()


class TestRetrying:
    @pytest.mark.parametrize("within_one", [False, True])
    async def test_gives_up_after_five_times_and_at_once_within_an_open_one(
        self, monkeypatch: pytest.MonkeyPatch, within_one: bool
    ) -> None:
        """What is open already has to be begun anew by whoever opened it."""
        tried = 0

        @retrying
        async def never_comes_through() -> None:
            nonlocal tried
            tried += 1
            raise asyncpg.DeadlockDetectedError("deadlock detected")

        # The pauses double; here nobody is in the way.
        monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
        with pytest.raises(asyncpg.DeadlockDetectedError):
            if within_one:
                async with unit_of_work(tenant=None, actor=SYSTEM):
                    await never_comes_through()
            await never_comes_through()
        assert tried == (1 if within_one else RETRIES_MAX)


async def test_somebody_who_hangs_up_twice_leaves_no_transaction_behind(
    tenant: TestTenant,
) -> None:
    """The second time while the first is being rolled back, however far that has come."""
    for turns in range(12):
        begun = asyncio.Event()

        async def waits(begun: asyncio.Event) -> None:
            async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
                await execute("SELECT 1")
                begun.set()
                await asyncio.Event().wait()

        waiting = asyncio.create_task(waits(begun))
        await begun.wait()
        waiting.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    async def left() -> int:
        found: int = await pool().fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'stakehold' AND state LIKE 'idle in transaction%'"
        )
        return found

    await eventually(left, 0, within_seconds=5)


async def test_a_process_has_one_pool_and_says_so(no_pool: DatabaseUrls) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        pool()
    await stop_pool()
    await start_pool(no_pool.app, size=1)
    with pytest.raises(RuntimeError, match="already open"):
        await start_pool(no_pool.app)
    await stop_pool()
