"""Things of the running demo in the states that steps ask for, made over REST by those who may: of
`member`, whose relationship manager is `rm`.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from app.domains.identity.public import Role, add_membership, create_account
from app.kernel.actors import SYSTEM
from app.kernel.database import (
    current,
    execute,
    fetch,
    start_pool,
    stop_pool,
    unit_of_work,
)
from app.kernel.ids import new_id
from app.kernel.jobs import enqueue
from app.kernel.notifications import keep_for_digest
from app.registry import load
from e2e.doors import Doors
from e2e.pages.sign_in import TENANT
from e2e.rest.people import People
from tests.support.portal import Portal

_PAYOUT_SECONDS = 20


class Things:
    """`ids` are real ones, by the parameter or field that takes them."""

    def __init__(self, people: People, portal: Portal, doors: Doors) -> None:
        self.people = people
        self._portal = portal
        self._doors = doors
        self.products = {row["id"]: row for row in people.get("member", "/investments/products")}
        self.subscriptions = people.get("member", "/investments/subscriptions")
        self.destinations = people.get("member", "/investments/destinations")
        self.accounts = people.get("ops", "/investments/accounts")
        self.ids: dict[str, list[Any]] = defaultdict(list)
        # What a schema cannot say, and is refused by a rule of the field otherwise.
        self.ids |= {
            "note": ["Said so"],
            "units": ["1", "0.5"],
            "fraction": ["0.001"],
            "kind": ["wallet", "bank"],
            "asset": sorted({product["asset"] for product in self.products.values()}),
            "network": ["ethereum"],
            "permissions": [["redemption:approve"]],
        }

    def asked(self, kind: str = "") -> dict[str, str]:
        """A request for a little of a subscription that has a destination for its asset."""
        usable = {row["asset"]: row["id"] for row in self.destinations if row["state"] == "usable"}
        for row in self.subscriptions:
            product = self.products[row["product_id"]]
            if product["asset"] in usable and kind in ("", product["kind"]):
                return {
                    "subscription_id": row["id"],
                    "units": "20",
                    "destination_id": usable[product["asset"]],
                }
        raise AssertionError("the demo's member has nothing to redeem")

    def redemption(self, state: str = "pending_approval", kind: str = "") -> str:
        asked = self.people.post("member", "/investments/redemptions", self.asked(kind))
        redemption: str = asked["id"]
        self.ids["redemption_id"].append(redemption)
        if state != "pending_approval":
            self._decide(redemption, until=state)
        if state == "on_hold":
            self._step("compliance", redemption, "hold", {"note": "Sanctions hit"})
        return redemption

    def _decide(self, redemption: str, *, until: str) -> None:
        """The manager approves, and compliance clears what it is asked about."""
        state = self._step("rm", redemption, "approve", {"note": ""})
        if state == "pending_compliance" and until != "pending_compliance":
            self._step("compliance", redemption, "clear", {"note": ""})

    def awaiting_client(self) -> str:
        asked = self.redemption(kind="nav_units")
        row = next(
            row
            for row in self.subscriptions
            if row["id"] == self.asked("nav_units")["subscription_id"]
        )
        self._doors.move_nav(self.products[row["product_id"]]["name"], by=Decimal("0.02"))
        self._decide(asked, until="awaiting_client")
        return asked

    def payout_failed(self) -> str:
        redemption = self.redemption("approved")
        self._doors.next_payout("refuse")
        source = self.vault_for(redemption)
        self._step("trader", redemption, "ready", {"source_account_id": source})
        until = time.monotonic() + _PAYOUT_SECONDS
        while time.monotonic() < until:
            found = self.people.get("ops", f"/investments/redemptions/{redemption}")
            if found["state"] == "payout_failed":
                return redemption
            time.sleep(0.1)
        raise AssertionError("the custodian did not refuse the payout in time")

    def payout_clock(self, redemption: str) -> dict[str, str]:
        found = self.people.get("ops", f"/investments/redemptions/{redemption}")
        clock: dict[str, str] = next(row for row in found["deadlines"] if row["kind"] == "payout")
        return clock

    def _step(self, login: str, redemption: str, step: str, body: dict[str, Any]) -> str:
        moved = self.people.post(login, f"/investments/redemptions/{redemption}/{step}", body)
        state: str = moved["state"]
        return state

    def vault_for(self, redemption: str) -> str:
        found = self.people.get("ops", f"/investments/redemptions/{redemption}")
        return self.vault_of(found["product_id"])

    def vault_of(self, product_id: str) -> str:
        vault: str = next(
            row["id"]
            for row in self.accounts
            if row["product_id"] == product_id and row["kind"] == "staging_vault"
        )
        return vault

    def day(self, *, days: int) -> str:
        """So many days from the portal's today."""
        found = self.people.http.get(
            "/me", headers={"Authorization": f"Bearer {self.people.tokens['member']}"}
        )
        now = datetime.fromisoformat(found.json()["meta"]["timestamp"])
        return (now.date() + timedelta(days=days)).isoformat()

    def dead_job(self) -> str:
        """No person can break a job: it is put there as though it had failed for good."""

        async def put() -> str:
            job = await enqueue(kind="yield.accrue", payload={"product_id": str(new_id())})
            await execute(
                "UPDATE job SET state = 'dead', finished_at = now(), failures = 8,"
                " last_error = 'It broke' WHERE id = $1",
                job,
            )
            return str(job)

        return self._as_the_portal(put)

    def bystander(self) -> str:
        """Somebody whose role and access nobody needs: people are not added over REST."""

        async def add() -> str:
            account = await create_account(email=f"{uuid4()}@{TENANT}.example", name="Bystander")
            return str(await add_membership(account_id=account, role=Role.rm))

        return self._as_the_portal(add)

    def digest(self) -> str:
        """Told to `rm` as though the evening had come: of one event, told with another."""
        manager = UUID(self.people.get("rm", "/me")["user"]["id"])

        async def put() -> str:
            events = await fetch("SELECT id FROM outbox_event ORDER BY id DESC LIMIT 2")
            line, digest = (row["id"] for row in events)
            await keep_for_digest(
                recipients=[manager],
                event_id=line,
                text="A deposit",
                link="/clients",
                happened_at=current().now,
            )
            await execute(
                "UPDATE notification_digest_line SET digest_event_id = $1"
                " WHERE event_id = $2 AND recipient_id = $3",
                digest,
                line,
                manager,
            )
            return str(digest)

        return self._as_the_portal(put)

    def _as_the_portal(self, work: Callable[[], Awaitable[str]]) -> str:
        tenant_id = self.people.get("admin", "/me")["tenant"]["id"]

        async def run() -> str:
            load()
            await start_pool(self._portal.environment["DATABASE_URL"], size=1)
            try:
                async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
                    return await work()
            finally:
                await stop_pool()

        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(lambda: asyncio.run(run())).result()
