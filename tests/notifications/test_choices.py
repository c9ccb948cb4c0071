"""What a person chose to hear of in the portal alone."""

from __future__ import annotations

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, fetch_value, unit_of_work
from app.kernel.errors import InputInvalid, NotPermitted
from app.kernel.notifications import (
    NoticeGroup,
    choose_mail,
    declare_group,
    mark_all_read,
    notifications_of,
    notify,
    own_choices,
)
from app.kernel.notifications.groups import groups_of
from app.kernel.notifications.mail import MAIL_JOB
from tests.support.database import TestTenant, a_person
from tests.support.events import an_event

ROLE = "tester"
NEWS = NoticeGroup(key="test.news", label="News", explains="All of it", roles=frozenset({ROLE}))
ALARM = NoticeGroup(
    key="test.alarm", label="Alarm", explains="It burns", roles=frozenset({ROLE}), is_binding=True
)


@pytest.fixture(autouse=True)
def _groups() -> None:
    declare_group(NEWS)
    declare_group(ALARM)


async def mailed(tenant: TestTenant, group: str, *people: object) -> int:
    """How many of them get a mail of this group."""
    event_id = await an_event(tenant.id)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await notify(
            recipients=[person.id for person in people],  # type: ignore[attr-defined]
            event_type="test.told",
            group=group,
            title="News",
            body="",
            link="/",
            event_id=event_id,
            mail_template="notification",
        )
        return int(
            await fetch_value(
                "SELECT count(*) FROM job j JOIN notification n ON n.id::text = j.key"
                " WHERE j.kind = $1 AND n.event_id = $2",
                MAIL_JOB,
                event_id,
            )
        )


class TestChooseMail:
    async def test_leaves_the_portal_and_stops_the_mail(self, tenant: TestTenant) -> None:
        ada, ben = a_person(role=ROLE), a_person(role=ROLE)
        assert await mailed(tenant, NEWS.key, ada, ben) == 2
        async with unit_of_work(tenant=tenant.id, actor=ada):
            await choose_mail(by_mail=[])
        assert await mailed(tenant, NEWS.key, ada, ben) == 1
        async with unit_of_work(tenant=tenant.id, actor=ada):
            assert len(await notifications_of()) == 2
            await choose_mail(by_mail=[NEWS.key])
        assert await mailed(tenant, NEWS.key, ada) == 1

    async def test_does_not_stop_what_is_binding(self, tenant: TestTenant) -> None:
        ada = a_person(role=ROLE)
        async with unit_of_work(tenant=tenant.id, actor=ada):
            await choose_mail(by_mail=[])
            chosen = {choice.group.key: choice.by_mail for choice in await own_choices()}
        assert chosen == {NEWS.key: False, ALARM.key: True}
        assert await mailed(tenant, ALARM.key, ada) == 1

    async def test_is_refused_for_what_cannot_concern_them(self, tenant: TestTenant) -> None:
        ada = a_person(role=ROLE)
        async with unit_of_work(tenant=tenant.id, actor=ada):
            with pytest.raises(InputInvalid):
                await choose_mail(by_mail=["alerts"])
            assert await fetch("SELECT 1 FROM notification_choice") == []

    async def test_twice_is_one_choice_and_one_audit_record(self, tenant: TestTenant) -> None:
        ada = a_person(role=ROLE)
        for _ in range(2):
            async with unit_of_work(tenant=tenant.id, actor=ada):
                await choose_mail(by_mail=[])
        async with unit_of_work(tenant=tenant.id, actor=ada):
            assert await fetch_value("SELECT count(*) FROM notification_choice") == 1
            rows = await fetch(
                "SELECT before, after FROM audit_record WHERE action = 'notification.choose'"
            )
        assert [(row["before"], row["after"]) for row in rows] == [
            ({"test.alarm": True, "test.news": True}, {"test.alarm": True, "test.news": False})
        ]

    async def test_is_ones_own_and_of_ones_tenant(self, tenant: TestTenant, new_tenant) -> None:
        ada, ben = a_person(role=ROLE), a_person(role=ROLE)
        async with unit_of_work(tenant=tenant.id, actor=ada):
            await choose_mail(by_mail=[])
        other = await new_tenant()
        for who, where in ((ben, tenant), (ada, other)):
            async with unit_of_work(tenant=where.id, actor=who):
                assert all(choice.by_mail for choice in await own_choices())


def test_a_group_is_declared_once() -> None:
    with pytest.raises(ValueError, match=r"test\.news"):
        declare_group(NoticeGroup(key="test.news", label="Other", explains="", roles=frozenset()))


def test_what_may_be_switched_off_stands_first() -> None:
    assert groups_of(ROLE) == [NEWS, ALARM]
    assert groups_of("nobody") == []


async def test_the_portal_itself_is_told_nothing_and_chooses_nothing(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        with pytest.raises(NotPermitted):
            await choose_mail(by_mail=[])
        with pytest.raises(NotPermitted):
            await mark_all_read()
