"""Sessions: no fixation, rotated at sign-in, ended at once, expiring."""

from __future__ import annotations

import httpx
import pytest

from app.domains.identity.public import Role, change_role, deactivate_membership
from app.kernel.actors import SYSTEM
from app.kernel.crypto import digest_of, new_secret
from app.kernel.database import execute, fetch_value, unit_of_work
from app.settings import settings
from app.web.authentication import SESSION_COOKIE
from app.web.shell import Portal
from tests.support.client import Browser, Person, add_person, portal_client, sign_in
from tests.support.database import TestTenant, connected


@pytest.fixture
async def person(tenant: TestTenant, portal: Portal) -> Person:
    return await add_person(tenant.id, "rm")


async def _works(browser: Browser) -> bool:
    return (await browser.get("/notifications")).status_code == 200


async def _change(tenant: TestTenant, browser: Browser, assignment: str) -> None:
    digest = digest_of(browser.cookies[SESSION_COOKIE])
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        done = await execute(f"UPDATE session SET {assignment} WHERE digest = $1", digest)
    assert done == "UPDATE 1"


async def test_an_id_that_we_did_not_give_out_is_ignored(
    browser: Browser, tenant: TestTenant, person: Person
) -> None:
    planted = new_secret()
    browser.cookies.set(SESSION_COOKIE, planted, domain="portal.test", path="/")
    assert not await _works(browser)
    await sign_in(browser, tenant.slug, person.email)
    fresh = [cookie.value for cookie in browser.cookies.jar if cookie.name == SESSION_COOKIE]
    assert planted != fresh[-1]


async def test_signing_in_again_ends_the_session_before(
    portal: Portal, browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    first = browser.cookies[SESSION_COOKIE]
    await sign_in(browser, tenant.slug, person.email)
    assert browser.cookies[SESSION_COOKIE] != first
    async with portal_client(portal) as thief:
        thief.cookies.set(SESSION_COOKIE, first, domain="portal.test", path="/")
        assert not await _works(thief)


async def test_signing_out_ends_it_at_once_and_for_good(
    portal: Portal, browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    secret = browser.cookies[SESSION_COOKIE]
    answer = await browser.post_form("/auth/sign-out")
    assert answer.status_code == 303
    assert "Max-Age=0" in answer.headers["set-cookie"]
    async with portal_client(portal) as thief:
        thief.cookies.set(SESSION_COOKIE, secret, domain="portal.test", path="/")
        assert not await _works(thief)


async def test_it_ends_when_idle(browser: Browser, tenant: TestTenant, person: Person) -> None:
    await sign_in(browser, tenant.slug, person.email)
    idle = settings().session_idle_seconds
    await _change(
        tenant,
        browser,
        f"last_seen_at = clock_timestamp() - make_interval(secs => {idle - 30})",
    )
    assert await _works(browser)
    await _change(
        tenant, browser, f"last_seen_at = clock_timestamp() - make_interval(secs => {idle})"
    )
    assert not await _works(browser)


async def test_it_ends_in_the_end(browser: Browser, tenant: TestTenant, person: Person) -> None:
    await sign_in(browser, tenant.slug, person.email)
    await _change(tenant, browser, "expires_at = clock_timestamp()")
    assert not await _works(browser)


async def test_use_is_written_at_most_once_a_minute(
    browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    digest = digest_of(browser.cookies[SESSION_COOKIE])

    async def seen() -> object:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            return await fetch_value("SELECT last_seen_at FROM session WHERE digest = $1", digest)

    before = await seen()
    assert await _works(browser)
    assert await seen() == before
    await _change(tenant, browser, "last_seen_at = clock_timestamp() - interval '2 minutes'")
    before = await seen()
    assert await _works(browser)
    assert await seen() != before


async def test_a_live_page_keeps_no_session_alive(
    browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    digest = digest_of(browser.cookies[SESSION_COOKIE])
    idle = settings().session_idle_seconds

    async def seen() -> object:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            return await fetch_value("SELECT last_seen_at FROM session WHERE digest = $1", digest)

    async def refresh() -> httpx.Response:
        headers = {"HX-Request": "true", "X-Block": "bell"}
        return await browser.get("/notifications/count", headers=headers)

    await _change(
        tenant, browser, f"last_seen_at = clock_timestamp() - make_interval(secs => {idle - 30})"
    )
    before = await seen()
    assert (await refresh()).status_code == 200
    assert await seen() == before
    await _change(
        tenant, browser, f"last_seen_at = clock_timestamp() - make_interval(secs => {idle})"
    )
    answer = await refresh()
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/auth/sign-in"


async def test_business_time_moves_no_session(
    browser: Browser, tenant: TestTenant, person: Person, database
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    async with connected(database.owner) as owner:
        await owner.execute("UPDATE clock SET offset_seconds = offset_seconds + 90000")
    assert await _works(browser)


async def test_a_change_of_role_counts_at_the_next_request(
    browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    assert (await browser.get("/approvals")).status_code == 200
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await change_role(membership_id=person.membership_id, role=Role.trader)
    assert (await browser.get("/approvals")).status_code == 403


async def test_a_deactivated_member_is_out_at_once(
    browser: Browser, tenant: TestTenant, person: Person
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await deactivate_membership(membership_id=person.membership_id)
    assert not await _works(browser)
    assert (await sign_in(browser, tenant.slug, person.email)).status_code == 422


async def test_the_cookie_is_stored_only_as_a_hash(
    browser: Browser, tenant: TestTenant, person: Person, database
) -> None:
    await sign_in(browser, tenant.slug, person.email)
    secret = browser.cookies[SESSION_COOKIE]
    async with connected(database.admin) as admin:
        rows = await admin.fetch("SELECT session::text AS line FROM session")
    assert not any(secret in row["line"] for row in rows)
