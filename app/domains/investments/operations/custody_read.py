"""Keep what the custodian says is in an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.kernel.database import current, fetch
from app.kernel.outbox import emit


async def record_readings(*, readings: Sequence[tuple[UUID, Decimal]], read_at: datetime) -> None:
    """Keep the latest balance of each custody account; live pages are told of those that moved."""
    moved = await fetch(
        "WITH before AS (SELECT id, balance FROM custody_account WHERE id = ANY($1) FOR UPDATE)"
        " UPDATE custody_account a SET balance = u.balance, read_at = $3"
        " FROM unnest($1::uuid[], $2::numeric[]) AS u (id, balance), before b"
        " WHERE a.id = u.id AND b.id = u.id"
        " RETURNING a.id, b.balance IS DISTINCT FROM u.balance AS has_moved",
        [account_id for account_id, _ in readings],
        [balance for _, balance in readings],
        read_at,
    )
    if any(row["has_moved"] for row in moved):
        await emit(
            type="custody.balances_moved",
            subject_kind="tenant",
            subject_id=current().tenant,
            payload={},
            topics=["settlement"],
        )
