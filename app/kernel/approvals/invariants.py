"""What must always hold of approvals."""

from __future__ import annotations

from app.kernel.invariants import Invariant

INVARIANTS = (
    Invariant(
        name="approvals.nobody_decides_their_own",
        explains="A decision on a request was made by the person who asked.",
        sql="""
            SELECT d.id AS decision_id, d.approval_id, d.membership_id
            FROM approval_decision d JOIN approval a ON a.id = d.approval_id
            WHERE d.membership_id = a.requested_by
        """,
    ),
    Invariant(
        name="approvals.approved_by_quorum",
        explains="An approval counts as approved, but a stage of it has fewer votes than its quorum.",
        sql="""
            SELECT a.id AS approval_id, s.position - 1 AS stage
            FROM approval a, jsonb_array_elements(a.policy -> 'stages')
              WITH ORDINALITY AS s (stage, position)
            WHERE a.state = 'approved' AND (s.stage ->> 'quorum')::int > (
              SELECT count(*) FROM approval_decision d
              WHERE d.approval_id = a.id AND d.stage = s.position - 1 AND d.decision = 'approve')
        """,
    ),
    Invariant(
        name="approvals.rejected_by_somebody",
        explains="An approval counts as rejected, but nobody rejected it.",
        sql="""
            SELECT a.id AS approval_id FROM approval a WHERE a.state = 'rejected' AND NOT EXISTS (
              SELECT 1 FROM approval_decision d
              WHERE d.approval_id = a.id AND d.decision = 'reject')
        """,
    ),
)
