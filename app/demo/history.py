"""Live through a plan: every step by the real operation, as the person who takes it, at its time.

A day is a transaction; then whoever had to be told is told. Between steps the marks of deadlines
fire when they stand. What may not be done again, such as a payout, is done by the job that does it
every day, with `custodian.py` in the custodian's place.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from app.demo.custodian import PastCustodian
from app.demo.plan import Calendar, Client, Deposit, Nav, Plan
from app.demo.requesting import Requesting
from app.domains.identity.public import Role, add_membership, create_account, permissions_of
from app.domains.investments.public import (
    CustodyKind,
    DestinationKind,
    accrue_yields,
    add_destination,
    confirm_deposit,
    custody_accounts,
    fund_custody_account,
    open_client,
    open_product,
    open_subscription,
    publish_nav,
)
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import acting, fetch, unit_of_work
from app.kernel.deadlines.firing import fire_marks_of_past
from app.kernel.jobs.past import react_to_past
from app.kernel.notifications import mark_all_read

DAY = timedelta(days=1)
Step = Callable[..., Awaitable[None]]


class History:
    """What has come of the plan so far: ids by the plan's keys."""

    def __init__(
        self,
        tenant_id: UUID,
        people: Mapping[str, Actor],
        plan: Plan,
        custodian: PastCustodian,
        *,
        grown: Callable[[], Awaitable[None]],
    ) -> None:
        self.tenant_id = tenant_id
        self.people = dict(people)
        self.plan = plan
        self.calendar = Calendar(plan.now)
        self.products: dict[str, UUID] = {}
        self.staging: dict[str, UUID] = {}
        self.clients: dict[str, UUID] = {}
        self.destinations: dict[tuple[str, str], UUID] = {}
        self.deposits: dict[str, UUID] = {}
        self.subscriptions: dict[str, UUID] = {}
        # Called whenever there is about twice as much as at the last call.
        self._grown = grown
        self._due: list[tuple[datetime, int, Step, tuple[Any, ...]]] = []
        self._number = count()
        self.requesting = Requesting(self, custodian)

    def at(self, when: datetime, step: Step, *args: Any) -> None:
        """Take this step then; one that would be in the future is not taken."""
        if when <= self.plan.now:
            heapq.heappush(self._due, (when, next(self._number), step, args))

    async def live(self) -> None:
        """From the first day to `now`. Each day commits before the next begins."""
        self._schedule()
        for day in range(self.plan.days + 1):
            end = self.plan.now - (self.plan.days - day) * DAY
            if day.bit_count() == 1:
                await self._grown()
            async with unit_of_work(tenant=self.tenant_id, actor=SYSTEM, at=end):
                await self._until(end)
            async with unit_of_work(tenant=self.tenant_id, actor=SYSTEM, at=end):
                await react_to_past()
                # What the last day brought is still to be read.
                if end < self.plan.now:
                    await self._read_notifications(end)

    async def _until(self, end: datetime) -> None:
        while self._due and self._due[0][0] <= end:
            when, _, step, args = heapq.heappop(self._due)
            await fire_marks_of_past(until=when)
            await step(when, *args)
        await fire_marks_of_past(until=end)

    def _schedule(self) -> None:
        plan, calendar = self.plan, self.calendar
        self.at(calendar.at(plan.days, 8), self._open_products)
        for client in plan.clients:
            self.at(client.opened_at, self._open_client, client)
        for deposit in plan.deposits:
            self.at(deposit.confirmed_at, self._confirm, deposit)
            self.at(deposit.issued_at, self._issue, deposit)
        for nav in plan.navs:
            self.at(nav.published_at, self._publish, nav)
        for days_ago in range(plan.days - 1, -1, -1):
            self.at(calendar.at(days_ago, 0, 5), self._accrue)
        for request in plan.requests:
            self.at(request.requested_at, self.requesting.ask, request)

    async def _open_products(self, now: datetime) -> None:
        with acting(actor=self.people["ops"], at=now):
            for product in self.plan.products:
                product_id = await open_product(spec=product.spec)
                self.products[product.name] = product_id
                accounts = await custody_accounts(product_id=product_id)
                for account, amount in zip(accounts, product.sponsor_funds, strict=True):
                    if account.kind is CustodyKind.staging_vault:
                        self.staging[product.name] = account.id
                    await fund_custody_account(
                        custody_account_id=account.id,
                        amount=amount,
                        reference=f"opening of {account.id}",
                    )

    async def _open_client(self, now: datetime, client: Client) -> None:
        if client.login is None:
            await self._make_member(now, client)
        with acting(actor=self.people["ops"], at=now):
            self.clients[client.key] = await open_client(
                membership_id=_id(self.people[client.key]),
                rm_membership_id=_id(self.people[client.manager]),
                name=client.name,
                tier=client.tier,
                kyc_expires_at=client.kyc_expires_at,
            )
        with acting(actor=self.people[client.key], at=now):
            for destination in client.destinations:
                self.destinations[client.key, destination.asset] = await add_destination(
                    label=destination.label,
                    kind=DestinationKind.wallet,
                    asset=destination.asset,
                    network=destination.network,
                    address=destination.address,
                )

    async def _make_member(self, now: datetime, client: Client) -> None:
        """An account without a password: nobody signs in to it."""
        with acting(actor=self.people["admin"], at=now):
            account_id = await create_account(email=client.email, name=client.name)
            membership_id = await add_membership(account_id=account_id, role=Role.member)
        self.people[client.key] = Actor(
            id=membership_id,
            name=client.name,
            role=Role.member.value,
            permissions=permissions_of(Role.member),
        )

    async def _confirm(self, now: datetime, deposit: Deposit) -> None:
        with acting(actor=self.people["ops"], at=now):
            self.deposits[deposit.key] = await confirm_deposit(
                client_id=self.clients[deposit.client],
                staging_account_id=self.staging[deposit.product],
                amount=deposit.amount,
                transaction_reference=f"demo-{deposit.key}",
            )

    async def _issue(self, now: datetime, deposit: Deposit) -> None:
        with acting(actor=self.people["ops"], at=now):
            self.subscriptions[deposit.key] = await open_subscription(
                deposit_id=self.deposits[deposit.key], term_months=deposit.months
            )

    async def _publish(self, now: datetime, nav: Nav) -> None:
        with acting(actor=self.people["ops"], at=now):
            await publish_nav(
                product_id=self.products[nav.product],
                nav_per_unit=nav.nav_per_unit,
                as_of=nav.as_of,
            )

    async def _accrue(self, now: datetime) -> None:
        """As the portal does, five minutes into the day."""
        with acting(actor=SYSTEM, at=now):
            for product in self.plan.products:
                if not product.has_nav:
                    await accrue_yields(product_id=self.products[product.name])

    async def _read_notifications(self, now: datetime) -> None:
        """Everybody reads at the end of the day what it brought."""
        rows = await fetch("SELECT DISTINCT recipient_id FROM notification WHERE read_at IS NULL")
        unread = {row["recipient_id"] for row in rows}
        for person in list(self.people.values()):
            if person.id in unread:
                with acting(actor=person, at=now):
                    await mark_all_read()


def _id(actor: Actor) -> UUID:
    assert actor.id is not None, "demo people are members"
    return actor.id
