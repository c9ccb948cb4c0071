"""What recording a client's KYC, standing or tier shares: the lock, the change and its trail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.operations.redemption_trail import Changed
from app.kernel import audit
from app.kernel.database import execute, fetch_row
from app.kernel.errors import NotFound
from app.kernel.outbox import emit

_COLUMNS = frozenset({"kyc", "kyc_expires_at", "standing", "tier"})


class ClientChanged(Changed):
    code = "CLIENT_CHANGED"
    title = "Something of this client was recorded while you looked; reload it and decide again"


async def lock_client(*, client_id: UUID, version: int | None = None) -> Any:
    """The client and the tenant's `time_zone`, the client's row locked until commit. A request of
    theirs and a payout to them, under way at the same time, come before it or after.

    Nothing else is locked behind it. Raises `NotFound`, and `ClientChanged` where `version` is an
    older one.
    """
    row = await fetch_row(
        "SELECT c.*, t.time_zone FROM client c JOIN tenant t ON t.id = c.tenant_id"
        " WHERE c.id = $1 FOR NO KEY UPDATE OF c",
        client_id,
    )
    if row is None:
        raise NotFound
    if version is not None and version != row["version"]:
        raise ClientChanged
    return row


async def change_client(
    client: Any,
    *,
    change: str,
    before: dict[str, Any],
    after: dict[str, Any],
    changes: dict[str, Any] | None = None,
) -> None:
    """Give a locked client its next version, with its columns `changes`, and leave audit and event.
    The event says what kind of change it was, not what was found."""
    changed = changes or {}
    assert changed.keys() <= _COLUMNS, "column names go into the statement"
    sets = "".join(f", {column} = ${index}" for index, column in enumerate(changed, start=2))
    await execute(
        f"UPDATE client SET version = version + 1{sets} WHERE id = $1",
        client["id"],
        *changed.values(),
    )
    await audit.record(
        action=f"client.{change}",
        subject_kind="client",
        subject_id=client["id"],
        before=before,
        after=after,
    )
    await emit(
        type=f"client.{change}",
        subject_kind="client",
        subject_id=client["id"],
        payload={"client_id": str(client["id"])},
        topics=[
            f"client:{client['membership_id']}",
            f"rm:{client['rm_membership_id']}",
            "redemptions",
        ],
    )
