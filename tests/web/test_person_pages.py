"""The theme; blocks and their entity tags."""

from __future__ import annotations

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.notifications.operations import notify
from tests.support.client import Browser, Person, add_person, sign_in
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
