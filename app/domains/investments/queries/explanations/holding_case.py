"""What a subscription's amounts come from: its deposit, its terms, its postings, the NAV."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.calculations.accrual import accrual_days
from app.domains.investments.calculations.redemption import Holding
from app.domains.investments.calculations.worth import Worth, worth_of
from app.domains.investments.queries.explanations.explanation import Input, Unit
from app.domains.investments.values import ProductKind, SubscriptionView
from app.kernel.clock import local_date
from app.kernel.database import current, fetch, fetch_row, fetch_value
from app.kernel.money import ZERO

OPEN_NOTE = "Units in a request that is not struck yet are held, and locked."


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The subscription as pages show it, and what it comes from: its deposit, the entry that
    issued its units, what was struck since, and the postings on its own accounts."""

    view: SubscriptionView
    row: Any
    deposited: Decimal
    entry_fee: Decimal
    issued: Decimal
    struck: Decimal
    nav_at_issue: Decimal
    free: Decimal
    locked: Decimal
    asked: Decimal
    principal_held: Decimal
    nav_now: Decimal
    days: int

    @property
    def is_fixed(self) -> bool:
        return self.view.product_kind is ProductKind.fixed_yield

    @property
    def held(self) -> Decimal:
        return self.free + self.locked

    def address(self, amount: str) -> str:
        return f"/explain/holdings/{self.view.id}?amount={amount}"

    def worth(self, units: Decimal) -> Worth:
        return worth_of(
            units=units,
            holding=Holding(units=self.held, principal=self.principal_held),
            kind=self.view.product_kind,
            apy=self.row["apy"],
            days=self.days,
            nav_per_unit=self.nav_now,
            places=self.view.places,
        )


async def holding_case(view: SubscriptionView) -> Case:
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
    asked = await fetch_row(
        "SELECT coalesce(sum(principal_redeemed) FILTER (WHERE struck_at IS NOT NULL), 0) AS paid,"
        " coalesce(sum(units) FILTER (WHERE struck_at IS NOT NULL), 0) AS struck,"
        " coalesce(sum(units) FILTER (WHERE struck_at IS NULL), 0) AS open"
        " FROM redemption WHERE subscription_id = $1 AND state NOT IN ('cancelled', 'rejected')",
        view.id,
    )
    assert asked is not None, "adding up always answers"
    free, locked = [
        await fetch_value(
            "SELECT coalesce(sum(amount), 0) FROM ledger_posting"
            " WHERE tenant_id = $1 AND account_id = $2",
            current().tenant,
            row[f"{kind}_account_id"],
        )
        for kind in ("free", "locked")
    ]
    return Case(
        view=view,
        row=row,
        deposited=row["deposited"],
        entry_fee=fee,
        issued=posted["subscription_free"],
        nav_at_issue=await _nav(view, row, at=issue[0]["recorded_at"], known_by=view.id),
        struck=asked["struck"],
        free=free,
        locked=locked,
        asked=asked["open"],
        principal_held=row["deposited"] - fee - asked["paid"],
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


def of_units(case: Case, name: str) -> Input:
    label, value = {
        "held": ("Units held", case.held),
        "free": ("Units free", case.free),
        "locked": ("Units locked", case.locked),
        "units": ("Units issued", case.issued),
    }[name]
    return Input(
        label=label,
        value=value,
        unit=Unit.units,
        source="computed",
        explained_at=case.address(name),
    )


def of_money(case: Case, name: str, label: str, value: Decimal) -> Input:
    return Input(
        label=label,
        value=value,
        unit=Unit.money,
        source="computed",
        explained_at=case.address(name),
    )


def principal_input(case: Case) -> Input:
    return of_money(case, "principal", "Principal held", case.view.principal)


def nav_input(case: Case) -> Input:
    return Input(
        label="NAV per unit",
        value=case.nav_now,
        unit=Unit.per_unit,
        source=f"the NAV published for {case.view.nav_at:%Y-%m-%d %H:%M} UTC",
    )


def growth_inputs(case: Case) -> list[Input]:
    row = case.row
    until = min(local_date(current().now, row["time_zone"]), row["matures_on"])
    return [
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
    ]


def deposit_inputs(case: Case) -> list[Input]:
    return [
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
    ]
