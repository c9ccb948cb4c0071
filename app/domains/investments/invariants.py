"""What must always hold of investment products."""

from __future__ import annotations

from app.kernel.invariants import Invariant

_BALANCE = "(SELECT coalesce(sum(g.amount), 0) FROM ledger_posting g WHERE g.account_id = {0})"

INVARIANTS = (
    Invariant(
        name="investments.units_outstanding",
        explains="Units issued differ from what clients hold: free, locked and struck.",
        sql="""
            SELECT p.id AS product_id, sum(g.amount) AS difference
            FROM product p JOIN ledger_account a ON a.book_id = p.book_id
            JOIN ledger_posting g ON g.account_id = a.id
            WHERE a.asset = 'units:' || p.book_id GROUP BY p.id HAVING sum(g.amount) <> 0
        """,
    ),
    Invariant(
        name="investments.units_locked_once",
        explains="The locked units of a subscription differ from its open requests.",
        sql=f"""
            SELECT s.id AS subscription_id FROM subscription s
            WHERE {_BALANCE.format("s.locked_account_id")} <> (
              SELECT coalesce(sum(r.units), 0) FROM redemption r
              WHERE r.subscription_id = s.id AND coalesce(r.held_from, r.state)
                IN ('pending_approval', 'pending_compliance', 'awaiting_client'))
        """,
    ),
    Invariant(
        name="investments.units_struck_once",
        explains="The struck units of a subscription differ from its approved, unpaid redemptions.",
        sql=f"""
            SELECT s.id AS subscription_id FROM subscription s
            WHERE {_BALANCE.format("s.struck_account_id")} <> (
              SELECT coalesce(sum(r.units), 0) FROM redemption r WHERE r.subscription_id = s.id
              AND coalesce(r.held_from, r.state) IN ('approved', 'ready', 'in_transit', 'payout_failed'))
        """,
    ),
    Invariant(
        name="investments.paid_once",
        explains="A completed redemption has not exactly one confirmed payout of its net.",
        sql="""
            SELECT r.id AS redemption_id FROM redemption r LEFT JOIN payout y
              ON y.redemption_id = r.id AND y.state = 'confirmed'
            WHERE r.state = 'completed' OR y.id IS NOT NULL
            GROUP BY r.id, r.net, r.state
            HAVING r.state <> 'completed' OR count(y.id) <> 1 OR sum(y.amount) <> r.net
        """,
    ),
    Invariant(
        name="investments.obligations",
        explains="What a fixed-yield subscription is owed differs from its principal and yield.",
        sql=f"""
            SELECT s.id AS subscription_id FROM subscription s
            JOIN product p ON p.id = s.product_id WHERE p.kind = 'fixed_yield'
            AND ({_BALANCE.format("s.claim_account_id")} <> -s.principal
              OR {_BALANCE.format("s.yield_account_id")} <> -s.accrued)
        """,
    ),
    Invariant(
        name="investments.redemptions_owed",
        explains="What a product owes for struck redemptions differs from their gross.",
        sql=f"""
            SELECT p.id AS product_id FROM product p
            JOIN ledger_account a ON a.book_id = p.book_id AND a.kind = 'redemptions_owed'
            WHERE {_BALANCE.format("a.id")} <> -(
              SELECT coalesce(sum(r.gross), 0) FROM redemption r WHERE r.product_id = p.id
              AND coalesce(r.held_from, r.state) IN ('approved', 'ready', 'in_transit', 'payout_failed'))
        """,
    ),
    Invariant(
        name="investments.reserved_for_payouts",
        explains="A staging vault has set aside something else than its open payouts need.",
        sql=f"""
            SELECT c.id AS custody_account_id FROM custody_account c
            WHERE c.kind = 'staging_vault' AND {_BALANCE.format("c.reserved_account_id")} <> (
              SELECT coalesce(sum(r.reserved), 0) FROM redemption r
              WHERE r.source_account_id = c.id)
        """,
    ),
    Invariant(
        name="investments.deposits_apart",
        explains="Deposits without units differ from what is kept apart for them in staging.",
        sql=f"""
            SELECT c.id AS custody_account_id FROM custody_account c
            WHERE c.kind = 'staging_vault' AND {_BALANCE.format("c.unallocated_account_id")} <> (
              SELECT coalesce(sum(d.amount), 0) FROM deposit d
              WHERE d.custody_account_id = c.id AND d.state = 'confirmed')
        """,
    ),
    Invariant(
        name="investments.three_people",
        explains="A completed redemption was not approved by somebody other than its client, or was"
        " marked ready by its approver.",
        sql="""
            SELECT r.id AS redemption_id FROM redemption r JOIN client c ON c.id = r.client_id
            WHERE r.state = 'completed' AND NOT EXISTS (
              SELECT 1 FROM approval_decision d JOIN redemption_event e
                ON e.redemption_id = r.id AND e.event = 'ready'
              WHERE d.approval_id = r.approval_id AND d.decision = 'approve'
              AND d.membership_id <> c.membership_id AND e.actor_id <> d.membership_id)
        """,
    ),
    Invariant(
        name="investments.compliance_after_manager",
        explains="A redemption waits for compliance, but its approval is closed or at its manager.",
        sql="""
            SELECT r.id AS redemption_id FROM redemption r JOIN approval a ON a.id = r.approval_id
            WHERE coalesce(r.held_from, r.state) = 'pending_compliance'
            AND (a.state <> 'pending' OR a.stage = 0)
        """,
    ),
    Invariant(
        name="investments.deadline_while_owed",
        explains="An approved, unpaid redemption has no payout deadline that still counts.",
        sql="""
            SELECT r.id AS redemption_id FROM redemption r
            WHERE coalesce(r.held_from, r.state) IN ('approved', 'ready', 'in_transit', 'payout_failed')
            AND NOT EXISTS (SELECT 1 FROM deadline d WHERE d.subject_kind = 'redemption'
              AND d.subject_id = r.id AND d.kind = 'payout' AND d.stopped_at IS NULL)
        """,
    ),
)
