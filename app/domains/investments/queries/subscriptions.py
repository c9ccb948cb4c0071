"""Subscriptions and what they are worth today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domains.investments.calculations.accrual import accrual_days
from app.domains.investments.calculations.redemption import Holding
from app.domains.investments.calculations.worth import worth_of
from app.domains.investments.values import (
    AssetTotal,
    ProductKind,
    SubscriptionState,
    SubscriptionView,
)
from app.kernel.clock import day_began, local_date
from app.kernel.database import current, fetch
from app.kernel.errors import NotFound
from app.kernel.ledger.queries import balances
from app.kernel.money import ZERO

_SUBSCRIPTIONS = """
    SELECT s.*, c.name AS client_name, c.membership_id, c.rm_membership_id, p.name AS product_name,
      p.kind, p.asset, p.places, p.time_zone, n.nav_per_unit, n.as_of AS nav_at
    FROM subscription s JOIN client c ON c.id = s.client_id JOIN product p ON p.id = s.product_id
    LEFT JOIN LATERAL (SELECT nav_per_unit, as_of FROM published_nav
      WHERE product_id = p.id AND as_of <= $1 ORDER BY as_of DESC LIMIT 1) n ON true
"""


async def own_subscriptions() -> list[SubscriptionView]:
    """The current client's active subscriptions, the one that matures first on top."""
    unit = current()
    rows = await fetch(
        f"{_SUBSCRIPTIONS} WHERE c.membership_id = $2 AND s.state = 'active'"
        " ORDER BY s.matures_on, s.id",
        unit.now,
        unit.actor.id,
    )
    return await _views(rows)


async def own_subscription(*, subscription_id: UUID) -> SubscriptionView:
    """One of the current client's; raises `NotFound` for any other."""
    unit = current()
    rows = await fetch(
        f"{_SUBSCRIPTIONS} WHERE s.id = $2 AND c.membership_id = $3 AND s.state = 'active'",
        unit.now,
        subscription_id,
        unit.actor.id,
    )
    if not rows:
        raise NotFound
    return (await _views(rows))[0]


async def subscription(*, subscription_id: UUID) -> SubscriptionView:
    """One of `subscriptions`; raises `NotFound`."""
    found = await subscriptions(subscription_id=subscription_id, after=None, limit=1)
    if not found:
        raise NotFound
    return found[0]


async def subscriptions(
    *, subscription_id: UUID | None = None, after: UUID | None, limit: int
) -> list[SubscriptionView]:
    """For the API: a member's own, a relationship manager's clients', all for other staff."""
    unit = current()
    scoped = {"member": "c.membership_id = $2", "rm": "c.rm_membership_id = $2"}.get(
        unit.actor.role, "$2::uuid IS NOT NULL"
    )
    rows = await fetch(
        f"{_SUBSCRIPTIONS} WHERE {scoped} AND ($3::uuid IS NULL OR s.id > $3)"
        " AND ($5::uuid IS NULL OR s.id = $5) ORDER BY s.id LIMIT $4",
        unit.now,
        unit.actor.id,
        after,
        limit,
        subscription_id,
    )
    return await _views(rows)


async def subscriptions_of(
    *, client_ids: Sequence[UUID], states: Sequence[SubscriptionState] = ()
) -> list[SubscriptionView]:
    """What these clients hold, in those states if any are named; the caller knows whose they are."""
    rows = await fetch(
        f"{_SUBSCRIPTIONS} WHERE s.client_id = ANY($2)"
        " AND (cardinality($3::text[]) = 0 OR s.state = ANY($3)) ORDER BY s.matures_on, s.id",
        current().now,
        list(client_ids),
        [state.value for state in states],
    )
    return await _views(rows)


def totals_of(views: Iterable[SubscriptionView]) -> list[AssetTotal]:
    """Value and gain per asset: unlike things are never added up."""
    sums: dict[str, tuple[int, Decimal, Decimal]] = {}
    for view in views:
        places, value, gained = sums.get(view.asset, (view.places, ZERO, ZERO))
        sums[view.asset] = (max(places, view.places), value + view.value, gained + view.gained)
    return [
        AssetTotal(asset=asset, places=places, value=value, gained=gained)
        for asset, (places, value, gained) in sorted(sums.items())
    ]


async def _views(rows: Sequence[Any]) -> list[SubscriptionView]:
    accounts = [row[f"{kind}_account_id"] for row in rows for kind in ("free", "locked")]
    held = await balances(account_ids=accounts) if accounts else {}
    return [
        _view(row, held[row["free_account_id"]], held[row["locked_account_id"]]) for row in rows
    ]


def _view(row: Any, free: Decimal, locked: Decimal) -> SubscriptionView:
    """What is held counts units that an open request has locked: they are the client's until it is
    struck. `free_value` is what may still be asked for. Both before penalty and fee."""
    unit = current()
    kind = ProductKind(row["kind"])
    is_fixed = kind is ProductKind.fixed_yield
    nav = Decimal(1) if is_fixed else row["nav_per_unit"] or Decimal(1)
    # A fixed yield counts whole days, so that whoever reads it twice in a day reads the same.
    today = day_began(unit.now, row["time_zone"])
    nav_at = today if is_fixed else row["nav_at"] or today
    days = accrual_days(
        activated_on=row["activated_on"],
        matures_on=row["matures_on"],
        today=local_date(unit.now, row["time_zone"]),
    )
    held, of_free = (
        worth_of(
            units=units,
            holding=Holding(units=free + locked, principal=row["principal"]),
            kind=kind,
            apy=row["apy"],
            days=days,
            nav_per_unit=nav,
            places=row["places"],
        )
        for units in (free + locked, free)
    )
    return SubscriptionView(
        id=row["id"],
        product_id=row["product_id"],
        product_name=row["product_name"],
        product_kind=kind,
        client_id=row["client_id"],
        client_name=row["client_name"],
        asset=row["asset"],
        places=row["places"],
        term_months=row["term_months"],
        apy=row["apy"],
        principal=held.principal,
        units=free,
        units_locked=locked,
        accrued_yield=held.accrued_yield,
        value=held.value,
        gained=held.gained,
        free_value=of_free.value,
        nav_per_unit=nav,
        nav_at=nav_at,
        activated_on=row["activated_on"],
        matures_on=row["matures_on"],
        state=SubscriptionState(row["state"]),
    )
