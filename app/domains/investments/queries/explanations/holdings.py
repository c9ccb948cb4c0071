"""What a subscription is worth today, what it has yielded, and where its units are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.queries.explanations import holding_units
from app.domains.investments.queries.explanations.entries import entries_of_subject, entries_on
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
    named,
    rounded_to,
)
from app.domains.investments.queries.explanations.holding_case import (
    OPEN_NOTE,
    Case,
    deposit_inputs,
    growth_inputs,
    holding_case,
    nav_input,
    of_money,
    of_units,
    principal_input,
)
from app.domains.investments.queries.subscriptions import subscription
from app.kernel.database import current, fetch
from app.kernel.money import plain

FIXED_ALONE = frozenset({"yield"})


async def explain_holding(*, subscription_id: UUID, amount: str = "value") -> Explanation:
    """One of value, yield (of a fixed yield alone), gained, principal (each of all that is held,
    today), units (those that the deposit became), held, locked and free (units), free_value.

    Raises `NotFound` for a subscription that the viewer may not see, and for any other amount.
    """
    view = await subscription(subscription_id=subscription_id)
    case = await holding_case(view)
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
        unit=Unit.units if amount in holding_units.PARTS else Unit.money,
        entries=entries,
        entry_count=count,
        **part,
    )


def _value(case: Case) -> dict[str, Any]:
    view = case.view
    found = {
        "title": "Worth today",
        "amount": view.value,
        "recomputed": case.worth(case.held).value,
        "note": OPEN_NOTE if case.locked else "",
    }
    if case.is_fixed:
        return found | {
            "words": "Principal held + yield accrued",
            "figures": f"{plain(view.principal)} + {plain(view.accrued_yield)}",
            "rounding": EXACT_SUM,
            "inputs": [
                principal_input(case),
                of_money(case, "yield", "Yield accrued", view.accrued_yield),
            ],
        }
    return found | {
        "words": "Units held × NAV per unit",
        "figures": f"{plain(case.held)} × {plain(case.nav_now)}",
        "rounding": rounded_to(view.places),
        "inputs": [of_units(case, "held"), nav_input(case)],
    }


def _free_value(case: Case) -> dict[str, Any]:
    found = {
        "title": "Free to redeem",
        "amount": case.view.free_value,
        "recomputed": case.worth(case.free).value,
        "rounding": rounded_to(case.view.places),
        "note": "Before penalty and fee.",
    }
    if not case.is_fixed:
        return found | {
            "words": "Units free × NAV per unit",
            "figures": f"{plain(case.free)} × {plain(case.nav_now)}",
            "inputs": [of_units(case, "free"), nav_input(case)],
        }
    principal = plain(case.worth(case.free).principal)
    growth = f"(1 + {plain(case.row['apy'])})^({case.days} ÷ 365)"
    return found | {
        "words": "Principal of the free units, which is principal held × units free ÷ units held,"
        " + principal of the free units × ((1 + annual yield) ^ (days ÷ 365) − 1)",
        "figures": f"{principal} + {principal} × ({growth} − 1)",
        "inputs": [
            principal_input(case),
            of_units(case, "free"),
            of_units(case, "held"),
            *growth_inputs(case),
        ],
    }


def _yield(case: Case) -> dict[str, Any]:
    view, apy = case.view, plain(case.row["apy"])
    return {
        "title": "Yield accrued",
        "amount": view.accrued_yield,
        "recomputed": case.worth(case.held).accrued_yield,
        "words": "Principal held × ((1 + annual yield) ^ (days ÷ 365) − 1)",
        "figures": f"{plain(view.principal)} × ((1 + {apy})^({case.days} ÷ 365) − 1)",
        "rounding": rounded_to(view.places),
        "inputs": [principal_input(case), *growth_inputs(case)],
    }


def _gained(case: Case) -> dict[str, Any]:
    view = case.view
    return {
        "title": "Gained",
        "amount": view.gained,
        "recomputed": case.worth(case.held).gained,
        "words": "Worth today − principal held",
        "figures": f"{plain(view.value)} − {plain(view.principal)}",
        "rounding": EXACT_SUM,
        "inputs": [of_money(case, "value", "Worth today", view.value), principal_input(case)],
    }


def _principal(case: Case) -> dict[str, Any]:
    redeemed = case.deposited - case.entry_fee - case.principal_held
    return {
        "title": "Principal held",
        "amount": case.view.principal,
        "recomputed": case.worth(case.held).principal,
        "words": "Deposit − entry fee − principal redeemed",
        "figures": f"{plain(case.deposited)} − {plain(case.entry_fee)} − {plain(redeemed)}",
        "rounding": EXACT_SUM,
        "inputs": [
            *deposit_inputs(case),
            Input(
                label="Principal redeemed",
                value=redeemed,
                unit=Unit.money,
                source="the requests that were struck",
            ),
        ],
    }


_PARTS = {
    "value": _value,
    "yield": _yield,
    "gained": _gained,
    "principal": _principal,
    "free_value": _free_value,
    **holding_units.PARTS,
}
AMOUNTS = tuple(_PARTS)
