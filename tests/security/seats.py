"""People of a desk at their browsers and REST clients, signed in without a password's cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from app.kernel.crypto import digest_of
from app.kernel.ids import new_id
from app.web.authentication import SESSION_COOKIE, csrf_token_of
from app.web.shell import Portal
from tests.support.client import Browser, portal_client
from tests.support.desk import Desk
from tests.support.passes import new_pass

API = "/api/v1"


class Seat:
    """One person: `browser` carries the session's cookie, `rest` an access token."""

    def __init__(self, name: str, browser: Browser, rest: Browser) -> None:
        self.name = name
        self.browser = browser
        self.rest = rest
        self.secret = ""

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """A page or its REST twin, as whoever sits here asks for it: with everything in order."""
        if not path.startswith(API):
            if method == "GET":
                return await self.browser.get(path)
            fields = {"idempotency_key": key or new_id().hex, **(body or {})}
            return await self.browser.post_form(path, fields)
        headers = {"Idempotency-Key": key or new_id().hex}
        return await self.rest.request(method, path, json=body, headers=headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.ask("GET", path)

    async def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        return await self.ask("POST", path, body, key=key)


class Seats:
    """Opens a seat where one is first asked for; `nobody` is signed in nowhere."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._stack = AsyncExitStack()
        self._opened: dict[tuple[str, str], Seat] = {}

    async def of(self, desk: Desk, login: str) -> Seat:
        found = self._opened.get((desk.slug, login))
        if found is None:
            found = self._opened[desk.slug, login] = await self.fresh(desk, login)
        return found

    async def all_of(self, desk: Desk) -> dict[str, Seat]:
        return {login: await self.of(desk, login) for login in desk.people}

    async def nobody(self) -> Seat:
        return await self._seat("nobody")

    async def fresh(self, desk: Desk, login: str) -> Seat:
        """Signed in once more: another session of the same person."""
        seat = await self._seat(f"{login} of {desk.slug[:8]}")
        shown = await new_pass(desk, login)
        seat.secret = shown.secret
        seat.browser.cookies.set(SESSION_COOKIE, shown.secret)
        seat.browser.csrf_token = csrf_token_of(digest_of(shown.secret))
        seat.rest.headers["Authorization"] = f"Bearer {shown.token}"
        return seat

    async def _seat(self, name: str) -> Seat:
        browser = await self._stack.enter_async_context(portal_client(self._portal))
        rest = await self._stack.enter_async_context(portal_client(self._portal))
        return Seat(name, browser, rest)

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def open_seats(portal: Portal) -> AsyncIterator[Seats]:
    seats = Seats(portal)
    try:
        yield seats
    finally:
        await seats.close()
