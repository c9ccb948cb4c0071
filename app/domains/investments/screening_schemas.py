"""What the API takes and shows of clients' KYC, standing and tier."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.client_values import Screening, ScreeningRow, ScreeningView
from app.domains.investments.schemas.shapes import Body, Out
from app.domains.investments.values import ClientTier, KycState, Standing
from app.kernel.clock import utc


class KycBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`valid_until` is the last day, in the tenant's zone, where it is passed."""

    kyc: KycState
    valid_until: str | None = None
    note: str


class StandingBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    standing: Standing
    note: str


class TierBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tier: ClientTier
    note: str


class TierChangeOut(Out, frozen=True, kw_only=True):
    """Decided by `POST /approvals/{approval_id}/decisions`."""

    id: UUID
    approval_id: UUID
    tier: str
    note: str
    requested_by: str
    requested_at: str


class ScreeningOut(Out, frozen=True, kw_only=True):
    """`bars` says why nothing is paid to the client; empty where they may be paid. `standing` is
    `under_review` to who may not record it, while it is `sanctioned`."""

    client_id: UUID
    version: int
    name: str
    tier: str
    tier_change: TierChangeOut | None
    kyc: str
    kyc_valid_until: str | None
    kyc_expires_at: str | None
    standing: str
    bars: list[str]
    held_redemption_ids: list[UUID]


class ScreeningRowOut(Out, frozen=True, kw_only=True):
    client_id: UUID
    name: str
    relationship_manager: str
    tier: str
    kyc: str
    kyc_valid_until: str | None
    standing: str
    redemptions_open: int
    on_hold: int


def screening_out(view: ScreeningView) -> ScreeningOut:
    found, pending = view.screening, view.pending
    return ScreeningOut(
        client_id=view.id,
        version=view.version,
        name=view.name,
        tier=found.tier.value,
        tier_change=None
        if pending is None
        else TierChangeOut(
            id=pending.id,
            approval_id=pending.approval_id,
            tier=pending.after.value,
            note=pending.note,
            requested_by=pending.requested_by,
            requested_at=utc(pending.requested_at),
        ),
        kyc=found.kyc.value,
        kyc_valid_until=_last_day(found),
        kyc_expires_at=None if found.kyc_expires_at is None else utc(found.kyc_expires_at),
        standing=found.standing,
        bars=view.bars,
        held_redemption_ids=[row.id for row in view.held],
    )


def screening_row_out(row: ScreeningRow) -> ScreeningRowOut:
    return ScreeningRowOut(
        client_id=row.id,
        name=row.name,
        relationship_manager=row.rm_name,
        tier=row.screening.tier.value,
        kyc=row.screening.kyc.value,
        kyc_valid_until=_last_day(row.screening),
        standing=row.screening.standing,
        redemptions_open=row.redemptions_open,
        on_hold=row.on_hold,
    )


def _last_day(screening: Screening) -> str | None:
    day = screening.kyc_last_day
    return None if day is None else day.isoformat()
