"""What is left of a client's limit today."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.queries.allowance import asked_today, read_asking
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
)
from app.domains.investments.queries.subscriptions import own_subscription
from app.kernel.errors import NotFound
from app.kernel.money import ZERO, plain


async def explain_allowance(*, subscription_id: UUID) -> Explanation:
    """Of the subscription's product, for the current client.

    Raises `NotFound` for a subscription that is not theirs, and where the product has no limit.
    """
    held = await own_subscription(subscription_id=subscription_id)
    asking = await read_asking(client_id=held.client_id, product_id=held.product_id)
    allowance = asking.allowance
    if allowance.daily is None or allowance.left_today is None:
        raise NotFound
    asked = await asked_today(client_id=held.client_id, product_id=held.product_id)
    used = sum((one.gross for one in asked), ZERO)
    return Explanation(
        title="Left of your limit today",
        subject=held.product_name,
        back=f"/subscriptions/{held.id}/redeem",
        asset=allowance.asset,
        places=allowance.places,
        amount=allowance.left_today,
        recomputed=max(allowance.daily - used, ZERO),
        words="Daily limit − gross of what you asked for today, at least nothing",
        figures=" − ".join(
            [plain(allowance.daily), *(plain(one.gross) for one in asked)],
        ),
        rounding=EXACT_SUM,
        inputs=[
            Input(
                label="Daily limit",
                value=allowance.daily,
                unit=Unit.money,
                source=f"the product, for the tier {allowance.tier.value}",
            ),
            *(
                Input(
                    label=f"Gross of {one.reference}",
                    value=one.gross,
                    unit=Unit.money,
                    source="computed",
                    explained_at=f"/explain/redemptions/{one.id}?amount=gross",
                )
                for one in asked
            ),
        ],
        note=f"The day ends at {allowance.resets}; what was cancelled or rejected is not counted.",
    )
