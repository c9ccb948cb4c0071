"""What every answer carries, whoever gave it."""

from __future__ import annotations

import pytest

from app.web.shell import Portal
from tests.support.client import Browser, add_person, new_address, portal_client, sign_in
from tests.support.database import TestTenant

ANSWERS = [("GET", "/auth/sign-in"), ("GET", "/nothing-here"), ("DELETE", "/auth/sign-in")]


@pytest.mark.parametrize(("method", "path"), ANSWERS)
async def test_pages_missing_ones_and_wrong_methods_carry_the_security_headers(
    browser: Browser, method: str, path: str
) -> None:
    answer = await browser.request(method, path, headers={"Origin": "https://portal.test"})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_page_for_somebody_is_never_stored(browser: Browser, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, person.email)
    answer = await browser.get("/notifications")
    assert answer.headers["cache-control"] == "no-store"
    assert "Cookie" in answer.headers["vary"]


async def test_bundles_are_kept_for_ever(browser: Browser) -> None:
    page = await browser.get("/auth/sign-in")
    path = page.text.split('<script src="')[1].split('"')[0]
    answer = await browser.get(path)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers


async def test_the_log_line_names_the_template_and_nothing_typed(
    browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    await browser.get("/auth/oidc/callback?code=very-secret-code&state=very-secret-state")
    printed = capsys.readouterr().out
    assert "/auth/oidc/callback" in printed
    assert "very-secret" not in printed


async def test_live_pages_do_not_use_up_what_their_person_may_do(
    browser: Browser, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.web import authentication, limits

    person = await add_person(tenant.id, "trader")
    await sign_in(browser, tenant.slug, person.email)
    refresh = {"HX-Request": "true", "X-Block": "bell"}
    for _ in range(3):
        answer = await browser.get("/notifications/count", headers=refresh)
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == '"refresh";q=1200;w=60'
    own = await browser.get("/notifications")
    assert own.headers["ratelimit-policy"] == '"user";q=300;w=60'

    # Both at their end: the one's does not stop the other.
    none_left = limits.Quota(name="refresh-none", count=0, seconds=60)
    monkeypatch.setattr(authentication, "REFRESHES", none_left)
    assert (await browser.get("/notifications/count", headers=refresh)).status_code == 429
    assert (await browser.get("/notifications")).status_code == 200
    # What is written, and REST, count as the person's own whatever header they carry.
    for answer in (
        await browser.post_form("/notifications/read", headers=refresh),
        await browser.get("/api/v1/me", headers=refresh),
    ):
        assert answer.headers["ratelimit-policy"].startswith('"user"')


async def test_a_flood_from_one_address_is_refused(portal: Portal) -> None:
    from app.web import limits

    address = new_address()
    async with portal_client(portal, address=address) as browser:
        await browser.get("/health/live")
        portal._flood._used[address] = limits.FLOOD.count
        answer = await browser.get("/health/live")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "content-security-policy" in answer.headers
