"""End a refresh family: its refresh tokens and its access tokens die at once."""

from __future__ import annotations

from uuid import UUID

from app.kernel import audit
from app.kernel.database import fetch_value


async def revoke_family(*, family_id: UUID) -> None:
    """Revoking a revoked family changes nothing."""
    membership_id = await fetch_value(
        "UPDATE refresh_family SET revoked_at = clock_timestamp()"
        " WHERE id = $1 AND revoked_at IS NULL RETURNING membership_id",
        family_id,
    )
    if membership_id is not None:
        await audit.record(
            action="token.revoke", subject_kind="membership", subject_id=membership_id
        )
