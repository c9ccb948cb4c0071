"""The daily digest: lines wait, are told together, and once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import fetch, fetch_value, unit_of_work
from app.kernel.errors import NotFound
from app.kernel.notifications import digest_lines, keep_for_digest, notifications_of
from app.kernel.notifications.digests import DUE, MAIL_LINES_MAX, order_digests
from app.kernel.notifications.mail import MAIL_JOB, render
from tests.support.database import TestTenant, a_person
from tests.support.drain import drain
from tests.support.events import an_event


async def keep(tenant: TestTenant, *people: Actor, text: str = "Somebody paid in 5.00") -> UUID:
    event_id = await an_event(tenant.id)
    for _ in range(2):  # a consumer may run twice
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
            await keep_for_digest(
                recipients=[person.id for person in people if person.id],
                event_id=event_id,
                text=text,
                link="/approvals",
                happened_at=unit.now,
            )
    return event_id


async def tell(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await order_digests()
    await drain()


async def told(tenant: TestTenant, person: Actor) -> list[str]:
    async with unit_of_work(tenant=tenant.id, actor=person):
        return [view.body for view in await notifications_of()]


async def test_each_hears_once_of_what_waited_for_them(tenant: TestTenant) -> None:
    ada, ben = a_person(), a_person()
    await keep(tenant, ada, ben, text="One")
    await keep(tenant, ada, text="Two")
    await tell(tenant)
    await tell(tenant)
    assert await told(tenant, ada) == ["2 lines, the first: One"]
    assert await told(tenant, ben) == ["One"]
    await keep(tenant, ada, text="Three")
    await tell(tenant)
    assert await told(tenant, ada) == ["Three", "2 lines, the first: One"]


async def test_a_day_without_lines_has_no_digest(tenant: TestTenant) -> None:
    await tell(tenant)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert await fetch_value("SELECT count(*) FROM outbox_event WHERE type = $1", DUE) == 0


async def test_its_page_is_ones_own(tenant: TestTenant, new_tenant) -> None:
    ada, ben = a_person(), a_person()
    await keep(tenant, ada, text="One")
    await keep(tenant, ada, text="Two")
    await keep(tenant, ben, text="Theirs")
    await tell(tenant)
    async with unit_of_work(tenant=tenant.id, actor=ada):
        (view,) = await notifications_of()
        digest_id = UUID(view.link.removeprefix("/notifications/digests/"))
        first = await digest_lines(digest_id=digest_id, limit=1)
        rest = await digest_lines(digest_id=digest_id, after=(first[0].happened_at, first[0].id))
        assert [line.text for line in first + rest] == ["One", "Two"]
    other = await new_tenant()
    for who, where in ((a_person(), tenant), (ada, other)):
        async with unit_of_work(tenant=where.id, actor=who):
            with pytest.raises(NotFound):
                await digest_lines(digest_id=digest_id)


async def test_its_mail_is_short_and_says_what_is_left_out(tenant: TestTenant) -> None:
    ada = a_person()
    for number in range(MAIL_LINES_MAX + 2):
        await keep(tenant, ada, text=f"Line <{number}>")
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await order_digests()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        waiting = await fetch("SELECT payload FROM job WHERE kind = $1", MAIL_JOB)
    assert waiting == [], "the consumer tells, not the schedule"
    await drain()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        (row,) = await fetch("SELECT payload FROM job WHERE kind = $1", MAIL_JOB)
    subject, text, html = render("digest", row["payload"]["context"] | {"tenant_name": "Aurora"})
    assert subject == "Your daily digest"
    assert "- Line <0>\n" in text
    assert f"Line <{MAIL_LINES_MAX}>" not in text
    assert "- and 2 more, in the portal" in text
    assert "<li>Line &lt;0&gt;</li>" in html
    assert "<li>and 2 more, in the portal</li>" in html


def test_the_lines_of_a_mail_are_in_the_order_of_what_happened() -> None:
    context = {
        "title": "Your daily digest",
        "body": "",
        "link": "/",
        "tenant_name": "Aurora",
        "lines": ["first", "second"],
        "more": -48,
    }
    _, text, html = render("digest", context)
    assert text.index("first") < text.index("second")
    assert "more, in the portal" not in text + html


async def test_of_a_past_that_is_loaded_no_line_is_kept(tenant: TestTenant) -> None:
    ada = a_person()
    assert ada.id
    event_id = await an_event(tenant.id)
    past = datetime(2025, 1, 1, tzinfo=UTC)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM, at=past):
        await keep_for_digest(
            recipients=[ada.id], event_id=event_id, text="Long ago", link="/", happened_at=past
        )
    await tell(tenant)
    assert await told(tenant, ada) == []
