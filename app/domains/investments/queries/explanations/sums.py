"""An amount that is the sum of others, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
)
from app.domains.investments.values import AssetTotal, SubscriptionView
from app.kernel.money import ZERO, plain

# More than anybody reads; the sum is of all of them.
PARTS_MAX = 200


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """`source` of one that was not computed; `explained_at` of one that was."""

    label: str
    asset: str
    value: Decimal
    source: str = ""
    explained_at: str = ""


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """In one asset. `figures` where its parts are not added up."""

    asset: str
    places: int
    amount: Decimal
    recomputed: Decimal
    parts: Sequence[Part]
    figures: str = ""


def sums_of(totals: Sequence[AssetTotal], parts: Sequence[Part]) -> list[Sum]:
    """Each total with its parts."""
    found = []
    for total in totals:
        mine = [part for part in parts if part.asset == total.asset]
        found.append(
            Sum(
                asset=total.asset,
                places=total.places,
                amount=total.value,
                recomputed=sum((part.value for part in mine), ZERO),
                parts=mine,
            )
        )
    return found


def of_holding(view: SubscriptionView, amount: str, *, named: bool = False) -> Part:
    """`amount` is its value or what it gained; with the client's name if `named`."""
    label = f"{view.product_name}, {view.term_months} months"
    return Part(
        label=f"{view.client_name}, {label}" if named else label,
        asset=view.asset,
        value=view.gained if amount == "gained" else view.value,
        explained_at=f"/explain/holdings/{view.id}?amount={amount}",
    )


def explanation_of(of: Sum, *, title: str, subject: str, words: str, back: str) -> Explanation:
    figures = of.figures or " + ".join(plain(part.value) for part in of.parts[:PARTS_MAX])
    left_out = len(of.parts) - PARTS_MAX
    if left_out > 0:
        figures += " + …"
    return Explanation(
        title=f"{title} in {of.asset}",
        subject=subject,
        back=back,
        asset=of.asset,
        places=of.places,
        amount=of.amount,
        recomputed=of.recomputed,
        words=words,
        figures=figures or "there is nothing to add up",
        rounding=EXACT_SUM,
        inputs=[
            Input(
                label=part.label,
                value=part.value,
                unit=Unit.money,
                source=part.source,
                explained_at=part.explained_at,
            )
            for part in of.parts[:PARTS_MAX]
        ],
        note=f"{left_out} more parts are in the sum and not listed." if left_out > 0 else "",
    )
