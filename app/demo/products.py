"""What Aurora Digital Assets offers: two products of each kind, each in an asset of its own."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

import msgspec

from app.domains.investments.public import (
    ClientTier,
    CustodyKind,
    CustodySpec,
    ProductKind,
    ProductSpec,
    ProductTerm,
    TierLimit,
)

ZONE = "Asia/Hong_Kong"
CUTOFF = time(16)


class DemoProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product, and what its clients are like.

    `sponsor_funds` lie in staging vault, investment vault and venue from the first day. `sizes` are
    an everyday deposit and a large one. `payout_fee` is what the custodian's network takes.
    """

    spec: ProductSpec
    sponsor_funds: tuple[Decimal, Decimal, Decimal]
    payout_fee: Decimal
    sizes: tuple[Decimal, Decimal]
    step: Decimal  # deposits are multiples of it

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def has_nav(self) -> bool:
        return self.spec.kind is ProductKind.nav_units


def _terms(*terms: tuple[int, str, str]) -> tuple[ProductTerm, ...]:
    return tuple(
        ProductTerm(months=months, apy=Decimal(apy), penalty_rate=Decimal(penalty))
        for months, apy, penalty in terms
    )


def _limits(largest: int) -> tuple[TierLimit, ...]:
    """A standard client can redeem the largest subscription there is in one request."""
    return tuple(
        TierLimit(tier=tier, single=largest * Decimal(single), daily=largest * Decimal(daily))
        for tier, single, daily in (
            (ClientTier.standard, "1", "1.5"),
            (ClientTier.premier, "2.5", "5"),
            (ClientTier.institutional, "10", "20"),
        )
    )


def _custody(book: str, venue: str, venue_reference: str) -> tuple[CustodySpec, ...]:
    return (
        CustodySpec(
            kind=CustodyKind.staging_vault,
            name="Staging vault",
            reference=f"aurora-{book}-staging",
        ),
        CustodySpec(
            kind=CustodyKind.investment_vault,
            name="Investment vault",
            reference=f"aurora-{book}-investment",
        ),
        CustodySpec(
            kind=CustodyKind.venue, name=venue, reference=f"aurora-{book}-{venue_reference}"
        ),
    )


YIELD = DemoProduct(
    spec=ProductSpec(
        name="Aurora Yield USDT",
        kind=ProductKind.fixed_yield,
        asset="USDT",
        places=2,
        network="ethereum",
        time_zone=ZONE,
        cutoff=CUTOFF,
        minimum=Decimal(1000),
        maximum=Decimal(1_000_000),
        redemption_fee_rate=Decimal("0.001"),
        entry_fee_rate=Decimal(0),
        network_fee=Decimal("2.50"),
        terms=_terms((3, "0.055", "0.01"), (6, "0.068", "0.02"), (12, "0.081", "0.03")),
        custody=_custody("yield", "Venue A, sub-account 3", "venue-a"),
        limits=_limits(1_000_000),
    ),
    sponsor_funds=(Decimal("310500.00"), Decimal("1240118.20"), Decimal("2004900.75")),
    payout_fee=Decimal("1.80"),
    sizes=(Decimal(28_000), Decimal(780_000)),
    step=Decimal(500),
)
GROWTH = DemoProduct(
    spec=ProductSpec(
        name="Aurora NAV Growth",
        kind=ProductKind.nav_units,
        asset="USDC",
        places=2,
        network="ethereum",
        time_zone=ZONE,
        cutoff=CUTOFF,
        minimum=Decimal(1000),
        maximum=Decimal(1_000_000),
        redemption_fee_rate=Decimal("0.002"),
        entry_fee_rate=Decimal("0.01"),
        network_fee=Decimal("2.50"),
        terms=_terms((6, "0.09", "0.015"), (12, "0.11", "0.025")),
        custody=_custody("growth", "Venue B, main account", "venue-b"),
        limits=_limits(1_000_000),
    ),
    sponsor_funds=(Decimal("310500.00"), Decimal("1240118.20"), Decimal("2004900.75")),
    payout_fee=Decimal("1.80"),
    sizes=(Decimal(34_000), Decimal(720_000)),
    step=Decimal(500),
)
ETHER = DemoProduct(
    spec=ProductSpec(
        name="Aurora Ether Income",
        kind=ProductKind.fixed_yield,
        asset="ETH",
        places=6,
        network="ethereum",
        time_zone=ZONE,
        cutoff=CUTOFF,
        minimum=Decimal(1),
        maximum=Decimal(300),
        redemption_fee_rate=Decimal("0.0015"),
        entry_fee_rate=Decimal(0),
        network_fee=Decimal("0.0015"),
        terms=_terms((3, "0.031", "0.01"), (6, "0.038", "0.0175"), (12, "0.046", "0.025")),
        custody=_custody("ether", "Venue C, staking account", "venue-c"),
        limits=_limits(300),
    ),
    sponsor_funds=(Decimal("150"), Decimal("420.5"), Decimal("612.25")),
    payout_fee=Decimal("0.0011"),
    sizes=(Decimal(9), Decimal(220)),
    step=Decimal("0.5"),
)
BITCOIN = DemoProduct(
    spec=ProductSpec(
        name="Aurora Bitcoin Basis",
        kind=ProductKind.nav_units,
        asset="BTC",
        places=8,
        network="bitcoin",
        time_zone=ZONE,
        cutoff=CUTOFF,
        minimum=Decimal("0.05"),
        maximum=Decimal(15),
        redemption_fee_rate=Decimal("0.0025"),
        entry_fee_rate=Decimal("0.0075"),
        network_fee=Decimal("0.00012"),
        terms=_terms((6, "0.045", "0.0125"), (12, "0.06", "0.02")),
        custody=_custody("bitcoin", "Venue D, futures account", "venue-d"),
        limits=_limits(15),
    ),
    sponsor_funds=(Decimal("12"), Decimal("38.75"), Decimal("54.4")),
    payout_fee=Decimal("0.00007"),
    sizes=(Decimal("0.6"), Decimal(11)),
    step=Decimal("0.05"),
)
ALL = (YIELD, GROWTH, ETHER, BITCOIN)
