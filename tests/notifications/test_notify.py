"""People are told once of an event, in the portal and by mail."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import execute, fetch, unit_of_work
from app.kernel.errors import NotFound, Unavailable
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.running import run_job
from app.kernel.notifications import (
    mail,
    mark_all_read,
    mark_read,
    notifications_of,
    notify,
    register_address_book,
    register_mail_transport,
    unread_count,
)
from tests.support.database import TestTenant, a_person
from tests.support.events import an_event

sent: list[dict[str, object]] = []


@pytest.fixture(autouse=True)
def _ports(monkeypatch: pytest.MonkeyPatch) -> None:
    sent.clear()
    monkeypatch.setattr(mail, "_transport", None)
    monkeypatch.setattr(mail, "_address_book", None)

    async def transport(**message: object) -> None:
        sent.append(message)

    async def address_of(membership_id: UUID) -> str | None:
        return f"{membership_id}@example.org"

    register_mail_transport(transport)
    register_address_book(address_of)


async def tell(tenant: TestTenant, *people: UUID, event_id: UUID | None = None) -> UUID:
    event_id = event_id or await an_event(tenant.id)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await notify(
            recipients=people,
            event_type="test.told",
            title="Redemption <approved>",
            body="R-1 was approved & will be paid.",
            link="/redemptions/1",
            event_id=event_id,
            mail_template="notification",
        )
    return event_id


async def run_jobs(tenant: TestTenant) -> None:
    for ref in await due_jobs(limit=500):
        if ref.tenant_id == tenant.id:
            await run_job(ref)


async def test_each_is_told_once_however_often_it_is_said(tenant: TestTenant) -> None:
    ada, ben = a_person(), a_person()
    assert ada.id and ben.id
    event_id = await tell(tenant, ada.id, ben.id)
    await tell(tenant, ada.id, ben.id, event_id=event_id)
    await run_jobs(tenant)
    async with unit_of_work(tenant=tenant.id, actor=ada):
        (found,) = await notifications_of()
        assert (found.title, found.link) == ("Redemption <approved>", "/redemptions/1")
        assert await unread_count() == 1
        topics = await fetch("SELECT topics FROM outbox_event WHERE type = 'notification.created'")
    assert [row["topics"] for row in topics] == [[f"member:{ada.id}", f"member:{ben.id}"]]
    assert len(sent) == 2


async def test_the_mail_is_escaped_and_can_be_recognised(tenant: TestTenant) -> None:
    ada = a_person()
    assert ada.id
    await tell(tenant, ada.id)
    await run_jobs(tenant)
    (message,) = sent
    assert message["to"] == f"{ada.id}@example.org"
    assert message["subject"] == "Redemption <approved>"
    assert "https://portal.test/redemptions/1" in str(message["text"])
    assert "R-1 was approved &amp; will be paid." in str(message["html"])
    assert str(message["message_id"]).endswith("@portal.test>")


async def test_a_mail_that_is_sent_twice_has_one_message_id(tenant: TestTenant) -> None:
    ada = a_person()
    assert ada.id

    async def sends_then_breaks(**message: object) -> None:
        sent.append(message)
        if len(sent) == 1:
            raise ConnectionError("gone after the last byte")

    register_mail_transport(sends_then_breaks)
    await tell(tenant, ada.id)
    await run_jobs(tenant)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await execute("UPDATE job SET due_at = clock_timestamp() WHERE state = 'pending'")
    await run_jobs(tenant)
    assert len(sent) == 2
    assert len({message["message_id"] for message in sent}) == 1


async def test_a_mail_outlasts_an_outage_of_the_relay_of_a_day(tenant: TestTenant) -> None:
    ada = a_person()
    assert ada.id

    async def is_away(**_: object) -> None:
        raise Unavailable("The relay is away")

    async def mail_row(change: str) -> asyncpg.Record:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await execute(f"UPDATE job SET {change} WHERE kind = $1", mail.MAIL_JOB)
        await run_jobs(tenant)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            (row,) = await fetch(
                "SELECT state, failures, last_error, due_at > clock_timestamp()"
                " + interval '50 seconds' AS later FROM job WHERE kind = $1",
                mail.MAIL_JOB,
            )
        return row

    register_mail_transport(is_away)
    await tell(tenant, ada.id)
    for _ in range(15):
        row = await mail_row("due_at = clock_timestamp()")
        assert tuple(row) == ("pending", 0, "The relay is away", True)
    day_old = "due_at = clock_timestamp(), created_at = clock_timestamp() - interval '24 hours'"
    assert (await mail_row(day_old))["failures"] == 1
    assert (await mail_row(day_old + ", failures = 11"))["state"] == "dead"


async def test_no_address_is_kept_with_the_job(tenant: TestTenant) -> None:
    ada = a_person()
    assert ada.id
    await tell(tenant, ada.id)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        rows = await fetch("SELECT payload::text AS payload FROM job")
    assert rows and all("@" not in row["payload"] for row in rows)


async def test_reading_is_ones_own(tenant: TestTenant) -> None:
    ada, ben = a_person(), a_person()
    assert ada.id and ben.id
    await tell(tenant, ada.id, ben.id)
    async with unit_of_work(tenant=tenant.id, actor=ada):
        (mine,) = await notifications_of()
    async with unit_of_work(tenant=tenant.id, actor=ben):
        with pytest.raises(NotFound):
            await mark_read(notification_ids=[mine.id])
        await mark_all_read()
        assert await unread_count() == 0
    async with unit_of_work(tenant=tenant.id, actor=ada):
        assert await unread_count() == 1
        await mark_read(notification_ids=[mine.id])
        assert await unread_count() == 0
        (mine,) = await notifications_of()
        assert mine.read_at is not None


async def test_another_tenants_are_not_there(tenant: TestTenant, new_tenant) -> None:
    ada = a_person()
    assert ada.id
    await tell(tenant, ada.id)
    other = await new_tenant()
    async with unit_of_work(tenant=other.id, actor=ada):
        assert await notifications_of() == []
        assert await unread_count() == 0


async def test_pages_go_on_after_the_last_one_seen(tenant: TestTenant) -> None:
    ada = a_person()
    assert ada.id
    for _ in range(5):
        await tell(tenant, ada.id)
    seen = []
    after = None
    async with unit_of_work(tenant=tenant.id, actor=ada):
        while page := await notifications_of(limit=2, after=after):
            seen += [item.id for item in page]
            after = (page[-1].created_at, page[-1].id)
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("link", ["https://evil.example", "//evil.example", "/\\evil.example"])
async def test_a_link_never_leaves_the_portal(tenant: TestTenant, link: str) -> None:
    ada = a_person()
    assert ada.id
    event_id = await an_event(tenant.id)
    with pytest.raises(asyncpg.CheckViolationError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await notify(
                recipients=[ada.id],
                event_type="test.told",
                title="t",
                body="",
                link=link,
                event_id=event_id,
            )
