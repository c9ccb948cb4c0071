"""What a subscription is worth today, what it has yielded, and how many units its deposit became."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.calculations.accrual import accrual_days, yield_accrued
from app.domains.investments.calculations.issue import UNIT_PLACES, issue_units
from app.domains.investments.calculations.redemption import Holding, principal_of
from app.domains.investments.queries.explanations.entries import entries_of_subject, entries_on
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
    named,
    rounded_to,
)
from app.domains.investments.queries.subscriptions import subscription
from app.domains.investments.values import ProductKind, SubscriptionView
from app.kernel.clock import local_date
from app.kernel.database import current, fetch, fetch_row, fetch_value
from app.kernel.money import EXACT, ZERO, plain, round_half_even

AMOUNTS = ("value", "yield", "gained", "principal", "units")
FIXED_ALONE = frozenset({"yield"})


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """The subscription as pages show it, and what it comes from: its deposit, the entry that
    issued its units, what was struck since, and the postings on its own accounts."""

    view: SubscriptionView
    row: Any
    deposited: Decimal
    entry_fee: Decimal
    issued: Decimal
    nav_at_issue: Decimal
    free: Decimal
    held: Decimal
    principal_held: Decimal
    nav_now: Decimal
    days: int

    @property
    def is_fixed(self) -> bool:
        return self.view.product_kind is ProductKind.fixed_yield

    def address(self, amount: str) -> str:
        return f"/explain/holdings/{self.view.id}?amount={amount}"

    def principal(self) -> Decimal:
        """Of the free units."""
        if not self.held or not self.free:
            return round_half_even(ZERO, places=self.view.places)
        holding = Holding(units=self.held, principal=self.principal_held)
        return principal_of(units=self.free, holding=holding, places=self.view.places)

    def yielded(self) -> Decimal:
        return yield_accrued(
            principal=self.principal(),
            apy=self.row["apy"],
            days=self.days,
            places=self.view.places,
        )

    def value(self) -> Decimal:
        if self.is_fixed:
            return self.principal() + self.yielded()
        exact = EXACT.multiply(self.free, self.nav_now)
        return round_half_even(exact, places=self.view.places)


async def explain_holding(*, subscription_id: UUID, amount: str = "value") -> Explanation:
    """One of value, yield (of a fixed yield alone), gained, principal (each of the free units,
    today), and units (those that the deposit became).

    Raises `NotFound` for a subscription that the viewer may not see, and for any other amount.
    """
    view = await subscription(subscription_id=subscription_id)
    case = await _case(view)
    named(amount, [name for name in AMOUNTS if case.is_fixed or name not in FIXED_ALONE])
    part = _PARTS[amount](case)
    if amount == "units":
        entries, count = await entries_of_subject(kind="subscription", subject_id=view.id)
    else:
        owned = await fetch("SELECT id FROM ledger_account WHERE owner_id = $1", view.id)
        entries, count = await entries_on(account_ids=[row["id"] for row in owned])
    is_own = current().actor.may("redemption:request")
    return Explanation(
        subject=f"{view.product_name}, {view.term_months} months since {view.activated_on}",
        back="/holdings" if is_own else f"/clients/{view.client_id}",
        asset=view.asset,
        places=view.places,
        unit=Unit.units if amount == "units" else Unit.money,
        entries=entries,
        entry_count=count,
        **part,
    )


async def _case(view: SubscriptionView) -> _Case:
    row = await fetch_row(
        "SELECT s.*, p.time_zone, d.amount AS deposited, d.transaction_reference"
        " FROM subscription s JOIN product p ON p.id = s.product_id"
        " JOIN deposit d ON d.id = s.deposit_id WHERE s.id = $1",
        view.id,
    )
    assert row is not None, "it was read a moment ago"
    issue = await fetch(
        "SELECT a.id, a.kind, p.amount, e.recorded_at FROM ledger_entry e"
        " JOIN ledger_posting p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id"
        " JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.id = p.account_id"
        " WHERE e.subject_kind = 'subscription' AND e.subject_id = $1"
        " AND e.operation = 'subscription.open'",
        view.id,
    )
    posted = {posting["kind"]: posting["amount"] for posting in issue}
    fee = -posted.get("entry_fee_income", ZERO)
    struck = await fetch_value(
        "SELECT coalesce(sum(principal_redeemed), 0) FROM redemption"
        " WHERE subscription_id = $1 AND struck_at IS NOT NULL AND state <> 'cancelled'",
        view.id,
    )
    free, locked = [
        await fetch_value(
            "SELECT coalesce(sum(amount), 0) FROM ledger_posting"
            " WHERE tenant_id = $1 AND account_id = $2",
            current().tenant,
            row[f"{kind}_account_id"],
        )
        for kind in ("free", "locked")
    ]
    return _Case(
        view=view,
        row=row,
        deposited=row["deposited"],
        entry_fee=fee,
        issued=posted["subscription_free"],
        nav_at_issue=await _nav(view, row, at=issue[0]["recorded_at"], known_by=view.id),
        free=free,
        held=free + locked,
        principal_held=row["deposited"] - fee - struck,
        nav_now=await _nav(view, row, at=current().now, known_by=None),
        days=accrual_days(
            activated_on=row["activated_on"],
            matures_on=row["matures_on"],
            today=local_date(current().now, row["time_zone"]),
        ),
    )


async def _nav(view: SubscriptionView, row: Any, *, at: Any, known_by: UUID | None) -> Decimal:
    """The NAV in force at an instant; 1 for a fixed yield, and before there was any. `known_by` is
    what was made then: a NAV that was published later for an earlier time did not count yet."""
    if view.product_kind is ProductKind.fixed_yield:
        return Decimal(1)
    found: Decimal | None = await fetch_value(
        "SELECT nav_per_unit FROM published_nav WHERE product_id = $1 AND as_of <= $2"
        " AND ($3::uuid IS NULL OR id < $3) ORDER BY as_of DESC LIMIT 1",
        row["product_id"],
        at,
        known_by,
    )
    return found or Decimal(1)


def _free_units(case: _Case) -> Input:
    return Input(
        label="Units free",
        value=case.free,
        unit=Unit.units,
        source="the ledger; units in an open redemption are not counted",
    )


def _principal_input(case: _Case) -> Input:
    return Input(
        label="Principal of the free units",
        value=case.view.principal,
        unit=Unit.money,
        source="computed",
        explained_at=case.address("principal"),
    )


def _value(case: _Case) -> dict[str, Any]:
    view = case.view
    if case.is_fixed:
        return {
            "title": "Worth today",
            "amount": view.value,
            "recomputed": case.value(),
            "words": "Principal of the free units + yield accrued",
            "figures": f"{plain(view.principal)} + {plain(view.accrued_yield)}",
            "rounding": EXACT_SUM,
            "inputs": [
                _principal_input(case),
                Input(
                    label="Yield accrued",
                    value=view.accrued_yield,
                    unit=Unit.money,
                    source="computed",
                    explained_at=case.address("yield"),
                ),
            ],
        }
    return {
        "title": "Worth today",
        "amount": view.value,
        "recomputed": case.value(),
        "words": "Units free × NAV per unit",
        "figures": f"{plain(case.free)} × {plain(case.nav_now)}",
        "rounding": rounded_to(view.places),
        "inputs": [
            _free_units(case),
            Input(
                label="NAV per unit",
                value=case.nav_now,
                unit=Unit.per_unit,
                source=f"the NAV published for {view.nav_at:%Y-%m-%d %H:%M} UTC",
            ),
        ],
    }


def _yield(case: _Case) -> dict[str, Any]:
    view, row = case.view, case.row
    until = min(local_date(current().now, row["time_zone"]), row["matures_on"])
    return {
        "title": "Yield accrued",
        "amount": view.accrued_yield,
        "recomputed": case.yielded(),
        "words": "Principal of the free units × ((1 + annual yield) ^ (days ÷ 365) − 1)",
        "figures": f"{plain(view.principal)} × ((1 + {plain(row['apy'])})^({case.days} ÷ 365) − 1)",
        "rounding": rounded_to(view.places),
        "inputs": [
            _principal_input(case),
            Input(
                label="Annual yield",
                value=row["apy"],
                unit=Unit.rate,
                source=f"the term of {row['term_months']} months, agreed on {row['activated_on']}",
            ),
            Input(
                label="Days",
                value=Decimal(case.days),
                unit=Unit.days,
                source=f"from {row['activated_on']} to {until}",
            ),
        ],
    }


def _gained(case: _Case) -> dict[str, Any]:
    view = case.view
    return {
        "title": "Gained",
        "amount": view.gained,
        "recomputed": case.value() - case.principal(),
        "words": "Worth today − principal of the free units",
        "figures": f"{plain(view.value)} − {plain(view.principal)}",
        "rounding": EXACT_SUM,
        "inputs": [
            Input(
                label="Worth today",
                value=view.value,
                unit=Unit.money,
                source="computed",
                explained_at=case.address("value"),
            ),
            _principal_input(case),
        ],
    }


def _principal(case: _Case) -> dict[str, Any]:
    view = case.view
    figures = f"{plain(case.principal_held)} × {plain(case.free)} ÷ {plain(case.held)}"
    return {
        "title": "Principal of the free units",
        "amount": view.principal,
        "recomputed": case.principal(),
        "words": "Principal held × units free ÷ units held",
        "figures": figures if case.held else "no units are held",
        "rounding": rounded_to(view.places),
        "inputs": [
            Input(
                label="Principal held",
                value=case.principal_held,
                unit=Unit.money,
                source="the deposit less its entry fee, less the principal redeemed since",
            ),
            _free_units(case),
            Input(
                label="Units held",
                value=case.held,
                unit=Unit.units,
                source="the ledger: free, and locked by requests that are not struck",
            ),
        ],
    }


def _units(case: _Case) -> dict[str, Any]:
    value = case.deposited - case.entry_fee
    issue = issue_units(
        deposit=value,
        entry_fee_rate=ZERO,
        nav_per_unit=case.nav_at_issue,
        places=case.view.places,
    )
    source = "of a fixed yield one unit is 1 of principal"
    if not case.is_fixed:
        source = f"the NAV in force on {case.view.activated_on}, before the deposit"
    return {
        "title": "Units issued",
        "amount": case.issued,
        "recomputed": issue.units,
        "words": "(Deposit − entry fee) ÷ NAV per unit",
        "figures": (
            f"({plain(case.deposited)} − {plain(case.entry_fee)}) ÷ {plain(case.nav_at_issue)}"
        ),
        "rounding": f"Down to {UNIT_PLACES} places; what is left over is posted to rounding",
        "inputs": [
            Input(
                label="Deposit",
                value=case.deposited,
                unit=Unit.money,
                source=f"transaction {case.row['transaction_reference']}",
            ),
            Input(
                label="Entry fee",
                value=case.entry_fee,
                unit=Unit.money,
                source="the entry that issued the units",
            ),
            Input(label="NAV per unit", value=case.nav_at_issue, unit=Unit.per_unit, source=source),
        ],
    }


_PARTS = {
    "value": _value,
    "yield": _yield,
    "gained": _gained,
    "principal": _principal,
    "units": _units,
}
