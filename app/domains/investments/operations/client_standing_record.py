"""Compliance records that a client has died, is on a sanctions list, or is in good standing again."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.client_trail import (
    change_client,
    lock_client,
)
from app.domains.investments.values import Standing
from app.kernel.notes import checked_reason


async def record_standing(
    *, client_id: UUID, standing: Standing, note: str, version: int | None = None
) -> None:
    """Record it, in place of what was recorded before; the trail keeps both.

    Redemptions on their way are held where they next would move; what is held stays so until it is
    resumed. Raises `NotFound`, `ClientChanged`, and `InputInvalid` without a reason.
    """
    reason = checked_reason(note)
    client = await lock_client(client_id=client_id, version=version)
    await change_client(
        client,
        change="standing_recorded",
        changes={"standing": standing.value},
        before={"standing": client["standing"]},
        after={"standing": standing.value, "note": reason},
    )
