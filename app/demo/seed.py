"""Load the demo tenants, once; later starts find them and change nothing."""

from __future__ import annotations

import os
from datetime import datetime
from uuid import UUID

import asyncpg
import httpx

from app.demo.aurora import open_aurora
from app.demo.people import AURORA, Person
from app.domains.identity.public import (
    add_membership,
    create_account,
    link_identity,
    permissions_of,
)
from app.domains.investments.public import custody_accounts, record_prices
from app.embedded.demo_accounts import DEMO_PASSWORD, DEMO_TENANTS
from app.integrations.prices import prices
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import current, fetch_value, start_pool, stop_pool, unit_of_work
from app.kernel.money import plain
from app.kernel.tenancy.operations import provision_tenant
from app.registry import load
from app.settings import Environment, Settings, settings

AURORA_SLUG = "aurora"
# What the sandbox's network takes for a payout; the products set a little more aside.
NETWORK_FEE = "1.80"


class SeedRefused(Exception):
    """The demo's people have a password that everybody knows: they are not for production."""


async def seed() -> None:
    """Make the demo tenants where they are not there yet: all of a tenant or nothing of it.

    Raises `SeedRefused` in production, before anything is opened.
    """
    given = settings()
    if given.environment is Environment.production:
        raise SeedRefused("the demo's data is not for production (ENVIRONMENT is production)")
    load()
    await start_pool(given.database_url, size=2)
    try:
        tenant_id = await _provision()
        async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
            if await fetch_value("SELECT 1 FROM membership LIMIT 1"):
                return
            people = await _make_people(given.oidc_issuer)
            await open_aurora(tenant_id=tenant_id, people=people, now=_now())
            await _fund_sandbox(given)
            await _read_prices()
    finally:
        await stop_pool()


def _now() -> datetime:
    return current().now


async def _provision() -> UUID:
    owner = await asyncpg.connect(os.environ["DATABASE_OWNER_URL"])
    try:
        return await provision_tenant(
            owner,
            slug=AURORA_SLUG,
            name=DEMO_TENANTS[AURORA_SLUG][0],
            kind="investment_manager",
            time_zone="Asia/Hong_Kong",
            locale="en_GB",
        )
    finally:
        await owner.close()


async def _make_people(issuer: str) -> dict[str, Actor]:
    people = {}
    for person in AURORA:
        people[person.login] = await _make(person, issuer)
    return people


async def _make(person: Person, issuer: str) -> Actor:
    account_id = await create_account(
        email=f"{person.login}@{AURORA_SLUG}.example", name=person.name, password=DEMO_PASSWORD
    )
    await link_identity(
        account_id=account_id, issuer=issuer, subject=f"{AURORA_SLUG}-{person.login}"
    )
    membership_id = await add_membership(account_id=account_id, role=person.role)
    return Actor(
        id=membership_id,
        name=person.name,
        role=person.role.value,
        permissions=permissions_of(person.role),
    )


async def _fund_sandbox(given: Settings) -> None:
    """The sandbox's vaults hold what the ledger says they hold."""
    async with httpx.AsyncClient(base_url=given.custody_url, trust_env=False) as http:
        for account in await custody_accounts():
            answer = await http.post(
                "/control/vaults",
                json={
                    "reference": await _reference(account.id),
                    "asset": account.asset,
                    "balance": plain(account.expected),
                    "network_fee": NETWORK_FEE,
                },
            )
            answer.raise_for_status()


async def _read_prices() -> None:
    """So that the first request needs no compliance for want of a price."""
    service = prices()
    if service is not None:
        assets = {account.asset for account in await custody_accounts()}
        found = await service.usd_prices(assets=sorted(assets))
        await record_prices(prices=[(one.asset, one.usd, one.as_of) for one in found])


async def _reference(custody_account_id: UUID) -> str:
    reference: str = await fetch_value(
        "SELECT reference FROM custody_account WHERE id = $1", custody_account_id
    )
    return reference
