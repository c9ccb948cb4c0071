"""The sweeper's loops, lanes and lag."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from app import metrics
from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import execute, unit_of_work
from app.kernel.deadlines import start_deadline
from app.kernel.deadlines.firing import seconds_to_next_mark
from app.kernel.ids import new_id
from app.kernel.jobs import RetryLater, enqueue
from app.kernel.jobs.lanes import INSIDE_MAX, MAIL_MAX, WAITING_MAX, Lanes
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.values import JobRef, Lane
from app.kernel.jobs.wakeups import decode, encode, refs_of
from app.kernel.outbox import emit
from app.kernel.upkeep import (
    AUDIT_CHAIN,
    VERIFY_AUDIT_JOB,
    VERIFY_JOB,
    chain_status,
    forget_done_jobs,
    order_verification,
)
from tests.support import work
from tests.support.database import TestTenant
from workers.measuring import measure_checks, measure_lag
from workers.sweeping import Bell, fire_all_due, fire_marks, repeat


async def some_jobs(tenant: TestTenant, count: int) -> list[JobRef]:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return [
            JobRef(tenant.id, await enqueue(kind="test.inside", payload={}), "test.inside")
            for _ in range(count)
        ]


async def test_a_part_that_raises_comes_round_again() -> None:
    rounds = 0
    bell = Bell()
    done = asyncio.Event()
    failed = metrics.SWEEP_ERRORS.labels("test")._value.get()

    async def work_that_fails() -> None:
        nonlocal rounds
        rounds += 1
        bell.ring()
        if rounds == 3:
            done.set()
        raise ValueError("broken")

    task = asyncio.create_task(repeat("test", work_that_fails, seconds=60, bell=bell))
    await asyncio.wait_for(done.wait(), 5)
    task.cancel()
    assert metrics.SWEEP_ERRORS.labels("test")._value.get() - failed >= 2


async def _starts_to_run(tenant: TestTenant) -> UUID:
    """A clock of one second, the shortest there is; returns its subject."""
    subject = new_id()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await start_deadline(
            kind="test",
            subject_kind="thing",
            subject_id=subject,
            due_in=timedelta(seconds=1),
            marks=[Decimal(1)],
        )
    return subject


async def test_a_mark_fires_at_its_moment(tenant: TestTenant) -> None:
    await fire_all_due()
    bell = Bell()
    # No look by itself comes in time.
    sweeping = asyncio.create_task(repeat("test", lambda: fire_marks(bell), seconds=60, bell=bell))
    await _starts_to_run(tenant)
    bell.ring()
    async with asyncio.timeout(10):
        while not work.calls:
            await asyncio.sleep(0.005)
    sweeping.cancel()
    [(_, mark)] = work.calls
    assert timedelta(0) <= mark.now - mark.at < timedelta(seconds=0.5)


async def test_what_is_due_already_is_not_waited_for(tenant: TestTenant) -> None:
    await fire_all_due()
    await _starts_to_run(tenant)
    before = await seconds_to_next_mark()
    assert before is not None
    assert 0 < before <= 1
    async with unit_of_work(tenant=None, actor=SYSTEM):
        await advance_clock(seconds=1)
    after = await seconds_to_next_mark()
    assert after is None or after > 0
    await fire_all_due()


async def test_no_more_than_a_few_run_at_once_and_each_once(tenant: TestTenant) -> None:
    running = most = 0

    async def counts(_: object) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await execute("SELECT pg_sleep(0.002)")
        running -= 1

    work.behaviours["inside"] = counts
    refs = await some_jobs(tenant, 40)
    lanes = Lanes()
    await asyncio.gather(lanes.run(refs), lanes.run(refs), lanes.run(reversed(refs)))
    while lanes.busy:
        await asyncio.sleep(0)
    assert len(work.calls) == 40
    assert 1 < most <= INSIDE_MAX


async def test_closing_waits_for_what_runs_and_takes_nothing_more(tenant: TestTenant) -> None:
    refs = await some_jobs(tenant, 5)
    lanes = Lanes()
    lanes.start(refs)
    await lanes.close(grace_seconds=5)
    assert len(work.calls) == 5
    assert lanes.start(await some_jobs(tenant, 1)) == []
    assert await lanes.sweep() == 0


async def test_closing_cancels_what_takes_too_long(tenant: TestTenant) -> None:
    async def hangs(_: object) -> None:
        await asyncio.Event().wait()

    work.behaviours["inside"] = hangs
    (ref,) = await some_jobs(tenant, 1)
    lanes = Lanes()
    lanes.start([ref])
    while not work.calls:
        await asyncio.sleep(0)
    await lanes.close(grace_seconds=0)
    assert ref.id in {found.id for found in await due_jobs(limit=500)}


async def hanging_mails(tenant: TestTenant, count: int) -> None:
    """Mails that are due before anything else, to a relay that never answers."""

    async def hangs(_: object) -> None:
        await asyncio.Event().wait()

    work.behaviours["mail"] = hangs
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        for _ in range(count):
            await enqueue(kind="test.mail", payload={})
        await execute("UPDATE job SET due_at = due_at - interval '1 hour'")


async def test_mails_that_hang_hold_up_no_other_job(tenant: TestTenant) -> None:
    await hanging_mails(tenant, WAITING_MAX + 50)
    lanes = Lanes()
    await lanes.sweep()
    assert lanes.busy >= WAITING_MAX
    (inside,) = await some_jobs(tenant, 1)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        outside = await enqueue(kind="test.outside", payload={})
    async with asyncio.timeout(10):
        await lanes.sweep()
        while {name for name, _ in work.calls} != {"inside", "outside", "mail"}:
            await asyncio.sleep(0.005)
        for job_id in (inside.id, outside):
            while (await work.row_of(tenant.id, job_id))["state"] != "done":
                await asyncio.sleep(0.005)
    assert len([name for name, _ in work.calls if name == "mail"]) <= MAIL_MAX
    await lanes.close(grace_seconds=0)


async def test_a_lane_is_asked_for_by_itself(tenant: TestTenant) -> None:
    await hanging_mails(tenant, 3)
    (inside,) = await some_jobs(tenant, 1)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await enqueue(kind="test.outside", payload={})
        unknown = await enqueue(kind="test.nobody_declared_it", payload={})
    found = {
        lane: [r for r in await due_jobs(limit=500, lane=lane) if r.tenant_id == tenant.id]
        for lane in Lane
    }
    assert {ref.id for ref in found[Lane.inside]} == {inside.id, unknown}
    assert [ref.kind for ref in found[Lane.outside]] == ["test.outside"]
    assert [ref.kind for ref in found[Lane.mail]] == ["test.mail"] * 3
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await execute("DELETE FROM job WHERE id = $1", unknown)


async def test_a_wake_up_does_not_wait_for_the_outside(tenant: TestTenant) -> None:
    await hanging_mails(tenant, 1)
    mails = [r for r in await due_jobs(limit=500, lane=Lane.mail) if r.tenant_id == tenant.id]
    (inside,) = await some_jobs(tenant, 1)
    lanes = Lanes()
    async with asyncio.timeout(5):
        await lanes.run([*mails, inside])
    assert (await work.row_of(tenant.id, inside.id))["state"] == "done"
    await lanes.close(grace_seconds=0)


async def test_a_job_that_asked_to_wait_is_remembered(tenant: TestTenant) -> None:
    async def waits_once(_: object) -> None:
        if len(work.calls) == 1:
            raise RetryLater(0.01, "a moment")

    work.behaviours["inside"] = waits_once
    (ref,) = await some_jobs(tenant, 1)
    lanes = Lanes()
    await lanes.run([ref])
    async with asyncio.timeout(5):
        while len(work.calls) < 2:
            await asyncio.sleep(0.005)
    await lanes.close(grace_seconds=5)
    assert (await work.row_of(tenant.id, ref.id))["state"] == "done"


async def test_lag_is_measured_across_tenants(tenant: TestTenant) -> None:
    (ref,) = await some_jobs(tenant, 1)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await execute("UPDATE job SET due_at = now() - interval '90 seconds' WHERE id = $1", ref.id)
    await measure_lag()
    assert b"stakehold_job_lag_seconds" in metrics.exposition()
    assert metrics.JOB_LAG._value.get() >= 90


async def test_the_checks_of_every_tenant_are_measured(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        job = await enqueue(kind=VERIFY_JOB, payload={})
        await execute(
            "UPDATE job SET state = 'done', finished_at = now() - interval '5 hours',"
            " created_at = now() - interval '5 hours' WHERE id = $1",
            job,
        )
        for invariant in ("drill.sound", AUDIT_CHAIN):
            await emit(
                type="invariant.broken",
                subject_kind="tenant",
                subject_id=tenant.id,
                payload={"invariant": invariant, "violations": 1},
                topics=["operations"],
            )
    await measure_checks()
    assert metrics.INVARIANTS_BROKEN._value.get() >= 1
    assert metrics.INVARIANTS_CHECK_AGE._value.get() >= 5 * 3600
    assert metrics.AUDIT_BROKEN._value.get() >= 1


async def test_invariants_are_checked_by_a_job(tenant: TestTenant) -> None:
    ids: set[UUID] = set()
    for _ in range(2):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await order_verification()
        ids |= {ref.id for ref in await due_jobs(limit=500) if ref.tenant_id == tenant.id}
    (job_id,) = ids
    await work.run(tenant.id, job_id)
    assert (await work.row_of(tenant.id, job_id))["state"] == "done"


async def test_only_old_done_jobs_without_a_key_are_forgotten(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        gone = await enqueue(kind="test.inside", payload={})
        keyed = await enqueue(kind="test.inside", payload={}, key="for good")
        waiting = await enqueue(kind="test.inside", payload={})
        await execute(
            "UPDATE job SET state = 'done', finished_at = now() - interval '2 days'"
            " WHERE id = ANY($1)",
            [gone, keyed],
        )
        recent = await enqueue(kind="test.inside", payload={})
        await execute("UPDATE job SET state = 'done', finished_at = now() WHERE id = $1", recent)
        await forget_done_jobs()
    left = [job for job in (gone, keyed, waiting, recent) if await work.row_of(tenant.id, job)]
    assert left == [keyed, waiting, recent]


async def test_a_check_is_known_of_when_the_next_is_late(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        last, long_ago = [await enqueue(kind=VERIFY_AUDIT_JOB, payload={}) for _ in range(2)]
        for job, days in ((last, 7), (long_ago, 9)):
            await execute(
                "UPDATE job SET state = 'done', finished_at = now() - make_interval(days => $2)"
                " WHERE id = $1",
                job,
                days,
            )
        await forget_done_jobs()
        status = await chain_status()
    assert [job for job in (last, long_ago) if await work.row_of(tenant.id, job)] == [last]
    assert status.checked_at is not None
    assert 6.9 < status.since_seconds / 86_400 < 7.1


def test_messages_are_json() -> None:
    message = {"f": "run_jobs", "a": [[["t", "j", "k"]]], "t": 1}
    assert encode(message).startswith(b"{")
    assert decode(encode(message)) == message
    tenant, job = "0194d3c1-7b1e-7000-8000-000000000001", "0194d3c1-7b1e-7000-8000-000000000002"
    assert refs_of([[tenant, job, "kind"]]) == [JobRef(UUID(tenant), UUID(job), "kind")]


async def test_what_a_full_lane_left_is_looked_for_as_soon_as_it_has_room(
    tenant: TestTenant,
) -> None:
    refs = await some_jobs(tenant, WAITING_MAX + 30)
    room = asyncio.Event()
    lanes = Lanes(on_room=room.set)
    assert len(lanes.start(refs)) == WAITING_MAX
    await asyncio.wait_for(room.wait(), 20)
    assert lanes.busy <= WAITING_MAX // 2
    room.clear()
    assert await lanes.sweep() >= 30, "others' jobs may be due as well"
    while lanes.busy:
        await asyncio.sleep(0.001)
    assert len(work.calls) == WAITING_MAX + 30
    assert not room.is_set(), "nothing was left this time"
