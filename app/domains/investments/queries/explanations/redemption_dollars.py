"""What a request was worth in US dollars when it was made: what compliance was asked about."""

from __future__ import annotations

import msgspec

from app.domains.investments.queries.explanations.explanation import (
    Explanation,
    Input,
    Unit,
    rounded_to,
)
from app.domains.investments.queries.explanations.redemption_case import Case
from app.domains.investments.queries.prices import USD_PLACES
from app.domains.investments.values import Screened
from app.kernel.database import current, fetch_value
from app.kernel.errors import NotFound
from app.kernel.money import plain


async def in_dollars(case: Case) -> Explanation:
    """With the price that was known then; computed once more with the one that was read for that
    moment, while readings are kept."""
    row = case.row
    if row["screened_at_price"] is None or not current().actor.may("redemption:clear"):
        raise NotFound
    screened = msgspec.convert(row["screened_at_price"], Screened, strict=False)
    read = await fetch_value(
        "SELECT usd FROM price_reading WHERE asset = $1 AND as_of = $2",
        row["asset"],
        screened.as_of,
    )
    again = None if read is None else msgspec.structs.replace(screened, usd_price=read).usd
    return Explanation(
        title="Worth in US dollars when it was asked for",
        subject=case.subject,
        back=case.back,
        asset="USD",
        places=USD_PLACES,
        amount=screened.usd,
        recomputed=again,
        words="Gross of the request × the asset's price in US dollars",
        figures=f"{plain(screened.gross)} × {plain(screened.usd_price)}",
        rounding=rounded_to(USD_PLACES),
        inputs=[
            Input(
                label=f"Gross in {row['asset']}",
                value=screened.gross,
                unit=Unit.quantity,
                source="the request, as it was made; a strike may have changed it since",
            ),
            Input(
                label=f"US dollars for one {row['asset']}",
                value=screened.usd_price,
                unit=Unit.per_unit,
                source=f"{screened.source}, for {screened.as_of:%Y-%m-%d %H:%M:%S} UTC",
            ),
        ],
    )
