"""Signing in through a real OpenID provider, and what is tried on the way."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.domains.identity.operations.identity_link import link_identity
from app.embedded.demo_accounts import DEMO_PASSWORD
from app.kernel.actors import SYSTEM
from app.kernel.database import execute, unit_of_work
from app.settings import settings
from app.web.shell import Portal
from tests.support.client import (
    Browser,
    Person,
    add_person,
    portal_client,
    running_portal,
)
from tests.support.database import DatabaseUrls, TestTenant, connected

SUBJECT = "aurora-rm"
EMAIL = "rm@aurora.example"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@pytest.fixture
async def portal(database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Portal]:
    """The portal at the address that the provider knows."""
    monkeypatch.setenv("PUBLIC_URL", f"http://localhost:{os.environ['PORT']}")
    settings.cache_clear()
    async with running_portal() as running:
        yield running
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    async with portal_client(portal) as client:
        yield client


@pytest.fixture
async def linked(
    portal: Portal, tenant: TestTenant, database: DatabaseUrls
) -> AsyncIterator[Person]:
    """A member whose account is linked to the provider's user."""
    person = await add_person(tenant.id, "rm")
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await link_identity(
            account_id=person.account_id, issuer=settings().oidc_issuer, subject=SUBJECT
        )
    yield person
    # The portal may not delete a link, so the test's superuser does.
    async with connected(database.admin) as admin:
        await admin.execute("DELETE FROM federated_identity WHERE subject = $1", SUBJECT)


async def start(browser: Browser, tenant: TestTenant, next_path: str = "/approvals") -> str:
    """Press the button; gives the provider's address."""
    answer = await browser.get(
        "/auth/oidc/start", params={"tenant": tenant.slug, "next": next_path}
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def at_provider(url: str) -> str:
    """Sign in at the provider; gives the address that it sends the browser back to."""
    async with httpx.AsyncClient(follow_redirects=False, trust_env=False) as client:
        answer = await client.get(url)
        for _ in range(12):
            if answer.is_redirect:
                target = str(answer.next_request.url) if answer.next_request else ""
                if urlsplit(target).path == "/auth/oidc/callback":
                    return target
                answer = await client.get(target)
                continue
            token = _TOKEN.search(answer.text)
            assert token is not None, answer.text[:1000]
            field = "password" if 'name="password"' in answer.text else "login"
            value = DEMO_PASSWORD if field == "password" else EMAIL
            answer = await client.post(
                str(answer.url), data={"csrf_token": token.group(1), field: value}
            )
    raise AssertionError("the provider did not send the browser back")


def back(url: str, **changes: str) -> str:
    """The path of the provider's answer, with parameters changed."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} | changes
    return "/auth/oidc/callback?" + str(httpx.QueryParams(query))


async def test_it_leads_to_the_page_that_was_asked_for(
    browser: Browser, tenant: TestTenant, linked: Person
) -> None:
    answered = await at_provider(await start(browser, tenant))
    answer = await browser.get(back(answered))
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/approvals"
    page = await browser.get("/notifications")
    assert page.status_code == 200
    assert linked.name in page.text


async def test_the_request_carries_pkce_state_and_nonce(
    browser: Browser, tenant: TestTenant
) -> None:
    query = parse_qs(urlsplit(await start(browser, tenant)).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    assert len(query["state"][0]) >= 40
    assert len(query["nonce"][0]) >= 40
    assert query["redirect_uri"] == [f"{settings().public_url}/auth/oidc/callback"]


async def test_an_answer_can_be_used_once(
    browser: Browser, tenant: TestTenant, linked: Person
) -> None:
    path = back(await at_provider(await start(browser, tenant)))
    answers = await asyncio.gather(*(browser.get(path) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403]


async def test_another_browser_cannot_finish_it(
    portal: Portal, browser: Browser, tenant: TestTenant, linked: Person
) -> None:
    path = back(await at_provider(await start(browser, tenant)))
    async with portal_client(portal) as other:
        await start(other, tenant)
        answer = await other.get(path)
    assert answer.status_code == 403
    assert "Single sign-on did not work out" in answer.text


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "forged"},
        {"state": ""},
        {"code": "forged"},
        {"code": ""},
        {"iss": "https://evil.example"},
    ],
)
async def test_a_tampered_answer_is_refused(
    browser: Browser, tenant: TestTenant, linked: Person, changes: dict[str, str]
) -> None:
    answered = await at_provider(await start(browser, tenant))
    answer = await browser.get(back(answered, **changes))
    assert answer.status_code == 403
    assert (await browser.get("/notifications")).status_code == 303


async def test_a_stolen_code_without_its_verifier_is_refused(
    browser: Browser, tenant: TestTenant, linked: Person
) -> None:
    stolen = parse_qs(urlsplit(await at_provider(await start(browser, tenant))).query)["code"][0]
    own = await start(browser, tenant)
    state = parse_qs(urlsplit(own).query)["state"][0]
    answer = await browser.get(f"/auth/oidc/callback?code={stolen}&state={state}")
    assert answer.status_code == 403


async def test_an_old_attempt_is_refused(
    browser: Browser, tenant: TestTenant, linked: Person
) -> None:
    answered = await at_provider(await start(browser, tenant))
    async with unit_of_work(tenant=None, actor=SYSTEM):
        await execute("UPDATE sign_in_attempt SET created_at = created_at - interval '11 minutes'")
    assert (await browser.get(back(answered))).status_code == 403


async def test_a_person_without_a_linked_account_is_told_so(
    browser: Browser, tenant: TestTenant
) -> None:
    answer = await browser.get(back(await at_provider(await start(browser, tenant))))
    assert answer.status_code == 403
    assert "no account here is linked to you" in answer.text


async def test_another_organisation_is_refused(
    browser: Browser, tenant: TestTenant, linked: Person, new_tenant
) -> None:
    other = await new_tenant()
    answer = await browser.get(back(await at_provider(await start(browser, other))))
    assert answer.status_code == 403
    assert "does not belong to this organisation" in answer.text


async def test_it_leads_nowhere_else(browser: Browser, tenant: TestTenant, linked: Person) -> None:
    answered = await at_provider(await start(browser, tenant, "https://evil.example/"))
    assert (await browser.get(back(answered))).headers["location"] == "/"


async def test_the_provider_refusing_is_a_clear_page(browser: Browser, tenant: TestTenant) -> None:
    state = parse_qs(urlsplit(await start(browser, tenant)).query)["state"][0]
    answer = await browser.get(f"/auth/oidc/callback?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "Single sign-on" in answer.text


async def test_a_provider_that_is_away_is_a_clear_page(
    database: DatabaseUrls, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "http://localhost:1")
    settings.cache_clear()
    try:
        async with running_portal() as away, portal_client(away) as browser:
            answer = await browser.get("/auth/oidc/start")
        assert answer.status_code == 503
        assert "not answering" in answer.text
    finally:
        monkeypatch.undo()
        settings.cache_clear()
