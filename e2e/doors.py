"""What no page offers and a journey needs: business time, the custodian's mood, a published NAV."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from app.domains.investments.public import publish_nav
from app.embedded.demo_accounts import DEMO_PASSWORD
from app.kernel.actors import SYSTEM
from app.kernel.database import start_pool, stop_pool, unit_of_work
from app.registry import load
from e2e.pages.sign_in import TENANT
from tests.support.portal import Portal


class _Administrator(httpx.Auth):
    """Signs in at first, and again once the token has run out: a journey may be a long one."""

    requires_response_body = True

    def __init__(self, base: str) -> None:
        self._base = base
        self._token = "none-yet"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401:
            who = {
                "tenant": TENANT,
                "email": f"admin@{TENANT}.example",
                "password": DEMO_PASSWORD,
            }
            tokens = yield httpx.Request("POST", f"{self._base}/auth/login", json=who)
            self._token = tokens.raise_for_status().json()["access_token"]
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


class Doors:
    """The portal's REST interface as its administrator, and its sandbox's own door."""

    def __init__(self, portal: Portal) -> None:
        self._database_url = portal.environment["DATABASE_URL"]
        self._custody_url = portal.environment["CUSTODY_URL"]
        base = f"{portal.url}/api/v1"
        self._http = httpx.Client(base_url=base, auth=_Administrator(base), trust_env=False)

    def close(self) -> None:
        self._http.close()

    def pass_hours(self, hours: int) -> None:
        """Business time moves for everybody, and never back."""
        self._http.post("/demo/clock", json={"advance_seconds": hours * 3600}).raise_for_status()

    def next_payout(self, outcome: str) -> None:
        """How the custodian treats the next withdrawal it is asked for."""
        httpx.post(
            f"{self._custody_url}/control/next",
            json={"outcome": outcome, "count": 1, "match": {}},
            trust_env=False,
        ).raise_for_status()

    def move_nav(self, product: str, *, by: Decimal) -> None:
        """Publish a NAV of the product that is further from its last by this part of it."""
        products = self._data("/investments/products")
        found = next(row for row in products if row["name"] == product)
        product_id = UUID(found["id"])
        moved = (Decimal(found["nav_per_unit"]) * (1 + by)).quantize(Decimal("0.00000001"))
        tenant_id = UUID(self._data("/me")["tenant"]["id"])

        async def publish() -> None:
            load()
            await start_pool(self._database_url, size=1)
            try:
                async with unit_of_work(tenant=tenant_id, actor=SYSTEM) as unit:
                    await publish_nav(product_id=product_id, nav_per_unit=moved, as_of=unit.now)
            finally:
                await stop_pool()

        # In a thread of its own: Playwright's event loop runs in this one.
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(lambda: asyncio.run(publish())).result()

    def _data(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()["data"]
