"""What the audit trail hands out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class AuditRecordView(msgspec.Struct, frozen=True, kw_only=True):
    """`recorded_at` is real time, `business_at` the business time of the same moment."""

    id: UUID
    recorded_at: datetime
    business_at: datetime
    actor_id: UUID | None
    actor_name: str
    actor_role: str
    action: str
    subject_kind: str
    subject_id: UUID
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str
    address: str


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What verification found. `records` are the sealed ones that were recomputed; `unsealed` wait
    for the sealer; `first_break` names the first thing wrong, in the order of the chain.
    """

    tenant: UUID
    ok: bool
    records: int
    unsealed: int
    batches: int
    checkpoints: int
    first_break: str | None
