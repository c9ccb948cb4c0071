"""Aurora Digital Assets: two products, two clients, their subscriptions and a NAV a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from app.domains.investments.public import (
    ClientTier,
    CustodyKind,
    CustodySpec,
    DestinationKind,
    ProductKind,
    ProductSpec,
    ProductTerm,
    TierLimit,
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
from app.kernel.actors import Actor
from app.kernel.database import unit_of_work
from app.kernel.money import plain

HISTORY_DAYS = 60
# A standard client can redeem the largest subscription there is in one request.
LIMITS = (
    TierLimit(tier=ClientTier.standard, single=Decimal(1_000_000), daily=Decimal(1_500_000)),
    TierLimit(tier=ClientTier.premier, single=Decimal(2_500_000), daily=Decimal(5_000_000)),
    TierLimit(tier=ClientTier.institutional, single=Decimal(10_000_000), daily=Decimal(20_000_000)),
)
# login: relationship manager, tier, days from now on that their KYC is still good for.
CLIENTS = {
    "member": ("rm", ClientTier.premier, 300),
    "member2": ("rm2", ClientTier.standard, 21),
}
YIELD = ProductSpec(
    name="Aurora Yield USDT",
    kind=ProductKind.fixed_yield,
    asset="USDT",
    places=2,
    network="ethereum",
    time_zone="Asia/Hong_Kong",
    cutoff=time(16),
    minimum=Decimal(1000),
    maximum=Decimal(1_000_000),
    redemption_fee_rate=Decimal("0.001"),
    entry_fee_rate=Decimal(0),
    network_fee=Decimal("2.50"),
    terms=(
        ProductTerm(months=3, apy=Decimal("0.055"), penalty_rate=Decimal("0.01")),
        ProductTerm(months=6, apy=Decimal("0.068"), penalty_rate=Decimal("0.02")),
        ProductTerm(months=12, apy=Decimal("0.081"), penalty_rate=Decimal("0.03")),
    ),
    custody=(
        CustodySpec(
            kind=CustodyKind.staging_vault, name="Staging vault", reference="aurora-yield-staging"
        ),
        CustodySpec(
            kind=CustodyKind.investment_vault,
            name="Investment vault",
            reference="aurora-yield-investment",
        ),
        CustodySpec(
            kind=CustodyKind.venue, name="Venue A, sub-account 3", reference="aurora-yield-venue-a"
        ),
    ),
    limits=LIMITS,
)
GROWTH = ProductSpec(
    name="Aurora NAV Growth",
    kind=ProductKind.nav_units,
    asset="USDC",
    places=2,
    network="ethereum",
    time_zone="Asia/Hong_Kong",
    cutoff=time(16),
    minimum=Decimal(1000),
    maximum=Decimal(1_000_000),
    redemption_fee_rate=Decimal("0.002"),
    entry_fee_rate=Decimal("0.01"),
    network_fee=Decimal("2.50"),
    terms=(
        ProductTerm(months=6, apy=Decimal("0.09"), penalty_rate=Decimal("0.015")),
        ProductTerm(months=12, apy=Decimal("0.11"), penalty_rate=Decimal("0.025")),
    ),
    custody=(
        CustodySpec(
            kind=CustodyKind.staging_vault, name="Staging vault", reference="aurora-growth-staging"
        ),
        CustodySpec(
            kind=CustodyKind.investment_vault,
            name="Investment vault",
            reference="aurora-growth-investment",
        ),
        CustodySpec(
            kind=CustodyKind.venue, name="Venue B, main account", reference="aurora-growth-venue-b"
        ),
    ),
    limits=LIMITS,
)
SPONSOR_FUNDS: Mapping[CustodyKind, Decimal] = {
    CustodyKind.staging_vault: Decimal("310500.00"),
    CustodyKind.investment_vault: Decimal("1240118.20"),
    CustodyKind.venue: Decimal("2004900.75"),
}
# login, product, deposit, months, days ago
SUBSCRIPTIONS = (
    ("member", YIELD.name, Decimal("48500.00"), 6, 58),
    ("member", YIELD.name, Decimal("120000.00"), 12, 41),
    ("member", GROWTH.name, Decimal("75000.00"), 12, 50),
    ("member2", YIELD.name, Decimal("26000.00"), 3, 33),
    ("member2", GROWTH.name, Decimal("40000.00"), 6, 20),
)
DESTINATIONS = (
    ("member", "Ledger wallet", "USDT", "0x71C7656EC7ab88b098defB751B7401B5f6d8976F"),
    ("member", "Ledger wallet", "USDC", "0x71C7656EC7ab88b098defB751B7401B5f6d8976F"),
    ("member2", "Cold wallet", "USDT", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B"),
    ("member2", "Cold wallet", "USDC", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B"),
)
# How the unit of NAV Growth moved, in ten-thousandths a day: up and down, and up on the whole.
_DAILY_MOVES = (14, -6, 9, 3, -11, 17, 5, -4, 8, -2, 12, -9, 6, 10, -5, 2, 7, -8, 15, 1)


async def open_aurora(*, tenant_id: UUID, people: Mapping[str, Actor], now: datetime) -> None:
    """Make everything of Aurora that ends at `now`. Runs in a single transaction a day."""
    first = now - timedelta(days=HISTORY_DAYS)
    operations = people["ops"]
    async with unit_of_work(tenant=tenant_id, actor=operations, at=first):
        product_ids = {spec.name: await open_product(spec=spec) for spec in (YIELD, GROWTH)}
        await publish_nav(product_id=product_ids[GROWTH.name], nav_per_unit=Decimal(1), as_of=first)
        for account in await custody_accounts():
            await fund_custody_account(
                custody_account_id=account.id,
                amount=SPONSOR_FUNDS[account.kind],
                reference=f"opening of {account.id}",
            )
    async with unit_of_work(tenant=tenant_id, actor=operations, at=first):
        clients = {
            login: await open_client(
                membership_id=_id(people[login]),
                rm_membership_id=_id(people[manager]),
                name=people[login].name,
                kyc_expires_at=now + timedelta(days=days),
                tier=tier,
            )
            for login, (manager, tier, days) in CLIENTS.items()
        }
    for login, label, asset, address in DESTINATIONS:
        async with unit_of_work(tenant=tenant_id, actor=people[login], at=first):
            await add_destination(
                label=label,
                kind=DestinationKind.wallet,
                asset=asset,
                network="ethereum",
                address=address,
            )
    await _live_through(tenant_id, operations, product_ids, clients, now)


async def _live_through(
    tenant_id: UUID,
    operations: Actor,
    product_ids: Mapping[str, UUID],
    clients: Mapping[str, UUID],
    now: datetime,
) -> None:
    """Day by day: the NAV, the deposits that become units, the accrual."""
    nav = Decimal(1)
    for days_ago in range(HISTORY_DAYS - 1, -1, -1):
        today = now - timedelta(days=days_ago)
        move = Decimal(_DAILY_MOVES[days_ago % len(_DAILY_MOVES)])
        nav = (nav * (1 + move / 10_000)).quantize(Decimal("0.00000001"))
        async with unit_of_work(tenant=tenant_id, actor=operations, at=today):
            await publish_nav(product_id=product_ids[GROWTH.name], nav_per_unit=nav, as_of=today)
            for number, (login, product, amount, months, opened) in enumerate(SUBSCRIPTIONS):
                if opened != days_ago:
                    continue
                deposit_id = await confirm_deposit(
                    client_id=clients[login],
                    staging_account_id=await _staging(product_ids[product]),
                    amount=amount,
                    transaction_reference=f"demo-{number + 1}-{plain(amount)}",
                )
                await open_subscription(deposit_id=deposit_id, term_months=months)
            await accrue_yields(product_id=product_ids[YIELD.name])


async def _staging(product_id: UUID) -> UUID:
    accounts = await custody_accounts(product_id=product_id)
    return next(account.id for account in accounts if account.kind is CustodyKind.staging_vault)


def _id(actor: Actor) -> UUID:
    assert actor.id is not None, "demo people are members"
    return actor.id
