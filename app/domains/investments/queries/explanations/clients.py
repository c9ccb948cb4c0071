"""What a client's page and the client book add up: worth and gain in an asset, all of it in US
dollars, and what was paid to them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.investments.client_values import ClientView
from app.domains.investments.queries.client_book import client
from app.domains.investments.queries.explanations.explanation import (
    Explanation,
    Input,
    Unit,
    named,
    rounded_to,
)
from app.domains.investments.queries.explanations.sums import (
    Part,
    explanation_of,
    of_holding,
    sums_of,
)
from app.domains.investments.queries.prices import USD_PLACES, usd_prices
from app.domains.investments.values import AssetTotal, SubscriptionState, UsdPrice
from app.kernel.database import fetch
from app.kernel.errors import NotFound
from app.kernel.money import EXACT, ZERO, plain, round_half_even

AMOUNTS = ("worth", "gained", "paid", "usd")
_SUMS = {
    "worth": ("Worth today", "Sum of what each holding is worth today"),
    "gained": ("Gained", "Sum of what each holding has gained"),
    "paid": ("Paid out", "Sum of the nets of the completed requests"),
}


async def explain_client(*, client_id: UUID, amount: str = "usd", asset: str = "") -> Explanation:
    """Worth, gained or paid in `asset`, or usd: everything that is held, in US dollars.

    Raises `NotFound` for a client who is not the viewer's, and for what they do not have.
    """
    named(amount, AMOUNTS)
    view = await client(client_id=client_id)
    if amount == "usd":
        return await _in_dollars(view)
    totals, parts = (await _paid(view)) if amount == "paid" else _held(view, amount)
    found = [one for one in sums_of(totals, parts) if one.asset == asset]
    if not found:
        raise NotFound
    title, words = _SUMS[amount]
    return explanation_of(
        found[0], title=title, subject=view.name, words=words, back=f"/clients/{view.id}"
    )


def _held(view: ClientView, amount: str) -> tuple[Sequence[AssetTotal], Sequence[Part]]:
    totals = view.totals
    if amount == "gained":
        totals = [msgspec.structs.replace(one, value=one.gained) for one in totals]
    return totals, [
        of_holding(held, "value" if amount == "worth" else "gained")
        for held in view.subscriptions
        if held.state is SubscriptionState.active
    ]


async def _paid(view: ClientView) -> tuple[Sequence[AssetTotal], Sequence[Part]]:
    rows = await fetch(
        "SELECT r.id, r.reference, r.net, p.asset FROM redemption r"
        " JOIN product p ON p.id = r.product_id"
        " WHERE r.client_id = $1 AND r.state = 'completed' ORDER BY r.completed_at, r.id",
        view.id,
    )
    return view.standing.paid, [
        Part(
            label=f"Net of {row['reference']}",
            asset=row["asset"],
            value=row["net"],
            explained_at=f"/explain/redemptions/{row['id']}?amount=net",
        )
        for row in rows
    ]


async def _in_dollars(view: ClientView) -> Explanation:
    if view.worth is None:
        raise NotFound
    prices = await usd_prices()
    exact = sum((EXACT.multiply(one.value, prices[one.asset].usd) for one in view.totals), ZERO)
    figures = " + ".join(
        f"{plain(one.value)} × {plain(prices[one.asset].usd)}" for one in view.totals
    )
    return Explanation(
        title="Together in US dollars",
        subject=view.name,
        back=f"/clients/{view.id}",
        asset="USD",
        places=USD_PLACES,
        amount=view.worth.usd,
        recomputed=round_half_even(exact, places=USD_PLACES),
        words="Sum of what is held in each asset × the asset's latest price in US dollars",
        figures=figures or "nothing is held",
        rounding=f"{rounded_to(USD_PLACES)}, once, of the sum",
        inputs=[line for one in view.totals for line in _of_asset(view, one, prices[one.asset])],
        note="A price is older than anybody should rely on." if view.worth.is_stale else "",
    )


def _of_asset(view: ClientView, total: AssetTotal, price: UsdPrice) -> list[Input]:
    return [
        Input(
            label=f"Worth in {total.asset}",
            value=total.value,
            unit=Unit.quantity,
            source="computed",
            explained_at=f"/explain/clients/{view.id}?amount=worth&asset={total.asset}",
        ),
        _price(total.asset, price),
    ]


def _price(asset: str, price: UsdPrice) -> Input:
    source = price.source or "the price service"
    return Input(
        label=f"US dollars for one {asset}",
        value=price.usd,
        unit=Unit.per_unit,
        source=f"{source}, for {price.as_of:%Y-%m-%d %H:%M:%S} UTC",
    )
