"""The list of notifications, the digests, and what comes by mail: pages and REST."""

from __future__ import annotations

import httpx
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.kernel.notifications import keep_for_digest, notify
from app.kernel.notifications.digests import order_digests
from app.web.shell import Portal
from tests.support.client import Browser, Person, add_person, api_client, portal_client, sign_in
from tests.support.database import TestTenant
from tests.support.drain import drain
from tests.support.events import an_event

API = "/api/v1/notifications"
PREFERENCES = "/notifications/preferences"


@pytest.fixture
async def person(browser: Browser, tenant: TestTenant) -> Person:
    found = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, found.email)
    return found


async def tell(tenant: TestTenant, person: Person, title: str = "A request waits") -> None:
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


async def a_digest(tenant: TestTenant, person: Person, *texts: str) -> None:
    for text in texts:
        event_id = await an_event(tenant.id)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
            await keep_for_digest(
                recipients=[person.membership_id],
                event_id=event_id,
                text=text,
                link="/approvals",
                happened_at=unit.now,
            )
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await order_digests()
    await drain()


class TestList:
    async def test_is_counted_listed_and_read(
        self, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        await tell(tenant, person)
        assert "1 unread" in (await browser.get("/notifications/count")).text
        page = await browser.get("/notifications")
        assert "A request waits" in page.text
        answer = await browser.post_form("/notifications/read")
        assert answer.headers["location"] == "/notifications"
        assert "unread" not in (await browser.get("/notifications/count")).text
        assert "Mark all as read" not in (await browser.get("/notifications")).text

    async def test_one_is_read_by_itself(
        self, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        await tell(tenant, person, "First")
        await tell(tenant, person, "Second")
        page = await browser.get("/notifications?show=unread")
        first = page.text.split('name="id" value="')[2].split('"')[0]
        answer = await browser.post_form("/notifications/read", {"id": first, "show": "unread"})
        assert answer.headers["location"] == "/notifications?show=unread"
        unread = (await browser.get("/notifications?show=unread")).text
        assert "Second" in unread
        assert "First" not in unread
        assert "First" in (await browser.get("/notifications")).text

    @pytest.mark.parametrize("bad", ["x", "", "%00", "01a2163b-36cf-71c5-844e-defc6c76bcc8"])
    async def test_what_is_not_there_cannot_be_read(
        self, browser: Browser, tenant: TestTenant, person: Person, bad: str
    ) -> None:
        await tell(tenant, person)
        answer = await browser.post_form("/notifications/read", {"id": bad})
        assert answer.status_code == 404
        assert "1 unread" in (await browser.get("/notifications/count")).text

    async def test_says_what_will_appear_where_there_is_nothing(
        self, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        assert "Nothing yet" in (await browser.get("/notifications")).text
        assert "read everything" in (await browser.get("/notifications?show=unread")).text

    async def test_of_another_person_is_not_shown(
        self, portal: Portal, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        await tell(tenant, person, "Only for one")
        page = await browser.get("/notifications")
        theirs = page.text.split('name="id" value="')[1].split('"')[0]
        other = await add_person(tenant.id, "rm")
        async with portal_client(portal) as second:
            await sign_in(second, tenant.slug, other.email)
            assert "Only for one" not in (await second.get("/notifications")).text
            answer = await second.post_form("/notifications/read", {"id": theirs})
            assert answer.status_code == 404
        assert "1 unread" in (await browser.get("/notifications/count")).text

    @pytest.mark.parametrize("show", ["", "&show=unread"])
    async def test_has_a_next_page_that_keeps_the_filter(
        self, browser: Browser, tenant: TestTenant, person: Person, show: str
    ) -> None:
        for number in range(31):
            await tell(tenant, person, f"Number {number:02}")
        first = await browser.get(f"/notifications?{show}")
        assert "Number 30" in first.text
        assert "Number 00" not in first.text
        cursor = first.text.split("cursor=")[1].split('"')[0]
        assert ("show=unread&amp;cursor=" in first.text) is bool(show)
        second = await browser.get(f"/notifications?cursor={cursor}{show}")
        assert "Number 00" in second.text
        assert "Number 01" not in second.text
        for bad in ("x", "_", "2026-01-01_x", "%00"):
            assert (await browser.get(f"/notifications?cursor={bad}")).status_code == 422


class TestDigest:
    async def test_shows_its_lines_to_whom_it_was_told(
        self, portal: Portal, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        await a_digest(tenant, person, "One <b>", "Two")
        address = (await browser.get("/notifications")).text.split('href="/notifications/dig')[1]
        address = "/notifications/dig" + address.split('"')[0]
        page = await browser.get(address)
        assert "One &lt;b&gt;" in page.text
        assert page.text.index("One") < page.text.index("Two")
        other = await add_person(tenant.id, "rm")
        async with portal_client(portal) as second:
            await sign_in(second, tenant.slug, other.email)
            assert (await second.get(address)).status_code == 404
        async with api_client(portal, tenant.slug, person.email) as rest:
            answer = await rest.get(f"/api/v1{address}?limit=1")
            assert [line["text"] for line in answer.json()["data"]] == ["One <b>"]
            rest_of_it = await rest.get(answer.json()["links"]["next"])
            assert [line["text"] for line in rest_of_it.json()["data"]] == ["Two"]
        for bad in ("x", str(new_id())):
            assert (await browser.get(f"/notifications/digests/{bad}")).status_code == 404


class TestPreferences:
    async def test_are_chosen_and_kept(
        self, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        page = (await browser.get(PREFERENCES)).text
        assert person.email in page
        assert box(page, "redemptions") == {"checked"}
        assert box(page, "deadlines") == {"checked", "disabled"}
        assert 'id="mail-alerts"' not in page, "operations' alone"
        answer = await browser.post_form(PREFERENCES, {"mail-digest": "yes"})
        assert answer.headers["location"] == f"{PREFERENCES}?saved=yes"
        page = (await browser.get(answer.headers["location"])).text
        assert 'role="status"' in page
        assert box(page, "redemptions") == set()
        assert box(page, "digest") == {"checked"}
        assert box(page, "deadlines") == {"checked", "disabled"}

    async def test_of_another_are_not_touched(
        self, portal: Portal, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        await browser.post_form(PREFERENCES, {})
        other = await add_person(tenant.id, "rm")
        async with portal_client(portal) as second:
            await sign_in(second, tenant.slug, other.email)
            assert box((await second.get(PREFERENCES)).text, "redemptions") == {"checked"}

    async def test_of_an_unknown_group_are_refused(
        self, browser: Browser, tenant: TestTenant, person: Person
    ) -> None:
        answer = await browser.post_form(PREFERENCES, {"mail-nothing": "yes"})
        assert answer.status_code == 422
        assert box((await browser.get(PREFERENCES)).text, "redemptions") == {"checked"}

    async def test_of_who_gets_no_mail_say_so(self, portal: Portal, tenant: TestTenant) -> None:
        admin = await add_person(tenant.id, "admin")
        async with portal_client(portal) as browser:
            await sign_in(browser, tenant.slug, admin.email)
            page = (await browser.get(PREFERENCES)).text
        assert "nothing to choose" in page
        assert "<fieldset" not in page.partition("What comes by mail</h1>")[2]


class TestRest:
    async def test_lists_and_reads(
        self, portal: Portal, tenant: TestTenant, person: Person
    ) -> None:
        for number in range(3):
            await tell(tenant, person, f"Number {number}")
        async with api_client(portal, tenant.slug, person.email) as rest:
            first = (await rest.get(f"{API}?limit=2")).json()
            assert [row["title"] for row in first["data"]] == ["Number 2", "Number 1"]
            second = (await rest.get(first["links"]["next"])).json()
            assert [row["title"] for row in second["data"]] == ["Number 0"]
            ids = [second["data"][0]["id"]]
            answer = await rest.post(f"{API}/read", json={"ids": ids})
            assert answer.status_code == 204
            unread = (await rest.get(f"{API}?unread=true")).json()["data"]
            assert [row["title"] for row in unread] == ["Number 2", "Number 1"]
            assert (await rest.post(f"{API}/read", json={})).status_code == 204
            assert (await rest.get(f"{API}?unread=true")).json()["data"] == []

    async def test_refuses_what_is_not_theirs_whole(
        self, portal: Portal, tenant: TestTenant, person: Person
    ) -> None:
        await tell(tenant, person)
        async with api_client(portal, tenant.slug, person.email) as rest:
            (row,) = (await rest.get(API)).json()["data"]
            answer = await rest.post(f"{API}/read", json={"ids": [row["id"], str(new_id())]})
            assert answer.status_code == 404
            assert len((await rest.get(f"{API}?unread=true")).json()["data"]) == 1
            for bad in ({"ids": ["x"]}, {"ids": None, "other": 1}, {"ids": [row["id"]] * 201}):
                assert (await rest.post(f"{API}/read", json=bad)).status_code == 422

    async def test_chooses_what_comes_by_mail(
        self, portal: Portal, tenant: TestTenant, person: Person
    ) -> None:
        async with api_client(portal, tenant.slug, person.email) as rest:
            answer = await rest.put(f"{API}/preferences", json={"by_mail": ["digest"]})
            chosen = {row["group"]: row["by_mail"] for row in answer.json()["data"]["groups"]}
            assert chosen == {
                "clients": False,
                "deadlines": True,
                "digest": True,
                "redemptions": False,
            }
            assert (await rest.get(f"{API}/preferences")).json()["data"] == answer.json()["data"]
            refusal = await rest.put(f"{API}/preferences", json={"by_mail": ["alerts"]})
            assert refusal_of(refusal) == (422, "by_mail", "UNKNOWN_GROUP")


def refusal_of(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["errors"][0]
    return answer.status_code, error["field"], error["code"]


def box(page: str, group: str) -> set[str]:
    """What the group's box is: checked, disabled."""
    tag = page.split(f'<input class="form-check-input" type="checkbox" id="mail-{group}"')[1]
    return set(tag.partition(">")[0].split()) & {"checked", "disabled"}
