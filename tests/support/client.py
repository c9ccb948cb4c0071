"""The real application over HTTP, in the test's own event loop: cookies, forms and tokens as a
browser and a REST client send them.

    async with portal_client(portal) as browser:
        await sign_in(browser, tenant.slug, "rm@example.test")
        answer = await browser.post_form("/redemptions", {...})
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import httpx

from app.asgi import create_app
from app.domains.identity.public import Role, add_membership, create_account
from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.settings import Settings, settings
from app.web.shell import Portal
from tests.support.declared import check_declared

PASSWORD = "Correct-horse-7"
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Person:
    """A member of a test's tenant who can sign in with `PASSWORD`."""

    account_id: UUID
    membership_id: UUID
    email: str
    name: str


async def add_person(
    tenant_id: UUID, role: Role | str, *, name: str = "", password: str = PASSWORD
) -> Person:
    """A fresh account with a membership in the tenant."""
    email = f"{role}-{new_id().hex}@example.test"
    name = name or f"{str(role).capitalize()} Tester"
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        account_id = await create_account(email=email, name=name, password=password)
        membership_id = await add_membership(account_id=account_id, role=Role(role))
    return Person(account_id, membership_id, email, name)


@lru_cache(maxsize=1)
def _portal(_: Settings) -> Portal:
    """Put together once: what belongs to a test's loop is made when the portal starts."""
    return create_app(opens_pool=False)


@asynccontextmanager
async def running_portal(portal: Portal | None = None) -> AsyncIterator[Portal]:
    """The portal, started and stopped; the caller has opened the database's pool.

    Its lifespan must begin and end in one task, and fixtures begin and end in two.
    """
    portal = portal or _portal(settings())
    started, stopping = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with portal.lifespan():
            started.set()
            await stopping.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if task.done():
            await task
        yield portal
    finally:
        stopping.set()
        await task


class Browser(httpx.AsyncClient):
    """Keeps cookies, sends what browsers send with a form, and does not follow redirects."""

    csrf_token: str = ""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Every refusal of the REST interface is held to what its route declares."""
        answer = await super().send(request, **options)
        if not options.get("stream"):
            check_declared(answer)
        return answer

    async def post_form(
        self, path: str, fields: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """Post a form of this portal, with the token of the session."""
        data = {"csrf_token": self.csrf_token, **(fields or {})}
        headers = {"Origin": origin(), "Sec-Fetch-Site": "same-origin"}
        headers |= options.pop("headers", {})
        return await self.post(path, data=data, headers=headers, **options)


def origin() -> str:
    return settings().public_url.rstrip("/")


def _base() -> str:
    return origin().replace("http://", "https://")


def new_address() -> str:
    """A client address of its own, so that limits by address do not count other tests."""
    return f"fd00::{secrets.token_hex(2)}:{secrets.token_hex(2)}:{secrets.token_hex(2)}"


@asynccontextmanager
async def portal_client(portal: Portal, *, address: str | None = None) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(portal, client=(address or new_address(), 50000))
    # httpx sends Secure cookies over https only.
    async with Browser(transport=transport, base_url=_base()) as browser:
        yield browser


async def sign_in(
    browser: Browser, tenant_slug: str, email: str, password: str = PASSWORD
) -> httpx.Response:
    """Sign in through the form, and remember the token that every later form needs."""
    answer = await browser.post_form(
        "/auth/sign-in",
        {"tenant": tenant_slug, "email": email, "password": password, "next": "/notifications"},
    )
    if answer.status_code == 303:
        page = await browser.get("/notifications")
        found = _CSRF.search(page.text)
        assert found is not None, page.text[:2000]
        browser.csrf_token = found.group(1)
    return answer


async def log_in(
    browser: httpx.AsyncClient, tenant_slug: str, email: str, password: str = PASSWORD
) -> dict[str, Any]:
    """A pair of tokens; from then on the client sends the access token."""
    answer = await browser.post(
        "/api/v1/auth/login",
        json={"tenant": tenant_slug, "email": email, "password": password},
    )
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    browser.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return tokens


@asynccontextmanager
async def api_client(
    portal: Portal, tenant_slug: str, email: str, password: str = PASSWORD
) -> AsyncIterator[Browser]:
    """A REST client that is signed in."""
    async with portal_client(portal) as client:
        await log_in(client, tenant_slug, email, password)
        yield client
