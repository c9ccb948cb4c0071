"""Take on a client, with the relationship manager who serves them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.domains.investments.values import ClientTier, KycState
from app.kernel import audit
from app.kernel.clock import utc
from app.kernel.database import current, execute
from app.kernel.ids import new_id


async def open_client(
    *,
    membership_id: UUID,
    rm_membership_id: UUID,
    name: str,
    kyc_expires_at: datetime | None,
    tier: ClientTier = ClientTier.standard,
) -> UUID:
    """Make the member a client of the relationship manager. Returns the client's id.

    Their KYC is passed until `kyc_expires_at`; without it, they can redeem nothing before
    compliance has recorded that it is.
    """
    client_id = new_id()
    kyc = KycState.pending if kyc_expires_at is None else KycState.passed
    await execute(
        "INSERT INTO client (id, tenant_id, membership_id, rm_membership_id, name, tier, kyc,"
        " kyc_expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        client_id,
        current().tenant,
        membership_id,
        rm_membership_id,
        name,
        tier.value,
        kyc.value,
        kyc_expires_at,
    )
    await audit.record(
        action="client.open",
        subject_kind="client",
        subject_id=client_id,
        after={
            "rm": str(rm_membership_id),
            "tier": tier.value,
            "kyc": kyc.value,
            "kyc_expires_at": utc(kyc_expires_at) if kyc_expires_at else None,
        },
    )
    return client_id
