"""Deadlines: every mark once, in order, in business time."""

from __future__ import annotations

import asyncio
from contextvars import Context
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import execute, fetch, fetch_row, unit_of_work
from app.kernel.deadlines import (
    Timer,
    deadlines,
    deadlines_of,
    propose_pause,
    start_deadline,
    stop_deadline,
    trail,
)
from app.kernel.deadlines.firing import fire_due
from app.kernel.deadlines.invariants import INVARIANTS
from app.kernel.deadlines.operations import (
    DeadlineNotRunning,
    extend_deadline,
    pause_deadline,
    resume_deadline,
)
from app.kernel.errors import InputInvalid, NotFound
from app.kernel.ids import new_id
from app.kernel.invariants import verify_tenant
from tests.support import work
from tests.support.database import TestTenant, a_person

MARKS = [Decimal("0.5"), Decimal("0.8"), Decimal(1)]


async def start(tenant: TestTenant, *, hours: float = 36) -> tuple[UUID, UUID]:
    """A running deadline and its subject."""
    subject = new_id()
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        deadline_id = await start_deadline(
            kind="test",
            subject_kind="thing",
            subject_id=subject,
            due_in=timedelta(hours=hours),
            marks=MARKS,
        )
    return deadline_id, subject


async def pass_time(**time: float) -> None:
    async with unit_of_work(tenant=None, actor=SYSTEM):
        await advance_clock(seconds=int(timedelta(**time).total_seconds()))


async def fire() -> None:
    while await fire_due():
        pass


async def stop(tenant: TestTenant, subject: UUID, outcome: str = "met") -> None:
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        await stop_deadline(subject_kind="thing", subject_id=subject, kind="test", outcome=outcome)


async def timer_of(tenant: TestTenant, subject: UUID) -> Timer:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return (await deadlines_of(subject_kind="thing", subject_ids=[subject]))[subject][-1]


async def events_of(tenant: TestTenant, deadline_id: UUID) -> list[str]:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        lines = await trail(deadline_id=deadline_id)
    return [
        f"{line.event}:{line.fraction.normalize()}" if line.fraction else line.event.value
        for line in lines
    ]


def fired(deadline_id: UUID) -> list[str]:
    return [
        str(given.fraction.normalize())
        for name, given in work.calls
        if name == "mark" and given.deadline_id == deadline_id
    ]


async def assert_sound(tenant: TestTenant) -> None:
    results = await verify_tenant(tenant_id=tenant.id, invariants=INVARIANTS)
    assert [result for result in results if not result.ok] == []


async def test_a_jump_over_everything_fires_every_mark_once_and_in_order(
    tenant: TestTenant,
) -> None:
    deadline_id, subject = await start(tenant)
    await pass_time(hours=36)
    await asyncio.gather(*(fire() for _ in range(6)))
    assert fired(deadline_id) == ["0.5", "0.8", "1"]
    assert (await timer_of(tenant, subject)).state == "breached"
    assert await events_of(tenant, deadline_id) == ["started", "mark:0.5", "mark:0.8", "mark:1"]
    await assert_sound(tenant)


async def test_marks_fire_one_by_one_as_time_passes(tenant: TestTenant) -> None:
    deadline_id, subject = await start(tenant)
    for hours, expected in ((17, []), (1, ["0.5"]), (10, ["0.5"]), (1, ["0.5", "0.8"])):
        await pass_time(hours=hours)
        await fire()
        assert fired(deadline_id) == expected
    assert (await timer_of(tenant, subject)).state == "running"
    await assert_sound(tenant)


async def test_what_is_done_in_time_is_met_and_fires_no_more(tenant: TestTenant) -> None:
    deadline_id, subject = await start(tenant)
    await pass_time(hours=19)
    await fire()
    await stop(tenant, subject)
    await pass_time(hours=40)
    await fire()
    timer = await timer_of(tenant, subject)
    assert timer.state == "met"
    assert 16 * 3600 < timer.remaining_seconds <= 17 * 3600
    assert fired(deadline_id) == ["0.5"]
    await assert_sound(tenant)


async def test_what_is_done_late_is_breached_even_if_no_worker_looked(
    tenant: TestTenant,
) -> None:
    deadline_id, subject = await start(tenant)
    await pass_time(hours=37)
    await stop(tenant, subject)
    await fire()
    timer = await timer_of(tenant, subject)
    assert timer.state == "breached"
    assert -3700 < timer.remaining_seconds <= -3600
    assert fired(deadline_id) == ["0.5", "0.8", "1"]
    assert (await events_of(tenant, deadline_id))[-1] == "stopped"
    await assert_sound(tenant)


