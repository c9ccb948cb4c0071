"""A past that is loaded: steps, marks and reactions at times of their own, and no mail."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.database import acting, current, fetch, fetch_value, unit_of_work
from app.kernel.deadlines import start_deadline
from app.kernel.deadlines.firing import fire_marks_of_past
from app.kernel.ids import new_id
from app.kernel.jobs.past import react_to_past
from app.kernel.notifications import notify
from app.kernel.notifications.mail import MAIL_JOB
from app.kernel.outbox.emitting import emit
from tests.support.database import TestTenant, a_person
from tests.support.events import an_event
from tests.support.work import calls, fresh_work

__all__ = ["fresh_work"]
YEAR = timedelta(days=365)


async def _notify(event_id: UUID) -> None:
    person = a_person()
    assert person.id
    await notify(
        recipients=[person.id],
        event_type="test.told",
        title="Told",
        body="Told.",
        link="/",
        event_id=event_id,
        mail_template="notification",
    )


async def _mails() -> int:
    count: int = await fetch_value("SELECT count(*) FROM job WHERE kind = $1", MAIL_JOB)
    return count


class TestActing:
    async def test_lends_actor_and_time_and_gives_them_back(self, tenant: TestTenant) -> None:
        ada = a_person()
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
            before = unit.now
            with acting(actor=ada, at=before - YEAR):
                assert (current().actor, current().now) == (ada, before - YEAR)
                assert current().loads_past
            assert (unit.actor, unit.now, unit.loads_past) == (SYSTEM, before, False)


class TestNotify:
    async def test_mails_nobody_of_a_past(self, tenant: TestTenant) -> None:
        event_id = await an_event(tenant.id)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
            async with unit_of_work(tenant=tenant.id, actor=SYSTEM, at=unit.now - YEAR):
                await _notify(event_id)
            assert await fetch_value("SELECT count(*) FROM notification") == 1
            assert await _mails() == 0

    async def test_mails_everybody_of_the_present(self, tenant: TestTenant) -> None:
        event_id = await an_event(tenant.id)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await _notify(event_id)
            assert await _mails() == 1


class TestFireMarksOfPast:
    async def test_fires_each_when_it_stood_and_none_that_is_still_to_come(
        self, tenant: TestTenant
    ) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
            started = unit.now - YEAR
            with acting(actor=a_person(), at=started):
                deadline_id = await start_deadline(
                    kind="test",
                    subject_kind="thing",
                    subject_id=new_id(),
                    due_in=timedelta(hours=10),
                    marks=(Decimal("0.5"), Decimal("0.8"), Decimal(1)),
                )
            assert await fire_marks_of_past(until=started + timedelta(hours=9)) == 2
            lines = await fetch(
                "SELECT at, actor_name FROM deadline_trail WHERE deadline_id = $1 AND event = 'mark'"
                " ORDER BY version",
                deadline_id,
            )
            assert [row["at"] - started for row in lines] == [
                timedelta(hours=5),
                timedelta(hours=8),
            ]
            assert {row["actor_name"] for row in lines} == {SYSTEM.name}
            assert await fire_marks_of_past(until=started + timedelta(hours=9)) == 0


class TestReactToPast:
    async def test_runs_each_consumer_once_at_the_time_of_its_event(
        self, tenant: TestTenant
    ) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
            then = unit.now - YEAR
            with acting(actor=SYSTEM, at=then):
                await emit(
                    type="test.happened", subject_kind="thing", subject_id=new_id(), payload={}
                )
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            assert await react_to_past() == len(calls) == 2
            assert await react_to_past() == 0
            jobs = await fetch("SELECT state, attempt FROM job WHERE event_id IS NOT NULL")
            assert {(row["state"], row["attempt"]) for row in jobs} == {("done", 1)}
        assert {event.occurred_at for _, event in calls} == {then}
