"""What came into and went out of a manager's book today."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.domains.investments.values import AssetTotal
from app.kernel.database import current, fetch
from app.kernel.money import ZERO

# Deposits that were confirmed, and nets that were paid, of the manager's own clients.
_MOVED = """
    FROM (
      SELECT 'in' AS way, d.confirmed_at AS at, d.client_id, d.product_id, d.amount,
        d.transaction_reference AS reference, NULL::uuid AS redemption_id
      FROM deposit d WHERE d.confirmed_at >= $2
      UNION ALL SELECT 'out', r.completed_at, r.client_id, r.product_id, r.net, r.reference, r.id
      FROM redemption r WHERE r.completed_at >= $2
    ) moved JOIN client c ON c.id = moved.client_id JOIN product p ON p.id = moved.product_id
    WHERE c.rm_membership_id = $1
"""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """`reference` is the deposit's transaction, or the request's; a deposit has no request."""

    client_name: str
    asset: str
    amount: Decimal
    reference: str
    redemption_id: UUID | None


async def moved_since(*, today: datetime) -> dict[str, list[AssetTotal]]:
    """By `in` and `out`: the sum in each asset."""
    rows = await fetch(
        "SELECT moved.way, p.asset, max(p.places) AS places, sum(moved.amount) AS amount"
        f" {_MOVED} GROUP BY moved.way, p.asset ORDER BY p.asset",
        current().actor.id,
        today,
    )
    return {
        way: [
            AssetTotal(asset=row["asset"], places=row["places"], value=row["amount"], gained=ZERO)
            for row in rows
            if row["way"] == way
        ]
        for way in ("in", "out")
    }


async def moves(*, way: str, today: datetime) -> list[Move]:
    """One by one, in the order in which they came about."""
    rows = await fetch(
        "SELECT c.name AS client_name, p.asset, moved.amount, moved.reference, moved.redemption_id"
        f" {_MOVED} AND moved.way = $3 ORDER BY moved.at, moved.reference",
        current().actor.id,
        today,
        way,
    )
    return [Move(**dict(row)) for row in rows]


def midnight(time_zone: str) -> datetime:
    """When today began for whoever looks."""
    now = current().now.astimezone(ZoneInfo(time_zone))
    return datetime.combine(now.date(), time(), tzinfo=now.tzinfo)