async def test_a_breach_stays_when_it_is_done_later(tenant: TestTenant) -> None:
    _, subject = await start(tenant)
    await pass_time(hours=37)
    await fire()
    await stop(tenant, subject)
    assert (await timer_of(tenant, subject)).state == "breached"
    await stop(tenant, subject)
    await assert_sound(tenant)


async def test_a_cancelled_one_fires_nothing(tenant: TestTenant) -> None:
    deadline_id, subject = await start(tenant)
    await stop(tenant, subject, "cancelled")
    await pass_time(hours=40)
    await fire()
    assert fired(deadline_id) == []
    assert (await timer_of(tenant, subject)).state == "cancelled"
    await assert_sound(tenant)


async def test_a_handler_that_fails_is_undone_and_called_again(tenant: TestTenant) -> None:
    deadline_id, subject = await start(tenant)
    other_id, _ = await start(tenant)

    async def fails_for_one(mark) -> None:
        await work.leave_effect("told")
        if mark.deadline_id == deadline_id:
            raise ValueError("broken")

    work.behaviours["mark"] = fails_for_one
    await pass_time(hours=36)
    await fire()
    assert (await timer_of(tenant, subject)).state == "running"
    assert await events_of(tenant, other_id) == ["started", "mark:0.5", "mark:0.8", "mark:1"]
    assert await work.effects(tenant.id, "told") == 3
    work.behaviours.clear()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await execute("UPDATE deadline SET retry_at = clock_timestamp() WHERE id = $1", deadline_id)
    await fire()
    assert await events_of(tenant, deadline_id) == ["started", "mark:0.5", "mark:0.8", "mark:1"]
    await assert_sound(tenant)


async def test_a_mark_yields_to_an_operation_that_holds_what_it_needs(tenant: TestTenant) -> None:
    deadline_id, subject = await start(tenant)
    held_id, held_subject = await start(tenant)
    await stop(tenant, held_subject)
    await pass_time(hours=20)

    async def locks_the_held_one(_: object) -> None:
        await fetch_row("SELECT 1 FROM deadline WHERE id = $1 FOR UPDATE", held_id)

    work.behaviours["mark"] = locks_the_held_one
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await locks_the_held_one(None)
        # The worker is another process: it does not find this unit of work in its context.
        await asyncio.create_task(fire(), context=Context())
        assert (await timer_of(tenant, subject)).state == "running"
    assert await events_of(tenant, deadline_id) == ["started"]
    await fire()
    assert await events_of(tenant, deadline_id) == ["started", "mark:0.5"]


async def test_one_clock_of_a_kind_runs_on_a_subject(tenant: TestTenant) -> None:
    _, subject = await start(tenant)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await start_deadline(
                kind="test", subject_kind="thing", subject_id=subject, due_in=timedelta(hours=1)
            )
    await stop(tenant, subject)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await start_deadline(
            kind="test", subject_kind="thing", subject_id=subject, due_in=timedelta(hours=1)
        )


async def test_every_mark_is_audited_as_the_portals_own(tenant: TestTenant) -> None:
    _, subject = await start(tenant)
    await pass_time(hours=36)
    await stop(tenant, subject)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        records = await fetch(
            "SELECT action, actor_id FROM audit_record WHERE subject_id = $1 ORDER BY id", subject
        )
    assert [row["action"] for row in records] == [
        "deadline.mark",
        "deadline.mark",
        "deadline.breached",
    ]
    assert {row["actor_id"] for row in records} == {None}


@pytest.mark.parametrize(
    "statement", ["UPDATE deadline_trail SET reason = 'x'", "DELETE FROM deadline_trail"]
)
async def test_the_trail_is_append_only(tenant: TestTenant, statement: str) -> None:
    await start(tenant)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await execute(statement)


async def test_another_tenants_deadlines_are_not_there(tenant: TestTenant, new_tenant) -> None:
    deadline_id, subject = await start(tenant)
    other = await new_tenant()
    async with unit_of_work(tenant=other.id, actor=a_person()):
        assert await deadlines() == []
        assert await deadlines_of(subject_kind="thing", subject_ids=[subject]) == {}
        assert await trail(deadline_id=deadline_id) == []
        with pytest.raises(NotFound):
            await propose_pause(deadline_id=deadline_id, reason="not mine")


