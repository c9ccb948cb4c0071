"""Approvals, their append-only decisions, and delegations while somebody is away."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.approvals.values import ApprovalState, Decision
from app.kernel.database import DB


class Approval(Table, tablename="approval", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    subject_kind = columns.words()
    subject_id = columns.identifier()
    policy = columns.json()
    state = columns.choice(ApprovalState)
    stage = columns.whole()
    requested_by = columns.identifier(null=True)
    requested_at = columns.instant()
    decided_at = columns.instant(null=True)


class ApprovalDecision(Table, tablename="approval_decision", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    approval_id = columns.identifier()
    stage = columns.whole()
    membership_id = columns.identifier()
    name = columns.words()
    decision = columns.choice(Decision)
    note = columns.words()
    decided_at = columns.instant()


class Delegation(Table, tablename="delegation", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    from_membership_id = columns.identifier()
    to_membership_id = columns.identifier()
    permissions = columns.words_list()
    starts_at = columns.instant()
    ends_at = columns.instant()
    revoked_at = columns.instant(null=True)
