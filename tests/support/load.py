"""People at work against a running portal while something happens to it, and whether anything of
their work was lost.

    report = under_load(portal, lambda: restart(portal))
    report.assert_nothing_failed()
    assert_nothing_lost(portal, report)

Clients of REST and pages keep their connections open and never try again: one answer that is not
the expected one is a failure. Each person stays below the limit of what a person may ask in a minute.
"""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from app.embedded.demo_accounts import DEMO_PASSWORD
from tests.support.live_page import LivePage
from tests.support.portal import Portal

TENANT = "aurora"
LOGINS = ("member", "rm", "trader", "ops", "compliance")
PAGES = {
    "member": ["/holdings", "/redemptions"],
    "rm": ["/approvals", "/clients"],
    "trader": ["/settlement"],
    "ops": ["/operations", "/jobs"],
    "compliance": ["/audit"],
}
API_READS = {
    "member": ["/api/v1/investments/subscriptions", "/api/v1/me"],
    "rm": ["/api/v1/approvals"],
    "trader": ["/api/v1/investments/redemptions"],
    "ops": ["/api/v1/deadlines"],
    "compliance": ["/api/v1/ledger/accounts"],
}
# A person may ask 300 things a minute: two readers of each at this pace stay below it.
PAUSE_SECONDS = (0.2, 0.8)
SOCKETS_EACH = 4
UNITS = "2"
_TOPICS = re.compile(r'hx-ws:connect="/live\?topics=([^"]+)"')
_EVERY_OTHER_IS_CANCELLED = 2


@dataclass
class Report:
    """What was asked and answered. `cancelled` and `settling` are redemptions by what was last
    answered for them; `dark` the seconds of every time that a page had no socket."""

    reads: int = 0
    writes: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    settling: list[str] = field(default_factory=list)
    dark: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    sockets: int = 0
    action_seconds: float = 0.0

    def assert_nothing_failed(self) -> None:
        assert not self.failures, f"{len(self.failures)} failed: {self.failures[:5]}"

    @property
    def dark_seconds_max(self) -> float:
        return max(self.dark, default=0.0)

    def summary(self) -> str:
        """One line of figures, for docs and logs."""
        centiles = statistics.quantiles(self.seconds, n=100)
        return (
            f"{self.reads} reads and {self.writes} writes, {len(self.failures)} failed,"
            f" median {centiles[49] * 1000:.0f} ms, 99th percentile {centiles[98] * 1000:.0f} ms;"
            f" {self.sockets} sockets closed {sum(self.codes.values())} times,"
            f" dark for {self.dark_seconds_max:.2f} s at most;"
            f" the action took {self.action_seconds:.1f} s"
        )


class Person:
    """Signed in twice: by session for pages, by token for REST."""

    def __init__(self, url: str, login: str, report: Report) -> None:
        self.login = login
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=20)
        self._report = report
        self._token = ""
        self.cookie = ""

    async def sign_in(self) -> None:
        email = f"{self.login}@{TENANT}.example"
        who = {"tenant": TENANT, "email": email, "password": DEMO_PASSWORD}
        answer = await self._http.post("/api/v1/auth/login", json=who)
        self._token = answer.raise_for_status().json()["access_token"]
        # httpx keeps Secure cookies back from plain HTTP, where browsers send them on loopback.
        answer = await self._http.post(
            "/auth/sign-in", data=who, headers={"Origin": str(self._http.base_url).rstrip("/")}
        )
        assert answer.status_code == 303, answer.text[:500]
        self.cookie = answer.headers["set-cookie"].split(";", 1)[0]
        self._http.cookies.clear()

    async def close(self) -> None:
        await self._http.aclose()

    async def page(self, path: str) -> str:
        """The page's HTML, or nothing where it failed."""
        answer = await self._ask("GET", path, {"Cookie": self.cookie})
        self._report.reads += 1
        return answer.text if answer is not None else ""

    async def get(self, path: str) -> Any:
        """The data of a REST answer, or nothing where it failed."""
        answer = await self._ask("GET", path, self._bearer())
        self._report.reads += 1
        return answer.json().get("data") if answer is not None else None

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """The same for a write, under a key of its own."""
        headers = {**self._bearer(), "Idempotency-Key": uuid4().hex}
        answer = await self._ask("POST", f"/api/v1{path}", headers, json=body)
        self._report.writes += 1
        return answer.json()["data"] if answer is not None else None

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], **options: Any
    ) -> httpx.Response | None:
        began = time.monotonic()
        try:
            answer = await self._http.request(method, path, headers=headers, **options)
        except httpx.HTTPError as error:
            self._report.failures.append(f"{method} {path}: {type(error).__name__} {error}")
            return None
        self._report.seconds.append(time.monotonic() - began)
        if not answer.is_success:
            self._report.failures.append(f"{method} {path}: {answer.status_code} {answer.text}")
            return None
        return answer


