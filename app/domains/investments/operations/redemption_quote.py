"""Quote a redemption: what the client would receive, valid for 60 seconds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from app.domains.investments.calculations.issue import UNIT_PLACES
from app.domains.investments.calculations.redemption import (
    units_for_amount,
    units_for_fraction,
)
from app.domains.investments.operations.redemption_admit import check_limits, check_may_ask
from app.domains.investments.queries.allowance import read_asking
from app.domains.investments.queries.positions import (
    ONE,
    Position,
    amounts_of,
    compute,
    read_position,
)
from app.domains.investments.values import QuoteView
from app.kernel.clock import seconds_until
from app.kernel.database import current, execute
from app.kernel.errors import Conflict, InputInvalid
from app.kernel.ids import new_id
from app.kernel.money import Money, parse_amount, plain

VALID = timedelta(seconds=60)


class NothingToRedeem(Conflict):
    code = "NOTHING_TO_REDEEM"
    title = "All units of this subscription are in a redemption already"


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """How much to redeem: one of the three; none of them means everything that is free.

    `amount` is gross, in the product's asset.
    """

    fraction: str | None = None
    units: str | None = None
    amount: Money | None = None

    @property
    def given(self) -> list[str]:
        return [name for name in ("fraction", "units", "amount") if getattr(self, name) is not None]

    @property
    def field(self) -> str:
        """The field that says how much."""
        return self.given[0] if self.given else "by"


async def quote_redemption(*, subscription_id: UUID, portion: Portion) -> QuoteView:
    """Compute and keep a quote for the current client. Changes nothing else.

    What could not be asked for now is not quoted either. Raises `NotFound` for a subscription that
    is not theirs, `ClientBarred`, `KycLapsed`, `NothingToRedeem`, `PriceMissing`, `SingleLimit`,
    `DailyLimit`, and `InputInvalid` naming the field and the rule.
    """
    unit = current()
    position = await read_position(subscription_id=subscription_id)
    asking = await read_asking(
        client_id=position.subscription["client_id"],
        product_id=position.subscription["product_id"],
    )
    check_may_ask(asking)
    computed = compute(position, units_of(portion, position))
    check_limits(asking.allowance, gross=computed.gross, field=portion.field)
    quote_id = new_id()
    valid_until = unit.now + VALID
    await execute(
        "INSERT INTO redemption_quote (id, tenant_id, subscription_id, units, principal_redeemed,"
        " yield_accrued, gross, early_exit_penalty, redemption_fee, net, nav_per_unit, nav_at,"
        " quoted_at, valid_until, steps)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        quote_id,
        unit.tenant,
        subscription_id,
        computed.units,
        computed.principal_redeemed,
        computed.yield_accrued,
        computed.gross,
        computed.early_exit_penalty,
        computed.redemption_fee,
        computed.net,
        position.price.nav_per_unit,
        position.priced_at,
        unit.now,
        valid_until,
        msgspec.to_builtins(computed.steps),
    )
    return QuoteView(
        id=quote_id,
        subscription_id=subscription_id,
        amounts=amounts_of(position, computed),
        steps=computed.steps,
        allowance=asking.allowance,
        valid_until=valid_until,
        remaining_seconds=seconds_until(valid_until, unit.now),
    )


def units_of(portion: Portion, position: Position) -> Decimal:
    """The units that `portion` asks for; raises `InputInvalid` naming the field and the rule."""
    given = portion.given
    if len(given) > 1:
        raise InputInvalid.of(given[1], "ONLY_ONE", "Give a fraction, units or an amount, not two")
    if position.free <= 0:
        raise NothingToRedeem
    if portion.fraction is not None:
        units = _units_of_fraction(portion.fraction, position.free)
    elif portion.units is not None:
        units = parse_amount(portion.units, field="units", places=UNIT_PLACES)
        if units > position.free:
            raise InputInvalid.of(
                "units",
                "INSUFFICIENT_UNITS",
                f"{plain(units)} is more than the {plain(position.free)} units that are free",
            )
    elif portion.amount is not None:
        units = _units_of_amount(portion.amount, position)
    else:
        units = position.free
    if units <= 0:
        raise InputInvalid.of(given[0], "TOO_SMALL", "This is less than the smallest unit")
    return units


def _units_of_fraction(text: str, free: Decimal) -> Decimal:
    fraction = parse_amount(text, field="fraction", places=8)
    if fraction > ONE:
        raise InputInvalid.of("fraction", "MORE_THAN_ALL", "A fraction is above 0 and at most 1")
    return units_for_fraction(fraction=fraction, free=free)


def _units_of_amount(money: Money, position: Position) -> Decimal:
    asset = position.subscription["asset"]
    if money.currency != asset:
        raise InputInvalid.of("amount", "WRONG_CURRENCY", f"This subscription is in {asset}")
    places = position.terms.places
    gross = parse_amount(money.amount, field="amount", places=places)
    worth = compute(position, position.free).gross
    if gross > worth:
        raise InputInvalid.of(
            "amount",
            "INSUFFICIENT_UNITS",
            f"{gross:,.{places}f} is more than the {worth:,.{places}f} {asset} that is free",
        )
    if gross == worth:
        return position.free
    return units_for_amount(gross=gross, value_of_free=worth, free=position.free)
