"""A tenant with one product of each kind, its people, and a client with a subscription to each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from app.domains.identity.public import Role, add_membership, create_account, permissions_of
from app.domains.investments.public import (
    ClientTier,
    CustodyKind,
    CustodySpec,
    DestinationKind,
    ProductKind,
    ProductSpec,
    ProductTerm,
    TierLimit,
    add_destination,
    confirm_deposit,
    custody_accounts,
    fund_custody_account,
    open_client,
    open_product,
    open_subscription,
    publish_nav,
    record_prices,
)
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import execute, fetch_value, unit_of_work
from app.registry import load

PASSWORD = "Correct-horse-1"
KYC_SPAN = timedelta(days=365)
# Far above what a test redeems, unless it is about limits.
LIMITS = tuple(
    TierLimit(tier=tier, single=Decimal(500_000) * factor, daily=Decimal(1_000_000) * factor)
    for tier, factor in zip(ClientTier, (1, 2, 4), strict=True)
)

YIELD = ProductSpec(
    name="Yield",
    kind=ProductKind.fixed_yield,
    asset="USDT",
    places=2,
    network="ethereum",
    time_zone="UTC",
    cutoff=time(16),
    minimum=Decimal(1000),
    maximum=Decimal(1_000_000),
    redemption_fee_rate=Decimal("0.001"),
    entry_fee_rate=Decimal(0),
    network_fee=Decimal("2.50"),
    terms=(ProductTerm(months=6, apy=Decimal("0.08"), penalty_rate=Decimal("0.02")),),
    custody=(
        CustodySpec(kind=CustodyKind.staging_vault, name="Staging vault", reference="staging"),
        CustodySpec(kind=CustodyKind.investment_vault, name="Vault", reference="vault"),
    ),
    limits=LIMITS,
)
GROWTH = ProductSpec(
    name="Growth",
    kind=ProductKind.nav_units,
    asset="USDC",
    places=2,
    network="ethereum",
    time_zone="UTC",
    cutoff=time(16),
    minimum=Decimal(1000),
    maximum=Decimal(1_000_000),
    redemption_fee_rate=Decimal("0.002"),
    entry_fee_rate=Decimal("0.01"),
    network_fee=Decimal("2.50"),
    terms=(ProductTerm(months=12, apy=Decimal("0.1"), penalty_rate=Decimal("0.025")),),
    custody=(
        CustodySpec(kind=CustodyKind.staging_vault, name="Staging vault", reference="g-staging"),
    ),
    limits=LIMITS,
)


@dataclass
class Desk:
    """`people` by login; the ids are of `member`'s things unless named otherwise."""

    tenant_id: UUID
    slug: str
    people: dict[str, Actor] = field(default_factory=dict)
    clients: dict[str, UUID] = field(default_factory=dict)
    products: dict[str, UUID] = field(default_factory=dict)
    staging: dict[str, UUID] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    subscriptions: dict[tuple[str, str], UUID] = field(default_factory=dict)
    destinations: dict[tuple[str, str], UUID] = field(default_factory=dict)

    def email(self, login: str) -> str:
        return f"{login}@{self.slug}.example"

    def working(self, login: str) -> object:
        """A unit of work as this person."""
        return unit_of_work(tenant=self.tenant_id, actor=self.people[login])


_PEOPLE = {
    "member": Role.member,
    "member2": Role.member,
    "rm": Role.rm,
    "rm2": Role.rm,
    "trader": Role.trader,
    "trader2": Role.trader,
    "ops": Role.operations,
    "compliance": Role.compliance,
    "admin": Role.admin,
}


