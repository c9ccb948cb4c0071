"""The people of a desk at the running portal, over real HTTP: their REST clients and browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from app.integrations.certificates import certificates
from app.kernel.crypto import digest_of
from app.kernel.ids import new_id
from app.web.authentication import SESSION_COOKIE, csrf_token_of
from tests.support.desk import Desk
from tests.support.passes import Pass, new_pass

API = "/api/v1"
REDEMPTIONS = f"{API}/investments/redemptions"
ANSWER_SECONDS_MAX = 60.0


class People:
    def __init__(self, desk: Desk, http: httpx.AsyncClient) -> None:
        self.desk = desk
        self._http = http
        self._passes: dict[str, Pass] = {}

    @classmethod
    @asynccontextmanager
    async def of(cls, desk: Desk, url: str) -> AsyncIterator[People]:
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=url, trust_env=False, timeout=ANSWER_SECONDS_MAX, limits=limits
        ) as http:
            yield cls(desk, http)

    @staticmethod
    async def is_ready(url: str) -> bool:
        async with httpx.AsyncClient(
            base_url=url, trust_env=False, timeout=5, verify=certificates()
        ) as http:
            try:
                return (await http.get("/health/ready")).is_success
            except httpx.HTTPError:
                return False

    async def sign_in(self, *logins: str) -> None:
        """Ahead of what is to be measured or disturbed."""
        for login in logins:
            if login not in self._passes:
                self._passes[login] = await new_pass(self.desk, login)

    async def token(self, login: str) -> str:
        await self.sign_in(login)
        return self._passes[login].token

    async def refresh(self, login: str) -> httpx.Response:
        """Trade the refresh token; from now on they show the new pair."""
        await self.sign_in(login)
        known = self._passes[login]
        answer = await self._http.post(f"{API}/auth/refresh", json={"refresh_token": known.refresh})
        if answer.is_success:
            pair = answer.json()
            self._passes[login] = replace(
                known, token=pair["access_token"], refresh=pair["refresh_token"]
            )
        return answer

    async def page(self, login: str, path: str) -> httpx.Response:
        """As the browser of `login` gets it; of nobody, where it is empty."""
        return await self._http.get(path, headers=await self._cookie(login))

    async def form(self, login: str, path: str, fields: dict[str, str]) -> httpx.Response:
        """A form of a page; its key is one of the fields."""
        cookie = await self._cookie(login)
        token = csrf_token_of(digest_of(self._passes[login].secret)) if login else ""
        return await self._http.post(
            path,
            data={"csrf_token": token, **fields},
            headers=cookie
            | {
                "Origin": str(self._http.base_url).rstrip("/"),
                "Sec-Fetch-Site": "same-origin",
            },
        )

    async def get(self, login: str, path: str) -> httpx.Response:
        await self.sign_in(login)
        return await self._http.get(path, headers=self.bearer(login))

    async def post(
        self, login: str, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """Over REST, under `key` or one of its own."""
        await self.sign_in(login)
        headers = self.bearer(login) | {"Idempotency-Key": key or new_id().hex}
        return await self._http.post(path, json=body, headers=headers)

    def bearer(self, login: str) -> dict[str, str]:
        """The header of somebody who has signed in."""
        return {"Authorization": f"Bearer {self._passes[login].token}"}

    async def _cookie(self, login: str) -> dict[str, str]:
        if not login:
            return {}
        await self.sign_in(login)
        return {"Cookie": f"{SESSION_COOKIE}={self._passes[login].secret}"}
