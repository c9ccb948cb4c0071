"""What a client may ask for: their KYC, standing and tier, and what the day's requests come to."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from app.domains.investments.calculations.allowance import day_ends_at
from app.domains.investments.policy import kyc_at
from app.domains.investments.values import Allowance, ClientTier, KycState, Standing
from app.kernel.clock import local_date
from app.kernel.database import current, fetch, fetch_row

VELOCITY_SPAN = timedelta(hours=24)
# A day in its own zone is at most 25 hours long; both counts look no further back than this.
_RECENT = timedelta(hours=26)


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """`earlier` are the client's requests of the last 24 hours, in whichever product."""

    kyc: KycState
    kyc_expires_at: datetime | None
    standing: Standing
    allowance: Allowance
    earlier: int


# The limits in a subquery: where the row lock waited for a change of tier, it reads the new one's.
_CLIENT = """
    SELECT c.tier, c.kyc, c.kyc_expires_at, c.standing, p.asset, p.places, p.time_zone,
      (SELECT ARRAY[l.single, l.daily] FROM product_limit l
        WHERE l.product_id = p.id AND l.tier = c.tier) AS limits
    FROM client c, product p WHERE c.id = $1 AND p.id = $2
"""
# A request that was taken back, refused or given up frees what it had used; gross, as it stands.
_ASKED = """
    SELECT count(*) FILTER (WHERE requested_at > $3) AS earlier,
      coalesce(sum(gross) FILTER (WHERE product_id = $4 AND requested_on = $5
        AND state NOT IN ('cancelled', 'rejected')), 0) AS used
    FROM redemption WHERE client_id = $1 AND requested_at > $2
"""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    reference: str
    gross: Decimal


async def asked_today(*, client_id: UUID, product_id: UUID) -> list[Asked]:
    """The client's requests of the product's day that count towards its limit, one by one."""
    rows = await fetch(
        "SELECT r.id, r.reference, r.gross FROM redemption r JOIN product p ON p.id = r.product_id"
        " WHERE r.client_id = $1 AND r.product_id = $2 AND r.state NOT IN ('cancelled', 'rejected')"
        " AND r.requested_on = ($3 AT TIME ZONE p.time_zone)::date ORDER BY r.id",
        client_id,
        product_id,
        current().now,
    )
    return [Asked(**dict(row)) for row in rows]


async def read_asking(*, client_id: UUID, product_id: UUID, lock: bool = False) -> Asking:
    """The client as they ask now; with their row locked if `lock`, so that two requests at once,
    from two subscriptions, each count the other. Lock the subscription first.
    """
    unit = current()
    row = await fetch_row(
        _CLIENT + ("FOR NO KEY UPDATE OF c" if lock else ""), client_id, product_id
    )
    assert row is not None, "clients and products are never deleted"
    today = local_date(unit.now, row["time_zone"])
    asked = await fetch_row(
        _ASKED, client_id, unit.now - _RECENT, unit.now - VELOCITY_SPAN, product_id, today
    )
    assert asked is not None, "counting always answers"
    limits: list[Decimal | None] = row["limits"] or [None, None]
    return Asking(
        kyc=kyc_at(recorded=KycState(row["kyc"]), expires_at=row["kyc_expires_at"], now=unit.now),
        kyc_expires_at=row["kyc_expires_at"],
        standing=Standing(row["standing"]),
        allowance=Allowance(
            asset=row["asset"],
            places=row["places"],
            tier=ClientTier(row["tier"]),
            single=limits[0],
            daily=limits[1],
            used=asked["used"],
            resets_at=day_ends_at(day=today, zone=row["time_zone"]),
            time_zone=row["time_zone"],
        ),
        earlier=asked["earlier"],
    )
