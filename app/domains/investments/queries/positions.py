"""A subscription as a redemption sees it: what it holds, its terms, what it is worth now."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.calculations.redemption import (
    Computed,
    Holding,
    Price,
    Terms,
    compute_redemption,
)
from app.domains.investments.values import Amounts, ProductKind
from app.kernel.clock import local_date
from app.kernel.database import current, fetch_row
from app.kernel.errors import Conflict, NotFound
from app.kernel.ledger.queries import balances

ONE = Decimal(1)


class PriceMissing(Conflict):
    code = "NAV_PENDING"
    title = "This product has no published NAV yet; ask again after the next cutoff"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    subscription: Any
    free: Decimal
    holding: Holding
    terms: Terms
    price: Price
    priced_at: datetime
    valued_on: date


class Lock(StrEnum):
    """Of the subscription's row: none, once nobody else has it, or only if nobody has it now."""

    none = ""
    wait = "FOR UPDATE OF s"
    unless_taken = "FOR UPDATE OF s SKIP LOCKED"


async def read_position(*, subscription_id: UUID, lock: Lock = Lock.none) -> Position:
    """The current client's subscription, valued now.

    Raises `NotFound` where it is not theirs or no longer active (or taken, with
    `Lock.unless_taken`), `PriceMissing` without a NAV.
    """
    return await _position(
        "c.membership_id = $2 AND s.state = 'active'", subscription_id, current().actor.id, lock
    )


async def read_any_position(*, subscription_id: UUID) -> Position:
    """Any subscription of the tenant, locked: for what follows a decision on it."""
    return await _position("$2::uuid IS NULL", subscription_id, None, Lock.wait)


async def _position(
    condition: str, subscription_id: UUID, membership_id: UUID | None, lock: Lock
) -> Position:
    unit = current()
    row = await fetch_row(
        "SELECT s.*, c.membership_id, c.rm_membership_id, p.kind, p.asset, p.network, p.places,"
        " p.time_zone, p.redemption_fee_rate, p.book_id, p.name AS product_name,"
        " n.nav_per_unit, n.as_of AS nav_at"
        " FROM subscription s JOIN client c ON c.id = s.client_id"
        " JOIN product p ON p.id = s.product_id"
        " LEFT JOIN LATERAL (SELECT nav_per_unit, as_of FROM published_nav"
        "   WHERE product_id = p.id AND as_of <= $3 ORDER BY as_of DESC LIMIT 1) n ON true"
        f" WHERE s.id = $1 AND {condition} {lock.value}",
        subscription_id,
        membership_id,
        unit.now,
    )
    if row is None:
        raise NotFound
    fixed = row["kind"] == ProductKind.fixed_yield
    if not fixed and row["nav_per_unit"] is None:
        raise PriceMissing
    held = await balances(account_ids=[row["free_account_id"], row["locked_account_id"]])
    free = held[row["free_account_id"]]
    return Position(
        subscription=row,
        free=free,
        holding=Holding(units=free + held[row["locked_account_id"]], principal=row["principal"]),
        terms=Terms(
            kind=ProductKind(row["kind"]),
            apy=row["apy"],
            penalty_rate=row["penalty_rate"],
            redemption_fee_rate=row["redemption_fee_rate"],
            activated_on=row["activated_on"],
            matures_on=row["matures_on"],
            places=row["places"],
        ),
        price=Price(nav_per_unit=ONE if fixed else row["nav_per_unit"]),
        priced_at=unit.now if fixed else row["nav_at"],
        valued_on=local_date(unit.now, row["time_zone"]),
    )


def compute(position: Position, units: Decimal) -> Computed:
    """What redeeming `units` now comes to."""
    return compute_redemption(
        units=units,
        holding=position.holding,
        terms=position.terms,
        price=position.price,
        requested_on=position.valued_on,
        valued_on=position.valued_on,
    )


def amounts_of(position: Position, computed: Computed) -> Amounts:
    return Amounts(
        asset=position.subscription["asset"],
        places=position.terms.places,
        units=computed.units,
        principal_redeemed=computed.principal_redeemed,
        yield_accrued=computed.yield_accrued,
        gross=computed.gross,
        early_exit_penalty=computed.early_exit_penalty,
        redemption_fee=computed.redemption_fee,
        net=computed.net,
        nav_per_unit=position.price.nav_per_unit,
        nav_at=position.priced_at,
    )
