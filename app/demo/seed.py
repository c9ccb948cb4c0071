"""Load the demo tenants, once; later starts find them and change nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from uuid import UUID

import asyncpg
import httpx

from app.demo.custodian import PastCustodian
from app.demo.history import History
from app.demo.people import AURORA, Person
from app.demo.plan import Plan
from app.demo.products import ALL, DemoProduct
from app.demo.scales import SEED, SIZES, make_plan
from app.domains.identity.public import (
    add_membership,
    create_account,
    link_identity,
    permissions_of,
)
from app.domains.investments.public import custody_accounts, record_prices
from app.embedded.demo_accounts import DEMO_PASSWORD, DEMO_TENANTS
from app.integrations.custody import close_custody, use_custody
from app.integrations.custody.sandbox_values import Holding
from app.integrations.prices import prices
from app.kernel import audit
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import current, fetch_value, start_pool, stop_pool, unit_of_work
from app.kernel.money import plain
from app.kernel.tenancy.operations import provision_tenant
from app.registry import load
from app.settings import Environment, Settings, settings

AURORA_SLUG = "aurora"
# What the trail says of a load: one that began and was not completed was cut short.
_BEGUN = "demo.load_begun"
_COMPLETED = "demo.load_completed"


class SeedRefused(Exception):
    """The demo's data is not loaded here; the message says what to do."""


async def seed() -> None:
    """Make the demo tenants where they are not there yet, as large as the setting says.

    Raises `SeedRefused` in production, before anything is opened (everybody knows the password), and
    where an earlier load was cut short: its days are committed, and nothing is ever deleted.
    """
    given = settings()
    if given.environment is Environment.production:
        raise SeedRefused("the demo's data is not for production (ENVIRONMENT is production)")
    load()
    await start_pool(given.database_url, size=2)
    try:
        await _seed_aurora(given)
    finally:
        await stop_pool()


async def _seed_aurora(given: Settings) -> None:
    tenant_id = await _provision()
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM) as unit:
        if await _is_there():
            return
        await _note(_BEGUN)
        people = await _make_people(given.oidc_issuer)
        await read_prices(SIZES[given.demo_scale].products)
        now = unit.now
    plan = make_plan(SIZES[given.demo_scale], now=now)
    await live_through(tenant_id, people, plan, custody_url=given.custody_url)
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        await _note(_COMPLETED)


async def _is_there() -> bool:
    if not await fetch_value("SELECT 1 FROM membership LIMIT 1"):
        return False
    # A demo that is older than these notes has neither.
    begun, completed = [
        await fetch_value("SELECT 1 FROM audit_record WHERE action = $1", action)
        for action in (_BEGUN, _COMPLETED)
    ]
    if begun and not completed:
        raise SeedRefused(
            "loading the demo's data was cut short; `make reset` forgets it, then start again"
        )
    return True


async def _note(action: str) -> None:
    tenant = current().tenant
    await audit.record(action=action, subject_kind="tenant", subject_id=tenant)


async def live_through(
    tenant_id: UUID, people: dict[str, Actor], plan: Plan, *, custody_url: str
) -> History:
    """Make what the plan says, in the ledger and at the custodian's sandbox."""
    custodian = PastCustodian(
        fees={product.spec.asset: product.payout_fee for product in ALL},
        random=Random(f"{SEED} custodian"),
    )
    history = History(tenant_id, people, plan, custodian, grown=count_rows)
    use_custody(custodian)
    try:
        await history.live()
    finally:
        await close_custody()
    async with (
        unit_of_work(tenant=tenant_id, actor=SYSTEM, read_only=True),
        httpx.AsyncClient(base_url=custody_url, trust_env=False) as http,
    ):
        await custodian.hand_over(http, await _holdings(custodian))
    await count_rows()
    return history


async def _holdings(custodian: PastCustodian) -> list[Holding]:
    """The sandbox's vaults hold what the ledger says they hold, less what is on its way."""
    fees = {product.spec.asset: product.payout_fee for product in ALL}
    holdings = []
    for account in await custody_accounts():
        reference: str = await fetch_value(
            "SELECT reference FROM custody_account WHERE id = $1", account.id
        )
        holdings.append(
            Holding(
                reference=reference,
                asset=account.asset,
                balance=plain(account.expected - custodian.on_its_way(reference)),
                network_fee=plain(fees[account.asset]),
            )
        )
    return holdings


@asynccontextmanager
async def _owner() -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(os.environ["DATABASE_OWNER_URL"])
    try:
        yield connection
    finally:
        await connection.close()


async def count_rows() -> None:
    """Let the database count what its tables hold. It does so by itself once a minute; until then it
    plans for empty tables, and a year of entries would go by at a fifth of the speed."""
    async with _owner() as owner:
        tables = await owner.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class"
            " WHERE relkind = 'r' AND relowner = current_user::regrole"
        )
        await owner.execute("ANALYZE " + ", ".join(table["name"] for table in tables))


async def _provision() -> UUID:
    async with _owner() as owner:
        return await provision_tenant(
            owner,
            slug=AURORA_SLUG,
            name=DEMO_TENANTS[AURORA_SLUG][0],
            kind="investment_manager",
            time_zone="Asia/Hong_Kong",
            locale="en_GB",
        )


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


async def read_prices(products: tuple[DemoProduct, ...]) -> None:
    """Before anything is asked for, so that no request needs compliance for want of a price."""
    service = prices()
    if service is not None:
        found = await service.usd_prices(assets=sorted(one.spec.asset for one in products))
        await record_prices(
            prices=[(one.asset, one.usd, one.as_of) for one in found], source=service.source
        )
