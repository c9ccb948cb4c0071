"""What a redemption comes to, from what was redeemed to what is paid; and a quote of one."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import msgspec

from app.domains.investments.calculations.accrual import accrual_days
from app.domains.investments.calculations.penalty import remaining_days
from app.domains.investments.calculations.redemption import Computed
from app.domains.investments.queries.explanations.entries import entries_of_subject
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
    named,
    rounded_to,
)
from app.domains.investments.queries.explanations.redemption_case import (
    Case,
    quote_case,
    redemption_case,
)
from app.domains.investments.queries.explanations.redemption_dollars import in_dollars
from app.kernel.clock import local_date
from app.kernel.database import fetch_value
from app.kernel.money import ZERO, plain

# What is asked for → its title, which is that of its step, and its formula in words.
AMOUNTS = {
    "principal": ("Principal redeemed", "Principal held × units redeemed ÷ units held"),
    "yield": (
        "Yield accrued",
        "Principal redeemed × ((1 + annual yield) ^ (days ÷ 365) − 1)",
    ),
    "gross": ("Gross", ""),
    "penalty": (
        "Early exit penalty",
        "Principal redeemed × penalty rate × days left ÷ days of the term, at most gross − fee",
    ),
    "fee": ("Redemption fee", "Gross × fee rate"),
    "deductions": ("Penalty and fee", "Early exit penalty + redemption fee"),
    "net": ("Net", "Gross − early exit penalty − redemption fee"),
}
_COLUMNS = {
    "principal": ("principal_redeemed",),
    "yield": ("yield_accrued",),
    "gross": ("gross",),
    "penalty": ("early_exit_penalty",),
    "fee": ("redemption_fee",),
    "deductions": ("early_exit_penalty", "redemption_fee"),
    "net": ("net",),
}
FIXED_ALONE = frozenset({"principal", "yield"})


async def explain_redemption(*, redemption_id: UUID, amount: str = "net") -> Explanation:
    """One of principal, yield (both of a fixed yield alone), gross, penalty, fee, deductions, net,
    units; usd for who clears requests: what it was worth when it was made. Raises `NotFound` for a redemption that the viewer may not see, and any other amount."""
    case = await redemption_case(redemption_id=redemption_id)
    entries, count = await entries_of_subject(kind="redemption", subject_id=redemption_id)
    if amount == "units":
        found = await _units(case)
    elif amount == "usd":
        found = await in_dollars(case)
    else:
        found = _explanation(case, amount)
    return msgspec.structs.replace(found, entries=entries, entry_count=count)


async def explain_quote(*, quote_id: UUID, amount: str = "net") -> Explanation:
    """As of a redemption, but for its units. Raises `NotFound` for a quote of somebody else."""
    found = _explanation(await quote_case(quote_id=quote_id), amount)
    return msgspec.structs.replace(
        found, note="A quote: nothing is posted to the ledger before it is asked for."
    )


def _explanation(case: Case, amount: str) -> Explanation:
    row = case.row
    named(amount, [name for name in AMOUNTS if case.is_fixed or name not in FIXED_ALONE])
    title, words = AMOUNTS[amount]
    if amount == "gross":
        words = "Principal redeemed + yield accrued" if case.is_fixed else "Units × NAV per unit"
    is_sum = amount in ("net", "deductions") or (amount == "gross" and case.is_fixed)
    if amount == "deductions":
        penalty, fee = row["early_exit_penalty"], row["redemption_fee"]
        figures = f"{plain(penalty)} + {plain(fee)}"
    else:
        figures = case.steps[title].formula
    return Explanation(
        title=title,
        subject=case.subject,
        back=case.back,
        asset=row["asset"],
        places=row["places"],
        amount=_recorded(case, amount),
        recomputed=None if case.recomputed is None else _recomputed(case.recomputed, amount),
        words=words,
        figures=figures,
        rounding=EXACT_SUM if is_sum else rounded_to(row["places"]),
        inputs=_INPUTS[amount](case),
    )


def _recorded(case: Case, amount: str) -> Decimal:
    found: Decimal = sum((case.row[column] for column in _COLUMNS[amount]), ZERO)
    return found


def _recomputed(computed: Computed, amount: str) -> Decimal:
    return sum((getattr(computed, column) for column in _COLUMNS[amount]), ZERO)


async def _units(case: Case) -> Explanation:
    """As they were asked for; what is posted is what was locked."""
    row = case.row
    posted = await fetch_value(
        "SELECT coalesce(sum(p.amount), 0) FROM ledger_entry e JOIN ledger_posting p"
        " ON p.tenant_id = e.tenant_id AND p.entry_id = e.id"
        " JOIN subscription s ON s.locked_account_id = p.account_id"
        " WHERE e.subject_kind = 'redemption' AND e.subject_id = $1"
        " AND e.operation = 'redemption.request' AND s.id = $2",
        row["id"],
        row["subscription_id"],
    )
    return Explanation(
        title="Units redeemed",
        subject=case.subject,
        back=case.back,
        asset=row["asset"],
        places=row["places"],
        amount=row["units"],
        recomputed=posted,
        words="What was asked for: all that was free, units, a share of what was free, or the units"
        " whose gross comes to an amount",
        figures=plain(row["units"]),
        rounding="A share, and the units of an amount: down to 8 places",
        inputs=[
            Input(
                label="Units locked",
                value=posted,
                unit=Unit.units,
                source="the ledger: the entry of the request",
            )
        ],
        unit=Unit.units,
    )


def _money(case: Case, amount: str) -> Input:
    return Input(
        label=AMOUNTS[amount][0],
        value=_recorded(case, amount),
        unit=Unit.money,
        source="computed",
        explained_at=case.address(amount),
    )


def _redeemed(case: Case) -> Input:
    """A fixed yield's principal has an explanation of its own; another's is an input."""
    if case.is_fixed:
        return _money(case, "principal")
    return Input(
        label="Principal redeemed",
        value=case.row["principal_redeemed"],
        unit=Unit.money,
        source="what was paid in for these units, less the entry fee",
    )


def _of_principal(case: Case) -> list[Input]:
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


def _of_yield(case: Case) -> list[Input]:
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


def _of_gross(case: Case) -> list[Input]:
    if case.is_fixed:
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


def _of_penalty(case: Case) -> list[Input]:
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


def _of_fee(case: Case) -> list[Input]:
    rate = Input(
        label="Fee rate",
        value=case.terms.redemption_fee_rate,
        unit=Unit.rate,
        source="the product, when this was computed",
    )
    return [_money(case, "gross"), *([rate] if case.holding else [])]


def _of_deductions(case: Case) -> list[Input]:
    return [_money(case, name) for name in ("penalty", "fee")]


def _of_net(case: Case) -> list[Input]:
    return [_money(case, name) for name in ("gross", "penalty", "fee")]


_INPUTS = {
    "principal": _of_principal,
    "yield": _of_yield,
    "gross": _of_gross,
    "penalty": _of_penalty,
    "fee": _of_fee,
    "deductions": _of_deductions,
    "net": _of_net,
}
