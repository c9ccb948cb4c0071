"""Policies, and what a decision led to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec


class ApprovalState(StrEnum):
    pending = "pending"
    approved = "approved"
    rejected = "rejected"
    cancelled = "cancelled"


class Decision(StrEnum):
    approve = "approve"
    reject = "reject"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: `quorum` people with `permission`; only `approvers` (or their delegates) if named.

    A stage with a `threshold` is asked for only when the amount reaches it.
    """

    name: str
    permission: str
    quorum: int = 1
    approvers: list[UUID] | None = None
    threshold: Decimal | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    stages: list[Stage]

    def for_amount(self, amount: Decimal | None) -> Policy:
        """The stages that `amount` calls for; every stage without a threshold always is."""
        return Policy(
            stages=[
                stage
                for stage in self.stages
                if stage.threshold is None or (amount is not None and amount >= stage.threshold)
            ]
        )


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision led to. `stage` is where the approval stands after it, from 0."""

    approval_id: UUID
    subject_kind: str
    subject_id: UUID
    state: ApprovalState
    stage: int
    decided_by: UUID
    decided_by_name: str
    note: str

    @property
    def is_final(self) -> bool:
        return self.state is not ApprovalState.pending


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    membership_id: UUID
    name: str
    stage: int
    decision: Decision
    note: str
    decided_at: datetime


class DelegationView(msgspec.Struct, frozen=True, kw_only=True):
    """`to_membership_id` may do `permissions` for whoever gave it, from `starts_at` to `ends_at`."""

    id: UUID
    to_membership_id: UUID
    permissions: list[str]
    starts_at: datetime
    ends_at: datetime
    revoked_at: datetime | None


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    subject_kind: str
    subject_id: UUID
    state: ApprovalState
    stage: int
    stages: Sequence[Stage]
    requested_by: UUID | None
    requested_at: datetime
    decided_at: datetime | None
    decisions: list[DecisionView]
