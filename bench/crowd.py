"""A tenant with as many clients as a benchmark wants, each with two holdings and a session.

Made by the operations that make real ones; only the password is left out, because proving a thousand of
them takes longer than the benchmark.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec

from app.domains.identity.operations.session_open import open_session
from app.domains.identity.public import Role, add_membership, create_account, permissions_of
from app.domains.identity.values import SignInMethod
from app.domains.investments.public import (
    DestinationKind,
    add_destination,
    confirm_deposit,
    open_client,
    open_subscription,
)
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import execute, start_pool, stop_pool, unit_of_work
from bench.stage import Stage
from tests.support.database import TestTenant
from tests.support.desk import KYC_SPAN, YIELD, Desk, open_desk

DEPOSIT = Decimal("50000.00")
TOGETHER = 25


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """A client who is signed in: `secret` is their session cookie."""

    membership_id: UUID
    name: str
    session_id: UUID
    secret: str
    subscription_id: UUID
    destination_id: UUID | None


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: UUID
    visitors: list[Visitor]

    @property
    def secrets(self) -> list[str]:
        return [visitor.secret for visitor in self.visitors]


def gather(stage: Stage, *, count: int, payable: bool = False) -> Crowd:
    """`payable`: each has a destination that can be used, for the first of the two holdings."""
    return asyncio.run(_gathered(stage.urls.app, stage.add_tenant(), count, payable))


async def _gathered(url: str, tenant: TestTenant, count: int, payable: bool) -> Crowd:
    await start_pool(url, size=4)
    try:
        return await crowd_of(tenant, count=count, payable=payable)
    finally:
        await stop_pool()


async def crowd_of(tenant: TestTenant, *, count: int, payable: bool = False) -> Crowd:
    """In a tenant that has nothing yet; the pool is open."""
    desk = await open_desk(tenant_id=tenant.id, slug=tenant.slug)
    visitors: list[Visitor] = []
    for start in range(0, count, TOGETHER):
        numbers = range(start, min(start + TOGETHER, count))
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            visitors += [await _visitor(desk, number, payable) for number in numbers]
    return Crowd(tenant_id=tenant.id, visitors=visitors)


async def _visitor(desk: Desk, number: int, payable: bool) -> Visitor:
    name = f"Visitor {number}"
    account_id = await create_account(email=desk.email(f"visitor{number}"), name=name)
    membership_id = await add_membership(account_id=account_id, role=Role.member)
    person = Actor(
        id=membership_id,
        name=name,
        role=Role.member.value,
        permissions=permissions_of(Role.member),
        request_id="bench",
        address="127.0.0.1",
    )
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]) as unit:
        client_id = await open_client(
            membership_id=membership_id,
            rm_membership_id=_id(desk.people["rm"]),
            name=name,
            kyc_expires_at=unit.now + KYC_SPAN,
        )
        held = []
        for key, months in (("yield", 6), ("growth", 12)):
            deposit_id = await confirm_deposit(
                client_id=client_id,
                staging_account_id=desk.staging[key],
                amount=DEPOSIT,
                transaction_reference=f"{name} {key}",
            )
            held.append(await open_subscription(deposit_id=deposit_id, term_months=months))
    async with unit_of_work(tenant=desk.tenant_id, actor=person):
        session = await open_session(
            membership_id=membership_id, method=SignInMethod.password, user_agent="bench"
        )
        destination_id = await _destination() if payable else None
    return Visitor(
        membership_id=membership_id,
        name=name,
        session_id=session.id,
        secret=session.secret,
        subscription_id=held[0],
        destination_id=destination_id,
    )


async def _destination() -> UUID:
    """As if its day of waiting were over."""
    found = await add_destination(
        label="Wallet",
        kind=DestinationKind.wallet,
        asset=YIELD.asset,
        network=YIELD.network,
        address=f"0x{uuid4().hex}{uuid4().hex[:8]}",
    )
    await execute("UPDATE destination SET usable_from = app_now() WHERE id = $1", found)
    return found


def _id(actor: Actor) -> UUID:
    assert actor.id is not None, "people have ids"
    return actor.id
