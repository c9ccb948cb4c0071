"""Jobs that call the outside: a lease, a heartbeat, and completions that name their attempt."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch_value, unit_of_work
from app.kernel.jobs import FailedForGood, LeaseLost, OutsideCall, RetryLater, enqueue, outside
from tests.support import work
from tests.support.database import TestTenant


async def a_job(tenant: TestTenant) -> UUID:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return await enqueue(kind="test.outside", payload={})


async def complete(call: OutsideCall) -> None:
    async with call.completing():
        await work.leave_effect("paid")


async def test_its_effect_and_its_end_commit_together(tenant: TestTenant) -> None:
    work.behaviours["outside"] = complete
    job_id = await a_job(tenant)
    await asyncio.gather(*(work.run(tenant.id, job_id) for _ in range(5)))
    assert await work.effects(tenant.id, "paid") == 1
    row = await work.row_of(tenant.id, job_id)
    assert (row["state"], row["attempt"], row["lease_until"]) == ("done", 1, None)


async def test_it_holds_no_transaction_while_it_waits(tenant: TestTenant) -> None:
    open_ones = []

    async def waits(call: OutsideCall) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            open_ones.append(
                await fetch_value(
                    "SELECT count(*) FROM pg_locks WHERE relation = 'job'::regclass"
                    " AND pid <> pg_backend_pid() AND database ="
                    " (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            )

    work.behaviours["outside"] = waits
    await work.run(tenant.id, await a_job(tenant))
    assert open_ones == [0]


async def test_a_job_that_ends_without_a_word_is_done(tenant: TestTenant) -> None:
    job_id = await a_job(tenant)
    await work.run(tenant.id, job_id)
    assert (await work.row_of(tenant.id, job_id))["state"] == "done"


async def test_a_slow_worker_whose_lease_was_taken_changes_nothing(tenant: TestTenant) -> None:
    job_id = await a_job(tenant)
    taken = asyncio.Event()
    seen: list[type[BaseException]] = []

    async def slow_then_quick(call: OutsideCall) -> None:
        if call.attempt == 1:
            await taken.wait()
            try:
                await complete(call)
            except LeaseLost as error:
                seen.append(type(error))
                raise
        else:
            await complete(call)

    work.behaviours["outside"] = slow_then_quick
    slow = asyncio.create_task(work.run(tenant.id, job_id))
    while not work.calls:
        await asyncio.sleep(0)
    await work.make_due(tenant.id, job_id)
    await work.run(tenant.id, job_id)
    taken.set()
    assert await slow is None
    assert seen == [LeaseLost]
    assert await work.effects(tenant.id, "paid") == 1
    assert (await work.row_of(tenant.id, job_id))["attempt"] == 2


async def test_the_heartbeat_keeps_the_lease(
    tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(outside, "LEASE_SECONDS", 0.2)
    job_id = await a_job(tenant)

    async def patient(call: OutsideCall) -> None:
        leases = set()
        while len(leases) < 15:
            leases.add((await work.row_of(tenant.id, job_id))["lease_until"])
            await asyncio.sleep(0.005)

    work.behaviours["outside"] = patient
    first = asyncio.create_task(work.run(tenant.id, job_id))
    while not first.done():
        await work.run(tenant.id, job_id)
    assert len(work.calls) == 1
    assert (await work.row_of(tenant.id, job_id))["state"] == "done"


async def test_a_lost_lease_stops_the_waiting(
    tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "HEARTBEAT_SECONDS", 0.02)
    job_id = await a_job(tenant)
    stopped = []

    async def waits_for_ever(call: OutsideCall) -> None:
        if call.attempt == 1:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.append(call.attempt)

    work.behaviours["outside"] = waits_for_ever
    first = asyncio.create_task(work.run(tenant.id, job_id))
    while not work.calls:
        await asyncio.sleep(0)
    while not first.done():
        await work.make_due(tenant.id, job_id)
        await work.run(tenant.id, job_id)
        await asyncio.sleep(0.01)
    assert stopped == [1]


async def test_a_planned_wait_gives_the_lease_back(tenant: TestTenant) -> None:
    async def waits(call: OutsideCall) -> None:
        raise RetryLater(5, "not confirmed")

    work.behaviours["outside"] = waits
    job_id = await a_job(tenant)
    assert await work.run(tenant.id, job_id) == 5
    row = await work.row_of(tenant.id, job_id)
    assert (row["state"], row["lease_until"], row["failures"]) == ("pending", None, 0)


async def test_a_stopping_worker_gives_the_job_back_at_once(tenant: TestTenant) -> None:
    async def waits_for_ever(call: OutsideCall) -> None:
        await asyncio.Event().wait()

    work.behaviours["outside"] = waits_for_ever
    job_id = await a_job(tenant)
    task = asyncio.create_task(work.run(tenant.id, job_id))
    while not work.calls:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert (await work.row_of(tenant.id, job_id))["state"] == "pending"


async def test_a_failing_completion_leaves_no_effect(tenant: TestTenant) -> None:
    async def fails(call: OutsideCall) -> None:
        async with call.completing():
            await work.leave_effect("paid")
            raise ValueError("after the effect")

    work.behaviours["outside"] = fails
    job_id = await a_job(tenant)
    await work.run(tenant.id, job_id)
    row = await work.row_of(tenant.id, job_id)
    assert (row["state"], row["failures"]) == ("pending", 1)
    assert await work.effects(tenant.id, "paid") == 0


async def test_who_lost_a_job_does_not_bury_it(tenant: TestTenant) -> None:
    """It failed for good, for a worker that was only slow: another one has carried it out."""
    job_id = await a_job(tenant)
    taken = asyncio.Event()

    async def slow_then_quick(call: OutsideCall) -> None:
        if call.attempt == 1:
            await taken.wait()
            raise FailedForGood("the custodian knows no such account")
        await complete(call)

    work.behaviours["outside"] = slow_then_quick
    slow = asyncio.create_task(work.run(tenant.id, job_id))
    while not work.calls:
        await asyncio.sleep(0)
    await work.make_due(tenant.id, job_id)
    await work.run(tenant.id, job_id)
    taken.set()
    assert await slow is None
    assert (await work.row_of(tenant.id, job_id))["state"] == "done"
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert await fetch_value("SELECT count(*) FROM outbox_event WHERE type = 'job.dead'") == 0
