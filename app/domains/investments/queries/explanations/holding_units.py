"""Where a subscription's units are: issued, held, locked, free."""

from __future__ import annotations

from typing import Any

from app.domains.investments.calculations.issue import UNIT_PLACES, issue_units
from app.domains.investments.queries.explanations.explanation import EXACT_SUM, Input, Unit
from app.domains.investments.queries.explanations.holding_case import (
    OPEN_NOTE,
    Case,
    deposit_inputs,
    of_units,
)
from app.kernel.money import ZERO, plain


def _held(case: Case) -> dict[str, Any]:
    return {
        "title": "Units held",
        "amount": case.view.units_held,
        "recomputed": case.issued - case.struck,
        "words": "Units issued − units of requests that were struck",
        "figures": f"{plain(case.issued)} − {plain(case.struck)}",
        "rounding": EXACT_SUM,
        "inputs": [
            of_units(case, "units"),
            Input(
                label="Units struck",
                value=case.struck,
                unit=Unit.units,
                source="the requests that were struck, and not cancelled since",
            ),
        ],
        "note": OPEN_NOTE if case.locked else "",
    }


def _locked(case: Case) -> dict[str, Any]:
    return {
        "title": "Units locked",
        "amount": case.view.units_locked,
        "recomputed": case.asked,
        "words": "Sum of the units of open requests that are not struck yet",
        "figures": plain(case.asked),
        "rounding": EXACT_SUM,
        "inputs": [
            Input(
                label="Units of open requests",
                value=case.asked,
                unit=Unit.units,
                source="the requests, as they were made",
            )
        ],
    }


def _free(case: Case) -> dict[str, Any]:
    return {
        "title": "Units free",
        "amount": case.view.units,
        "recomputed": case.issued - case.struck - case.asked,
        "words": "Units held − units locked",
        "figures": f"{plain(case.held)} − {plain(case.locked)}",
        "rounding": EXACT_SUM,
        "inputs": [of_units(case, "held"), of_units(case, "locked")],
    }


def _units(case: Case) -> dict[str, Any]:
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
            *deposit_inputs(case),
            Input(label="NAV per unit", value=case.nav_at_issue, unit=Unit.per_unit, source=source),
        ],
    }


PARTS = {"units": _units, "held": _held, "locked": _locked, "free": _free}
