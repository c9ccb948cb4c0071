"""What a redemption or a quote is computed from, and what that gives now."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.calculations.redemption import (
    Computed,
    Holding,
    Price,
    Terms,
    compute_redemption,
)
from app.domains.investments.queries.scope import redemption_scope
from app.domains.investments.values import ProductKind, Step
from app.kernel.clock import local_date
from app.kernel.database import current, fetch_row, fetch_value
from app.kernel.errors import NotFound

_TERMS = (
    "p.kind, p.asset, p.places, p.time_zone, p.name AS product_name, s.apy, s.penalty_rate,"
    " s.activated_on, s.matures_on, s.term_months"
)
_REDEMPTION = (
    f"SELECT r.*, {_TERMS} FROM redemption r JOIN client c ON c.id = r.client_id"
    " JOIN product p ON p.id = r.product_id JOIN subscription s ON s.id = r.subscription_id"
)
_QUOTE = (
    f"SELECT q.*, s.product_id, {_TERMS},"
    " (q.quoted_at AT TIME ZONE p.time_zone)::date AS requested_on FROM redemption_quote q"
    " JOIN subscription s ON s.id = q.subscription_id JOIN client c ON c.id = s.client_id"
    " JOIN product p ON p.id = s.product_id WHERE q.id = $1 AND c.membership_id = $2"
)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts as they were recorded, and what they were computed from: terms and NAV from where
    they are agreed and published; the holding of that moment, and the fee's rate, as they were kept
    with it. `path` is the address of its explanations, `back` that of its page."""

    row: Any
    path: str
    subject: str
    back: str
    steps: dict[str, Step]
    terms: Terms
    price: Price
    holding: Holding | None
    recomputed: Computed | None

    @property
    def is_fixed(self) -> bool:
        return self.terms.kind is ProductKind.fixed_yield

    def address(self, amount: str) -> str:
        return f"{self.path}?amount={amount}"


async def redemption_case(*, redemption_id: UUID) -> Case:
    """Raises `NotFound` for a redemption that the viewer may not see."""
    scope = await redemption_scope()
    row = await fetch_row(
        f"{_REDEMPTION} WHERE r.id = $3 AND {scope.condition}",
        scope.memberships,
        scope.states,
        redemption_id,
    )
    if row is None:
        raise NotFound
    return await _case(
        row,
        path=f"/explain/redemptions/{row['id']}",
        subject=f"Redemption {row['reference']}",
        back=f"/redemptions/{row['id']}",
    )


async def quote_case(*, quote_id: UUID) -> Case:
    """Raises `NotFound` for a quote that was not made to the viewer."""
    row = await fetch_row(_QUOTE, quote_id, current().actor.id)
    if row is None:
        raise NotFound
    return await _case(
        row,
        path=f"/explain/quotes/{row['id']}",
        subject=f"Quote for {row['product_name']}",
        back=f"/subscriptions/{row['subscription_id']}/redeem",
    )


async def _case(row: Any, *, path: str, subject: str, back: str) -> Case:
    steps = {step.label: step for step in msgspec.convert(row["steps"], list[Step], strict=False)}
    held = steps["Principal redeemed"].inputs
    rate = steps["Redemption fee"].inputs.get("rate")
    is_fixed = row["kind"] == ProductKind.fixed_yield
    nav = Decimal(1)
    if not is_fixed:
        # The NAV as it is on record, not as the redemption remembers it.
        nav = await fetch_value(
            "SELECT nav_per_unit FROM published_nav WHERE product_id = $1 AND as_of = $2",
            row["product_id"],
            row["nav_at"],
        )
    terms = Terms(
        kind=ProductKind(row["kind"]),
        apy=row["apy"],
        penalty_rate=row["penalty_rate"],
        redemption_fee_rate=Decimal(0) if rate is None else rate,
        activated_on=row["activated_on"],
        matures_on=row["matures_on"],
        places=row["places"],
    )
    price = Price(nav_per_unit=nav)
    holding = None
    if held and rate is not None:
        holding = Holding(units=held["units_held"], principal=held["principal_held"])
    recomputed = None
    if holding is not None:
        recomputed = compute_redemption(
            units=row["units"],
            holding=holding,
            terms=terms,
            price=price,
            requested_on=row["requested_on"],
            valued_on=local_date(row["nav_at"], row["time_zone"]),
        )
    return Case(
        row=row,
        path=path,
        subject=subject,
        back=back,
        steps=steps,
        terms=terms,
        price=price,
        holding=holding,
        recomputed=recomputed,
    )
