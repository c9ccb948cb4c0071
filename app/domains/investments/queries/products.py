"""Products, their NAV, and the custody accounts of their risk units."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.domains.investments.calculations.difference import custody_difference
from app.domains.investments.values import (
    ClientTier,
    CustodyAccountView,
    CustodyKind,
    NavPoint,
    ProductKind,
    ProductName,
    ProductState,
    ProductTerm,
    ProductView,
    TierLimit,
)
from app.kernel.database import current, fetch, fetch_value
from app.kernel.errors import NotFound
from app.kernel.ledger.queries import balances
from app.kernel.money import ZERO


async def products(
    *, product_id: UUID | None = None, after: UUID | None = None, limit: int | None = None
) -> list[ProductView]:
    """Every product with its terms and latest NAV, by name; or the one named, or `NotFound`.

    `after` is the last one of the page before.
    """
    rows = await fetch(
        "SELECT p.*, n.nav_per_unit, n.as_of FROM product p LEFT JOIN LATERAL ("
        "  SELECT nav_per_unit, as_of FROM published_nav WHERE product_id = p.id AND as_of <= $2"
        "  ORDER BY as_of DESC LIMIT 1) n ON true"
        " WHERE ($1::uuid IS NULL OR p.id = $1) AND ($3::uuid IS NULL OR (p.name, p.id) >"
        "  (SELECT name, id FROM product WHERE id = $3))"
        " ORDER BY p.name, p.id LIMIT $4",
        product_id,
        current().now,
        after,
        limit,
    )
    if product_id is not None and not rows:
        raise NotFound
    terms = await fetch(
        "SELECT * FROM product_term WHERE product_id = ANY($1) ORDER BY months",
        [row["id"] for row in rows],
    )
    limits = await fetch(
        "SELECT * FROM product_limit WHERE product_id = ANY($1) ORDER BY single, daily, tier",
        [row["id"] for row in rows],
    )
    return [
        _product(
            row,
            [term for term in terms if term["product_id"] == row["id"]],
            [limit for limit in limits if limit["product_id"] == row["id"]],
        )
        for row in rows
    ]


def _product(row: Any, terms: list[Any], limits: list[Any]) -> ProductView:
    return ProductView(
        id=row["id"],
        name=row["name"],
        kind=ProductKind(row["kind"]),
        asset=row["asset"],
        places=row["places"],
        state=ProductState(row["state"]),
        time_zone=row["time_zone"],
        cutoff=row["cutoff"].strftime("%H:%M"),
        minimum=row["minimum"],
        maximum=row["maximum"],
        redemption_fee_rate=row["redemption_fee_rate"],
        entry_fee_rate=row["entry_fee_rate"],
        terms=[
            ProductTerm(months=term["months"], apy=term["apy"], penalty_rate=term["penalty_rate"])
            for term in terms
        ],
        limits=[
            TierLimit(tier=ClientTier(limit["tier"]), single=limit["single"], daily=limit["daily"])
            for limit in limits
        ],
        nav_per_unit=row["nav_per_unit"],
        nav_at=row["as_of"],
    )


async def product_names() -> list[ProductName]:
    """Every product: what a filter offers."""
    rows = await fetch("SELECT id, name FROM product ORDER BY name, id")
    return [ProductName(id=row["id"], name=row["name"]) for row in rows]


async def nav_history(
    *,
    product_id: UUID,
    since: datetime | None,
    until: datetime | None,
    after: datetime | None = None,
    limit: int = 2000,
) -> list[NavPoint]:
    """Published NAVs, oldest first; raises `NotFound` for a product that is not there.

    `after` is the instant of the last one of the page before: a product has one NAV an instant.
    """
    if not await fetch_value("SELECT 1 FROM product WHERE id = $1", product_id):
        raise NotFound
    rows = await fetch(
        "SELECT nav_per_unit, as_of FROM published_nav WHERE product_id = $1"
        " AND ($2::timestamptz IS NULL OR as_of >= $2)"
        " AND ($3::timestamptz IS NULL OR as_of <= $3)"
        " AND ($4::timestamptz IS NULL OR as_of > $4) ORDER BY as_of LIMIT $5",
        product_id,
        since,
        until,
        after,
        limit,
    )
    return [NavPoint(nav_per_unit=row["nav_per_unit"], as_of=row["as_of"]) for row in rows]


# By product, then from the vault that pays to what is furthest from it.
_ACCOUNT_ORDER = (
    "p.name, array_position(ARRAY['staging_vault', 'investment_vault', 'venue'], a.kind),"
    " a.name, a.id"
)


async def custody_accounts(
    *, product_id: UUID | None = None, after: UUID | None = None, limit: int | None = None
) -> list[CustodyAccountView]:
    """Vaults and venues: what the custodian last said, and what the ledger expects.

    `after` is the last one of the page before.

    `reserved` is set aside for payouts; `free` is what a payout may still take, which leaves out
    deposits that have no units yet.
    """
    rows = await fetch(
        "SELECT a.*, p.name AS product_name, p.places, coalesce(f.reserved, 0) AS in_flight,"
        " extract(epoch FROM clock_timestamp() - a.read_at)::int AS age_seconds"
        " FROM custody_account a JOIN product p ON p.id = a.product_id"
        " LEFT JOIN (SELECT source_account_id, sum(reserved) AS reserved FROM redemption"
        "  WHERE state = 'in_transit' GROUP BY source_account_id) f ON f.source_account_id = a.id"
        " WHERE ($1::uuid IS NULL OR a.product_id = $1)"
        f" AND ($2::uuid IS NULL OR ({_ACCOUNT_ORDER}) > (SELECT {_ACCOUNT_ORDER}"
        "  FROM custody_account a JOIN product p ON p.id = a.product_id WHERE a.id = $2))"
        f" ORDER BY {_ACCOUNT_ORDER} LIMIT $3",
        product_id,
        after,
        limit,
    )
    kinds = ("available", "reserved", "unallocated")
    wanted = [
        row[f"{kind}_account_id"] for row in rows for kind in kinds if row[f"{kind}_account_id"]
    ]
    held = await balances(account_ids=wanted) if wanted else {}
    views = []
    for row in rows:
        available, reserved, unallocated = (
            held.get(row[f"{kind}_account_id"], ZERO) for kind in kinds
        )
        balance, expected = row["balance"], available + reserved + unallocated
        views.append(
            CustodyAccountView(
                id=row["id"],
                product_id=row["product_id"],
                product_name=row["product_name"],
                kind=CustodyKind(row["kind"]),
                name=row["name"],
                asset=row["asset"],
                places=row["places"],
                balance=balance,
                read_at=row["read_at"],
                age_seconds=row["age_seconds"],
                expected=expected,
                reserved=reserved,
                free=available,
                in_flight=row["in_flight"],
                difference=None
                if balance is None
                else custody_difference(
                    balance=balance, expected=expected, in_flight=row["in_flight"]
                ),
            )
        )
    return views
