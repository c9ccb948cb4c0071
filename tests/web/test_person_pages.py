"""The start, notifications and the theme; blocks and their entity tags."""

from __future__ import annotations

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.notifications.operations import notify
from app.web.shell import Portal
from tests.support.client import Browser, Person, add_person, portal_client, sign_in
from tests.support.database import TestTenant
from tests.support.events import an_event


@pytest.fixture
async def person(browser: Browser, tenant: TestTenant) -> Person:
    found = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, found.email)
    return found


async def _tell(tenant: TestTenant, person: Person, title: str = "A request waits") -> None:
    event_id = await an_event(tenant.id)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await notify(
            recipients=[person.membership_id],
            event_type="test.told",
            title=title,
            body="Please look",
            link="/approvals",
            event_id=event_id,
        )


async def test_notifications_are_counted_listed_and_read(
    browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await _tell(tenant, person)
    assert "1 unread" in (await browser.get("/notifications/count")).text
    page = await browser.get("/notifications")
    assert "A request waits" in page.text
    answer = await browser.post_form("/notifications/read")
    assert answer.headers["location"] == "/notifications"
    assert "unread" not in (await browser.get("/notifications/count")).text


async def test_another_persons_notifications_are_not_shown(
    portal: Portal, browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await _tell(tenant, person, "Only for one")
    other = await add_person(tenant.id, "rm")
    async with portal_client(portal) as second:
        await sign_in(second, tenant.slug, other.email)
        assert "Only for one" not in (await second.get("/notifications")).text


async def test_a_long_list_has_a_next_page(
    browser: Browser, tenant: TestTenant, person: Person
) -> None:
    for number in range(31):
        await _tell(tenant, person, f"Number {number:02}")
    first = await browser.get("/notifications")
    assert "Number 30" in first.text
    assert "Number 00" not in first.text
    cursor = first.text.split("cursor=")[1].split('"')[0]
    second = await browser.get(f"/notifications?cursor={cursor}")
    assert "Number 00" in second.text
    for bad in ("x", "_", "2026-01-01_x", "%00"):
        assert (await browser.get(f"/notifications?cursor={bad}")).status_code == 422


class TestBlocks:
    async def test_a_block_is_asked_for_by_name(self, browser: Browser, person: Person) -> None:
        answer = await browser.get("/notifications", headers={"X-Block": "rows"})
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert 'id="notifications"' in answer.text

    async def test_an_unchanged_block_is_not_sent_again(
        self, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        asked = {"X-Block": "bell"}
        first = await browser.get("/notifications/count", headers=asked)
        asked["If-None-Match"] = first.headers["etag"]
        assert (await browser.get("/notifications/count", headers=asked)).status_code == 304
        await _tell(tenant, person)
        assert (await browser.get("/notifications/count", headers=asked)).status_code == 200

    async def test_a_block_that_is_not_offered_is_not_there(
        self, browser: Browser, person: Person
    ) -> None:
        answer = await browser.get("/notifications", headers={"X-Block": "content"})
        assert answer.status_code == 404

    async def test_boosted_links_and_history_get_whole_pages(
        self, browser: Browser, person: Person
    ) -> None:
        for header in ("HX-Boosted", "HX-History-Restore-Request"):
            answer = await browser.get(
                "/notifications", headers={"HX-Request": "true", header: "true"}
            )
            assert "<html" in answer.text


class TestTheme:
    async def test_it_is_kept_in_a_cookie(self, browser: Browser, person: Person) -> None:
        answer = await browser.post_form(
            "/preferences/theme", {"theme": "dark", "next": "/notifications"}
        )
        assert answer.headers["location"] == "/notifications"
        assert 'data-bs-theme="dark"' in (await browser.get("/notifications")).text

    async def test_an_unknown_one_is_refused(self, browser: Browser, person: Person) -> None:
        answer = await browser.post_form("/preferences/theme", {"theme": "<script>"})
        assert answer.status_code == 422