async def open_desk(
    *,
    tenant_id: UUID,
    slug: str,
    deposit: Decimal = Decimal("50000.00"),
    password: bool = False,
    **changes: object,
) -> Desk:
    """Everything committed. Deposits were made now; destinations are usable at once.

    `changes` are made to the specification of both products.
    """
    load()
    desk = Desk(tenant_id=tenant_id, slug=slug)
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        for login, role in _PEOPLE.items():
            account_id = await create_account(
                email=desk.email(login),
                name=login.capitalize(),
                password=PASSWORD if password else None,
            )
            desk.people[login] = Actor(
                id=await add_membership(account_id=account_id, role=role),
                name=login.capitalize(),
                role=role.value,
                permissions=permissions_of(role),
            )
    operations = desk.people["ops"]
    async with unit_of_work(tenant=tenant_id, actor=operations) as unit:
        await price(USDT="1.00", USDC="1.00")
        for key, spec in (("yield", YIELD), ("growth", GROWTH)):
            await _open_product(desk, key, spec, changes)
        await publish_nav(
            product_id=desk.products["growth"], nav_per_unit=Decimal("1.05263158"), as_of=unit.now
        )
        for login, manager in (("member", "rm"), ("member2", "rm2")):
            client_id = await open_client(
                membership_id=_id(desk.people[login]),
                rm_membership_id=_id(desk.people[manager]),
                name=desk.people[login].name,
                kyc_expires_at=unit.now + KYC_SPAN,
            )
            desk.clients[login] = client_id
            for key, months in (("yield", 6), ("growth", 12)):
                deposit_id = await confirm_deposit(
                    client_id=client_id,
                    staging_account_id=desk.staging[key],
                    amount=deposit,
                    transaction_reference=f"{login}-{key}-{uuid4()}",
                )
                desk.subscriptions[login, key] = await open_subscription(
                    deposit_id=deposit_id, term_months=months
                )
    await _add_destinations(desk)
    return desk


async def _open_product(
    desk: Desk, key: str, spec: ProductSpec, changes: dict[str, object]
) -> None:
    # The custodian's references are the sandbox's for all tenants: each test has its own.
    custody = tuple(
        CustodySpec(kind=item.kind, name=item.name, reference=f"{item.reference}-{uuid4()}")
        for item in spec.custody
    )
    values = {name: getattr(spec, name) for name in ProductSpec.__struct_fields__}
    product_id = await open_product(spec=ProductSpec(**(values | {"custody": custody} | changes)))
    desk.products[key] = product_id
    desk.references[key] = custody[0].reference
    for account in await custody_accounts(product_id=product_id):
        if account.kind is CustodyKind.staging_vault:
            desk.staging[key] = account.id
            await fund_custody_account(
                custody_account_id=account.id,
                amount=Decimal("200000.00"),
                reference=f"opening {account.id}",
            )


async def _add_destinations(desk: Desk) -> None:
    for login in ("member", "member2"):
        for key, asset in (("yield", "USDT"), ("growth", "USDC")):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[login]):
                destination_id = await add_destination(
                    label="Wallet",
                    kind=DestinationKind.wallet,
                    asset=asset,
                    network="ethereum",
                    address=f"0x{uuid4().hex}{uuid4().hex[:8]}",
                )
                desk.destinations[login, key] = destination_id
                await execute(
                    "UPDATE destination SET usable_from = app_now() WHERE id = $1", destination_id
                )


async def price(**usd: str) -> None:
    """What each asset is worth from now on, in the current unit of work."""
    await record_prices(
        prices=[(asset, Decimal(value), datetime.now(UTC)) for asset, value in usd.items()],
        source="The desk",
    )


async def balance_of(desk: Desk, account_id: UUID) -> Decimal:
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM, read_only=True):
        found: Decimal = await fetch_value(
            "SELECT coalesce(sum(amount), 0) FROM ledger_posting WHERE account_id = $1", account_id
        )
        return found


def standing_in(actor: Actor, **changes: object) -> Actor:
    """The same person with something changed."""
    values = {name: getattr(actor, name) for name in Actor.__struct_fields__}
    return Actor(**(values | changes))


def _id(actor: Actor) -> UUID:
    assert actor.id is not None
    return actor.id


__all__ = ["GROWTH", "PASSWORD", "YIELD", "Desk", "balance_of", "open_desk", "price", "standing_in"]
