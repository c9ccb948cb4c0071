"""Take on a client, with the relationship manager who serves them."""

from __future__ import annotations

from uuid import UUID

from app.kernel import audit
from app.kernel.database import current, execute
from app.kernel.ids import new_id


async def open_client(*, membership_id: UUID, rm_membership_id: UUID, name: str) -> UUID:
    """Make the member a client of the relationship manager. Returns the client's id."""
    client_id = new_id()
    await execute(
        "INSERT INTO client (id, tenant_id, membership_id, rm_membership_id, name)"
        " VALUES ($1, $2, $3, $4, $5)",
        client_id,
        current().tenant,
        membership_id,
        rm_membership_id,
        name,
    )
    await audit.record(
        action="client.open",
        subject_kind="client",
        subject_id=client_id,
        after={"rm": str(rm_membership_id)},
    )
    return client_id