class _Work:
    def __init__(self, portal: Portal, report: Report, *, sockets_each: int) -> None:
        self.report = report
        self._url = portal.url
        self._sockets_each = sockets_each
        self._people = {login: Person(self._url, login, report) for login in LOGINS}
        self._pages: list[LivePage] = []
        self._is_over = asyncio.Event()

    async def run(self, action: Callable[[], Any]) -> None:
        """Work, do `action` in a thread meanwhile, and work a moment longer."""
        for person in self._people.values():
            await person.sign_in()
        order = await self._what_to_ask()
        await self._open_pages()
        sockets = [asyncio.create_task(page.stay_open()) for page in self._pages]
        await asyncio.gather(*(page.opened.wait() for page in self._pages))
        workers = [
            *(self._read(self._people[login].page, PAGES[login]) for login in LOGINS),
            *(self._read(self._people[login].get, API_READS[login]) for login in LOGINS),
            self._redeem(order),
        ]
        tasks = [asyncio.create_task(work) for work in workers]
        try:
            await self._pause()
            began = time.monotonic()
            await asyncio.to_thread(action)
            self.report.action_seconds = time.monotonic() - began
            await asyncio.sleep(1)
        finally:
            self._is_over.set()
            await asyncio.gather(*tasks)
            for socket in sockets:
                socket.cancel()
            await asyncio.gather(*sockets, return_exceptions=True)
            for person in self._people.values():
                await person.close()
        self.report.sockets = len(self._pages)
        for page in self._pages:
            self.report.dark += page.dark
            self.report.codes += page.codes

    async def _what_to_ask(self) -> dict[str, str]:
        """A request for a little of a subscription that has a usable destination for its asset."""
        member = self._people["member"]
        products = {row["id"]: row for row in await member.get("/api/v1/investments/products")}
        destinations = await member.get("/api/v1/investments/destinations")
        usable = {row["asset"]: row["id"] for row in destinations if row["state"] == "usable"}
        for row in await member.get("/api/v1/investments/subscriptions"):
            asset = products[row["product_id"]]["asset"]
            if asset in usable and row["state"] == "active":
                return {
                    "subscription_id": row["id"],
                    "units": UNITS,
                    "destination_id": usable[asset],
                }
        raise AssertionError("the demo's member has nothing to redeem")

    async def _open_pages(self) -> None:
        for login in LOGINS:
            person = self._people[login]
            found = _TOPICS.search(await person.page(PAGES[login][0]))
            assert found is not None, f"{PAGES[login][0]} is not live"
            self._pages += [
                LivePage(url=self._url, topics=found.group(1), cookie=person.cookie)
                for _ in range(self._sockets_each)
            ]

    async def _read(self, ask: Callable[[str], Any], paths: Iterable[str]) -> None:
        paths = list(paths)
        while not self._is_over.is_set():
            await ask(random.choice(paths))
            await self._pause()

    async def _redeem(self, order: dict[str, str]) -> None:
        """Ask; then take it back, or have it approved and paid. An answer that failed ends its case."""
        count = 0
        while not self._is_over.is_set():
            count += 1
            asked = await self._people["member"].post("/investments/redemptions", order)
            if asked is not None:
                self.report.requested.append(asked["id"])
                if count % _EVERY_OTHER_IS_CANCELLED:
                    await self._settle(asked["id"])
                else:
                    await self._cancel(asked["id"])
            await self._pause()

    async def _cancel(self, redemption_id: str) -> None:
        if await self._step("member", redemption_id, "cancel") == "cancelled":
            self.report.cancelled.append(redemption_id)

    async def _settle(self, redemption_id: str) -> None:
        state = await self._step("rm", redemption_id, "approve", {"note": ""})
        if state == "pending_compliance":
            state = await self._step("compliance", redemption_id, "clear", {"note": ""})
        if state != "approved":
            return
        vault = await self._vault_for(redemption_id)
        body = {"source_account_id": vault}
        if vault and await self._step("trader", redemption_id, "ready", body):
            self.report.settling.append(redemption_id)

    async def _vault_for(self, redemption_id: str) -> str | None:
        trader = self._people["trader"]
        found = await trader.get(f"/api/v1/investments/redemptions/{redemption_id}")
        accounts = await trader.get("/api/v1/investments/accounts")
        if found is None or accounts is None:
            return None
        vault: str = next(
            row["id"]
            for row in accounts
            if row["product_id"] == found["product_id"] and row["kind"] == "staging_vault"
        )
        return vault

    async def _step(
        self, login: str, redemption_id: str, step: str, body: dict[str, Any] | None = None
    ) -> str | None:
        path = f"/investments/redemptions/{redemption_id}/{step}"
        moved = await self._people[login].post(path, body or {})
        return None if moved is None else str(moved["state"])

    @staticmethod
    async def _pause() -> None:
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))


def under_load(
    portal: Portal, action: Callable[[], Any], *, sockets_each: int = SOCKETS_EACH
) -> Report:
    """Have people work while `action` runs in a thread; it may take as long as it likes, up to the
    minute after which people reach their limits. Works beside Playwright's loop, too."""
    report = Report()
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(
            lambda: asyncio.run(_Work(portal, report, sockets_each=sockets_each).run(action))
        ).result()
    return report
