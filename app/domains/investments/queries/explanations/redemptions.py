"""What a redemption comes to, from what was redeemed to what is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.calculations.accrual import accrual_days
from app.domains.investments.calculations.penalty import remaining_days
from app.domains.investments.calculations.redemption import (
    Computed,
    Holding,
    Price,
    Terms,
    compute_redemption,
)
from app.domains.investments.queries.explanations.entries import entries_of_subject
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
    named,
    rounded_to,
)
from app.domains.investments.queries.scope import redemption_scope
from app.domains.investments.values import ProductKind, Step
from app.kernel.clock import local_date
from app.kernel.database import fetch_row, fetch_value
from app.kernel.errors import NotFound

_ROW = """
    SELECT r.*, p.kind, p.asset, p.places, p.time_zone, s.apy, s.penalty_rate, s.activated_on,
      s.matures_on, s.term_months
    FROM redemption r JOIN client c ON c.id = r.client_id JOIN product p ON p.id = r.product_id
    JOIN subscription s ON s.id = r.subscription_id
"""
# What is asked for → its step, its title, its formula in words.
_AMOUNTS = {
    "principal": (
        "principal_redeemed",
        "Principal redeemed",
        "Principal held × units redeemed ÷ units held",
    ),
    "yield": (
        "yield_accrued",
        "Yield accrued",
        "Principal redeemed × ((1 + annual yield) ^ (days ÷ 365) − 1)",
    ),
    "gross": ("gross", "Gross", ""),
    "penalty": (
        "early_exit_penalty",
        "Early exit penalty",
        "Principal redeemed × penalty rate × days left ÷ days of the term, at most gross − fee",
    ),
    "fee": ("redemption_fee", "Redemption fee", "Gross × fee rate"),
    "net": ("net", "Net", "Gross − early exit penalty − redemption fee"),
}
FIXED_ALONE = frozenset({"principal", "yield"})


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """The redemption with what it was computed from: terms and NAV from where they are agreed and
    published; the holding of that moment, and the fee's rate, as they were kept with it."""

    row: Any
    steps: dict[str, Step]
    terms: Terms
    price: Price
    holding: Holding | None
    recomputed: Computed | None

    def address(self, amount: str) -> str:
        return f"/explain/redemptions/{self.row['id']}?amount={amount}"


async def explain_redemption(*, redemption_id: UUID, amount: str = "net") -> Explanation:
    """One of principal, yield (both of a fixed yield alone), gross, penalty, fee, net.

    Raises `NotFound` for a redemption that the viewer may not see, and for any other amount.
    """
    scope = await redemption_scope()
    row = await fetch_row(
        f"{_ROW} WHERE r.id = $3 AND {scope.condition}",
        scope.memberships,
        scope.states,
        redemption_id,
    )
    if row is None:
        raise NotFound
    is_fixed = row["kind"] == ProductKind.fixed_yield
    named(amount, [name for name in _AMOUNTS if is_fixed or name not in FIXED_ALONE])
    case = await _case(row)
    column, title, words = _AMOUNTS[amount]
    step = case.steps[title]
    if amount == "gross":
        words = "Principal redeemed + yield accrued" if is_fixed else "Units × NAV per unit"
    is_sum = amount == "net" or (amount == "gross" and is_fixed)
    entries, entry_count = await entries_of_subject(kind="redemption", subject_id=row["id"])
    return Explanation(
        title=title,
        subject=f"Redemption {row['reference']}",
        back=f"/redemptions/{row['id']}",
        asset=row["asset"],
        places=row["places"],
        amount=row[column],
        recomputed=None if case.recomputed is None else getattr(case.recomputed, column),
        words=words,
        figures=step.formula,
        rounding=EXACT_SUM if is_sum else rounded_to(row["places"]),
        inputs=_INPUTS[amount](case),
        entries=entries,
        entry_count=entry_count,
    )


