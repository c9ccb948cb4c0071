"""End a session at once."""

from __future__ import annotations

from uuid import UUID

from app.kernel import audit
from app.kernel.database import fetch_value


async def end_session(*, session_id: UUID) -> None:
    """The session stops working now; ending an ended one changes nothing."""
    membership_id = await fetch_value(
        "UPDATE session SET ended_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL"
        " RETURNING membership_id",
        session_id,
    )
    if membership_id is not None:
        await audit.record(
            action="session.end", subject_kind="membership", subject_id=membership_id
        )
