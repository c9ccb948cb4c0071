"""What always holds in the ledger: each query returns the rows that break it."""

from __future__ import annotations

from app.kernel.invariants import Invariant

INVARIANTS = (
    Invariant(
        name="ledger.entries_balance",
        explains="The postings of every entry sum to zero for each asset.",
        sql="""
            SELECT entry_id, asset, sum(amount) AS off FROM ledger_posting
            GROUP BY entry_id, asset HAVING sum(amount) <> 0
        """,
    ),
    Invariant(
        name="ledger.entries_have_postings",
        explains="There is no entry without postings.",
        sql="""
            SELECT e.id AS entry_id FROM ledger_entry e
            LEFT JOIN ledger_posting p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id
            WHERE p.entry_id IS NULL
        """,
    ),
    Invariant(
        name="ledger.postings_name_what_is_there",
        explains="The entry and the account of every posting are there, in its book and its asset.",
        sql="""
            SELECT p.entry_id, p.position, p.account_id FROM ledger_posting p
            LEFT JOIN ledger_entry e
              ON e.tenant_id = p.tenant_id AND e.id = p.entry_id AND e.book_id = p.book_id
            LEFT JOIN ledger_account a
              ON a.tenant_id = p.tenant_id AND a.id = p.account_id AND a.book_id = p.book_id
              AND a.asset = p.asset
            WHERE e.id IS NULL OR a.id IS NULL
        """,
    ),
    Invariant(
        name="ledger.balances_equal_postings",
        explains="The balance row of every floored account is there and equals its postings.",
        sql="""
            SELECT a.id AS account_id, b.balance, coalesce(p.amount, 0) AS postings
            FROM ledger_account a
            LEFT JOIN ledger_balance b ON b.tenant_id = a.tenant_id AND b.account_id = a.id
            LEFT JOIN (
              SELECT account_id, sum(amount) AS amount FROM ledger_posting GROUP BY account_id
            ) p ON p.account_id = a.id
            WHERE a.floored AND b.balance IS DISTINCT FROM coalesce(p.amount, 0)
        """,
    ),
    Invariant(
        name="ledger.balances_not_negative",
        explains="No floored account is below zero by its postings.",
        sql="""
            SELECT p.account_id, sum(p.amount) AS amount FROM ledger_posting p
            JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.id = p.account_id
            WHERE a.floored GROUP BY p.account_id HAVING sum(p.amount) < 0
        """,
    ),
    Invariant(
        name="ledger.snapshots_equal_postings",
        explains="Every snapshot equals the postings below its horizon.",
        sql="""
            SELECT s.account_id, s.horizon::text AS horizon, s.balance, p.amount
            FROM ledger_snapshot s
            CROSS JOIN LATERAL (
              SELECT coalesce(sum(p.amount), 0) AS amount FROM ledger_posting p
              WHERE p.tenant_id = s.tenant_id AND p.account_id = s.account_id
                AND p.xid < s.horizon
            ) p
            WHERE s.cluster_id = (SELECT cluster_identifier())
              AND s.balance <> p.amount
        """,
    ),
    Invariant(
        name="ledger.reversals_mirror",
        explains="A reversing entry undoes exactly what the entry it names did to each account.",
        sql="""
            SELECT r.id AS entry_id, p.account_id, sum(p.amount) AS off
            FROM ledger_entry r
            JOIN ledger_posting p
              ON p.tenant_id = r.tenant_id AND p.entry_id IN (r.id, r.reverses_id)
            WHERE r.reverses_id IS NOT NULL
            GROUP BY r.id, p.account_id HAVING sum(p.amount) <> 0
        """,
    ),
)