async def _case(row: Any) -> _Case:
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
    return _Case(
        row=row, steps=steps, terms=terms, price=price, holding=holding, recomputed=recomputed
    )


def _money(case: _Case, amount: str) -> Input:
    column, title, _ = _AMOUNTS[amount]
    return Input(
        label=title,
        value=case.row[column],
        unit=Unit.money,
        source="computed",
        explained_at=case.address(amount),
    )


def _redeemed(case: _Case) -> Input:
    """A fixed yield's principal has an explanation of its own; another's is an input."""
    if case.row["kind"] == ProductKind.fixed_yield:
        return _money(case, "principal")
    return Input(
        label="Principal redeemed",
        value=case.row["principal_redeemed"],
        unit=Unit.money,
        source="what was paid in for these units, less the entry fee",
    )


def _of_principal(case: _Case) -> list[Input]:
    units = Input(
        label="Units redeemed", value=case.row["units"], unit=Unit.units, source="the request"
    )
    if case.holding is None:
        return [units]
    source = "the ledger, when this was computed"
    return [
        Input(label="Principal held", value=case.holding.principal, unit=Unit.money, source=source),
        units,
        Input(label="Units held", value=case.holding.units, unit=Unit.units, source=source),
    ]


def _of_yield(case: _Case) -> list[Input]:
    row = case.row
    valued_on = local_date(row["nav_at"], row["time_zone"])
    days = accrual_days(
        activated_on=row["activated_on"], matures_on=row["matures_on"], today=valued_on
    )
    return [
        _money(case, "principal"),
        Input(
            label="Annual yield",
            value=row["apy"],
            unit=Unit.rate,
            source=f"the term of {row['term_months']} months, agreed on {row['activated_on']}",
        ),
        Input(
            label="Days",
            value=Decimal(days),
            unit=Unit.days,
            source=f"from {row['activated_on']} to {min(valued_on, row['matures_on'])}",
        ),
    ]


def _of_gross(case: _Case) -> list[Input]:
    if case.row["kind"] == ProductKind.fixed_yield:
        return [_money(case, "principal"), _money(case, "yield")]
    return [
        Input(label="Units", value=case.row["units"], unit=Unit.units, source="the request"),
        Input(
            label="NAV per unit",
            value=case.price.nav_per_unit,
            unit=Unit.per_unit,
            source=f"the NAV published for {case.row['nav_at']:%Y-%m-%d %H:%M} UTC",
        ),
    ]


def _of_penalty(case: _Case) -> list[Input]:
    row = case.row
    left = remaining_days(matures_on=row["matures_on"], requested_on=row["requested_on"])
    return [
        _redeemed(case),
        Input(
            label="Penalty rate",
            value=row["penalty_rate"],
            unit=Unit.rate,
            source=f"the term of {row['term_months']} months, agreed on {row['activated_on']}",
        ),
        Input(
            label="Days left",
            value=Decimal(min(left, case.terms.term_days)),
            unit=Unit.days,
            source=f"from the request on {row['requested_on']} to maturity on {row['matures_on']}",
        ),
        Input(
            label="Days of the term",
            value=Decimal(case.terms.term_days),
            unit=Unit.days,
            source=f"from {row['activated_on']} to {row['matures_on']}",
        ),
        _money(case, "gross"),
        _money(case, "fee"),
    ]


def _of_fee(case: _Case) -> list[Input]:
    rate = Input(
        label="Fee rate",
        value=case.terms.redemption_fee_rate,
        unit=Unit.rate,
        source="the product, when this was computed",
    )
    return [_money(case, "gross"), *([rate] if case.holding else [])]


def _of_net(case: _Case) -> list[Input]:
    return [_money(case, name) for name in ("gross", "penalty", "fee")]


_INPUTS = {
    "principal": _of_principal,
    "yield": _of_yield,
    "gross": _of_gross,
    "penalty": _of_penalty,
    "fee": _of_fee,
    "net": _of_net,
}