async def test_marks_must_be_fractions(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        for marks in ([Decimal(0)], [Decimal("1.2")], [Decimal("-0.5")]):
            with pytest.raises(ValueError, match="fractions"):
                await start_deadline(
                    kind="test",
                    subject_kind="thing",
                    subject_id=new_id(),
                    due_in=timedelta(hours=1),
                    marks=marks,
                )


async def test_marks_of_one_subject_fire_after_each_other_even_when_one_stops_the_other(
    tenant: TestTenant,
) -> None:
    subject = new_id()
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        for kind in ("test", "other"):
            await start_deadline(
                kind=kind, subject_kind="thing", subject_id=subject, due_in=timedelta(hours=1)
            )

    async def stop_other(_: object) -> None:
        await stop_deadline(
            subject_kind="thing", subject_id=subject, kind="other", outcome="cancelled"
        )

    work.behaviours["mark"] = stop_other
    await pass_time(hours=2)
    await fire()
    # Those of other tests' tenants are due as well.
    assert [mark.kind for _, mark in work.calls if mark.subject_id == subject] == ["test"]
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        rows = await fetch(
            "SELECT d.kind, d.state, d.stopped_at IS NOT NULL AS stopped, count(t.id) AS marks"
            " FROM deadline d JOIN deadline_trail t ON t.deadline_id = d.id AND t.event = 'mark'"
            " WHERE d.subject_id = $1 GROUP BY 1, 2, 3 ORDER BY 1",
            subject,
        )
    assert [tuple(row) for row in rows] == [
        ("other", "breached", True, 1),
        ("test", "breached", False, 1),
    ]


async def test_many_are_fired_together_and_one_that_fails_holds_up_no_other(
    tenant: TestTenant,
) -> None:
    started = [await start(tenant) for _ in range(7)]
    failing = started[3][1]

    async def fail_one(mark: Any) -> None:
        if mark.subject_id == failing:
            raise RuntimeError("no")

    work.behaviours["mark"] = fail_one
    await pass_time(hours=48)
    await fire()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        rows = await fetch("SELECT subject_id, state, marks_left, failures FROM deadline")
        marks = await fetch(
            "SELECT deadline_id, version, fraction FROM deadline_trail WHERE event = 'mark'"
            " ORDER BY deadline_id, version"
        )
    states = {row["subject_id"]: (row["state"], len(row["marks_left"])) for row in rows}
    assert states.pop(failing) == ("running", 3)
    assert set(states.values()) == {("breached", 0)}
    fired = {deadline: [] for deadline, subject in started if subject != failing}
    for row in marks:
        fired[row["deadline_id"]].append((row["version"], row["fraction"]))
    assert all(found == [(2, MARKS[0]), (3, MARKS[1]), (4, MARKS[2])] for found in fired.values())


async def test_what_its_own_mark_stopped_is_not_stopped_again(tenant: TestTenant) -> None:
    """Somebody cancels just as the time runs out: the mark that was due fires first, and ends it."""
    deadline_id, subject = await start(tenant, hours=1)

    async def stop_itself(mark: Any) -> None:
        if mark.fraction == 1:
            await stop_deadline(
                subject_kind="thing", subject_id=subject, kind="test", outcome="cancelled"
            )

    work.behaviours["mark"] = stop_itself
    await pass_time(hours=2)
    await stop(tenant, subject, "met")
    assert (await timer_of(tenant, subject)).state == "breached"
    assert (await events_of(tenant, deadline_id)).count("stopped") == 1
    await assert_sound(tenant)


async def test_an_approval_changes_no_clock_that_does_not_run(tenant: TestTenant) -> None:
    """What was agreed on may have been overtaken, or may name what was never there."""
    deadline_id, subject = await start(tenant)
    approval_id, longer = new_id(), timedelta(hours=1)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        with pytest.raises(NotFound):
            await pause_deadline(deadline_id=new_id(), approval_id=approval_id, reason="x")
        with pytest.raises(DeadlineNotRunning):
            await resume_deadline(deadline_id=deadline_id, approval_id=approval_id)
        with pytest.raises(InputInvalid) as refusal:
            await extend_deadline(
                deadline_id=deadline_id, due_at=unit.now, approval_id=approval_id, reason="x"
            )
        assert refusal.value.errors[0].code == "NOT_LATER"
    await stop(tenant, subject)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        with pytest.raises(DeadlineNotRunning):
            await pause_deadline(deadline_id=deadline_id, approval_id=approval_id, reason="x")
        with pytest.raises(DeadlineNotRunning):
            await extend_deadline(
                deadline_id=deadline_id,
                due_at=unit.now + 48 * longer,
                approval_id=approval_id,
                reason="x",
            )
    assert await events_of(tenant, deadline_id) == ["started", "stopped"]


async def test_a_clock_gives_at_least_a_second(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        with pytest.raises(ValueError, match="at least a second"):
            await start_deadline(
                kind="test",
                subject_kind="thing",
                subject_id=new_id(),
                due_in=timedelta(milliseconds=999),
            )
