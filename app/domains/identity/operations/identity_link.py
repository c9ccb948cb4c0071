"""Link an account to the person that an identity provider knows under a subject."""

from __future__ import annotations

from uuid import UUID

from app.kernel.database import fetch_value
from app.kernel.errors import Conflict
from app.kernel.ids import new_id


class IdentityTaken(Conflict):
    code = "IDENTITY_TAKEN"
    title = "This person of the identity provider is linked to another account"


async def link_identity(*, account_id: UUID, issuer: str, subject: str) -> None:
    """From now on `subject` at `issuer` signs in to this account; safe to repeat.

    The caller has proof of both. Raises `IdentityTaken` where it is linked elsewhere.
    """
    await fetch_value(
        "INSERT INTO federated_identity (id, issuer, subject, account_id, linked_at)"
        " VALUES ($1, $2, $3, $4, clock_timestamp()) ON CONFLICT (issuer, subject) DO NOTHING"
        " RETURNING id",
        new_id(),
        issuer,
        subject,
        account_id,
    )
    owner = await fetch_value(
        "SELECT account_id FROM federated_identity WHERE issuer = $1 AND subject = $2",
        issuer,
        subject,
    )
    if owner != account_id:
        raise IdentityTaken
