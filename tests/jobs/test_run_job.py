"""Jobs of one transaction: done once, whatever happens on the way."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import current, execute, fetch_value, unit_of_work
from app.kernel.jobs import FailedForGood, RetryLater, dead_letters, enqueue, job
from app.kernel.jobs.registry import is_known
from app.kernel.jobs.running import backoff_seconds, run_job
from app.kernel.jobs.values import JobRef
from tests.support import work
from tests.support.database import TestTenant


async def a_job(tenant: TestTenant, kind: str = "test.inside") -> UUID:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return await enqueue(kind=kind, payload={"n": 1})


async def with_effect(_: object) -> None:
    await work.leave_effect("paid")


async def test_it_takes_effect_once_however_many_run_it(tenant: TestTenant) -> None:
    work.behaviours["inside"] = with_effect
    job_id = await a_job(tenant)
    await asyncio.gather(*(work.run(tenant.id, job_id) for _ in range(10)))
    assert await work.effects(tenant.id, "paid") == 1
    assert (await work.row_of(tenant.id, job_id))["state"] == "done"


async def test_what_fails_is_undone_and_backs_off(tenant: TestTenant) -> None:
    async def fails(_: object) -> None:
        await work.leave_effect("paid")
        raise ValueError("no luck for ada@example.org")

    work.behaviours["inside"] = fails
    job_id = await a_job(tenant)
    again_in = await work.run(tenant.id, job_id)
    row = await work.row_of(tenant.id, job_id)
    assert again_in is not None and 0.25 <= again_in <= 0.5
    assert (row["state"], row["failures"]) == ("pending", 1)
    assert row["last_error"] == "ValueError: no luck for [masked]"
    assert await work.effects(tenant.id, "paid") == 0


async def test_what_fails_for_good_is_a_dead_letter_and_an_event(tenant: TestTenant) -> None:
    async def fails(_: object) -> None:
        raise ValueError("never")

    work.behaviours["inside"] = fails
    job_id = await a_job(tenant)
    for _ in range(3):
        await work.make_due(tenant.id, job_id)
        await work.run(tenant.id, job_id)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        (letter,) = await dead_letters()
        told = await fetch_value("SELECT count(*) FROM outbox_event WHERE type = 'job.dead'")
    assert (letter.id, letter.failures, told) == (job_id, 3, 1)
    assert len(work.calls) == 3


async def test_a_hopeless_job_is_not_tried_again(tenant: TestTenant) -> None:
    async def fails(_: object) -> None:
        raise FailedForGood("the address does not exist")

    work.behaviours["inside"] = fails
    job_id = await a_job(tenant)
    assert await work.run(tenant.id, job_id) is None
    assert (await work.row_of(tenant.id, job_id))["state"] == "dead"


async def test_a_planned_wait_is_no_failure(tenant: TestTenant) -> None:
    async def waits(_: object) -> None:
        await work.leave_effect("paid")
        raise RetryLater(60, "not confirmed yet")

    work.behaviours["inside"] = waits
    job_id = await a_job(tenant)
    for _ in range(5):
        await work.make_due(tenant.id, job_id)
        assert await work.run(tenant.id, job_id) == 60
    assert (await work.row_of(tenant.id, job_id))["failures"] == 0
    assert await work.effects(tenant.id, "paid") == 0


async def test_a_deadlock_is_run_again_at_once(tenant: TestTenant) -> None:
    async def deadlocks_first(_: object) -> None:
        await work.leave_effect("paid")
        if len(work.calls) == 1:
            raise asyncpg.DeadlockDetectedError("deadlock detected")

    work.behaviours["inside"] = deadlocks_first
    job_id = await a_job(tenant)
    assert await work.run(tenant.id, job_id) is None
    assert await work.effects(tenant.id, "paid") == 1
    assert (await work.row_of(tenant.id, job_id))["failures"] == 0


async def test_a_commit_that_fails_is_a_failure_like_any_other(tenant: TestTenant) -> None:
    async def breaks_at_commit(_: object) -> None:
        await execute("SET CONSTRAINTS ALL DEFERRED")
        await work.leave_effect("paid")
        # The server ends this session before it can commit.
        pid = await fetch_value("SELECT pg_backend_pid()")
        await execute(f"SELECT pg_terminate_backend({pid})")

    work.behaviours["inside"] = breaks_at_commit
    job_id = await a_job(tenant)
    await work.run(tenant.id, job_id)
    work.behaviours["inside"] = with_effect
    await work.make_due(tenant.id, job_id)
    await work.run(tenant.id, job_id)
    assert await work.effects(tenant.id, "paid") == 1


async def test_a_stopped_worker_leaves_the_row_as_it_was(tenant: TestTenant) -> None:
    started = asyncio.Event()

    async def hangs(_: object) -> None:
        await work.leave_effect("paid")
        started.set()
        await asyncio.Event().wait()

    work.behaviours["inside"] = hangs
    job_id = await a_job(tenant)
    task = asyncio.create_task(work.run(tenant.id, job_id))
    await started.wait()
    task.cancel()
    await asyncio.wait({task})
    row = await work.row_of(tenant.id, job_id)
    assert (row["state"], row["failures"], row["attempt"]) == ("pending", 0, 0)
    work.behaviours["inside"] = with_effect
    await work.run(tenant.id, job_id)
    assert await work.effects(tenant.id, "paid") == 1


async def test_a_kind_of_another_version_waits_without_end(tenant: TestTenant) -> None:
    job_id = await a_job(tenant, kind="test.of_next_year")
    assert not is_known("test.of_next_year")
    for _ in range(13):
        await work.make_due(tenant.id, job_id)
        await work.run(tenant.id, job_id)
    row = await work.row_of(tenant.id, job_id)
    assert (row["state"], row["failures"]) == ("pending", 13)


async def test_it_cannot_be_claimed_in_another_tenant(tenant: TestTenant, new_tenant) -> None:
    other = await new_tenant()
    job_id = await a_job(tenant)
    await run_job(JobRef(other.id, job_id, "test.inside"))
    assert not work.calls


async def test_it_works_in_the_tenant_of_its_row(tenant: TestTenant) -> None:
    seen = []

    async def behaviour(_: object) -> None:
        seen.append(current().tenant)

    work.behaviours["inside"] = behaviour
    await work.run(tenant.id, await a_job(tenant))
    assert seen == [tenant.id]


def test_the_pause_doubles_up_to_five_minutes() -> None:
    assert 0.25 <= backoff_seconds(0) <= 0.5
    assert 2 <= backoff_seconds(3) <= 4
    assert 150 <= backoff_seconds(50) <= 300


def test_two_functions_never_share_the_jobs_of_a_kind() -> None:
    """Which of the two ran would depend on what was loaded last."""
    with pytest.raises(RuntimeError, match="two functions"):
        job("test.inside")(work.inside)
