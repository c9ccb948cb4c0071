"""The ledger's tables. Written through `operations` alone: their rules live in the migration."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB


class LedgerBook(Table, tablename="ledger_book", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    name = columns.words()
    subject_kind = columns.words()
    subject_id = columns.identifier()
    created_at = columns.instant()


class LedgerAccount(Table, tablename="ledger_account", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    book_id = columns.identifier()
    asset = columns.words()
    kind = columns.words()
    owner_id = columns.identifier(null=True)
    floored = columns.flag()
    name = columns.words()
    created_at = columns.instant()


class LedgerBalance(Table, tablename="ledger_balance", db=DB):
    tenant_id = columns.identifier()
    account_id = columns.identifier(primary_key=True)
    floored = columns.flag()
    balance = columns.amount()
    version = columns.whole()


class LedgerEntry(Table, tablename="ledger_entry", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    book_id = columns.identifier()
    idempotency_key = columns.words()
    operation = columns.words()
    subject_kind = columns.words()
    subject_id = columns.identifier()
    actor_id = columns.identifier(null=True)
    effective_on = columns.day()
    recorded_at = columns.instant()
    narrative = columns.words()
    reverses_id = columns.identifier(null=True)
    xid = columns.whole()  # xid8: a transaction's number, never reused within a cluster


class LedgerPosting(Table, tablename="ledger_posting", db=DB):
    tenant_id = columns.identifier()
    # The key is (tenant, entry, position); Piccolo knows keys of one column alone.
    entry_id = columns.identifier(primary_key=True)
    position = columns.whole()
    account_id = columns.identifier()
    book_id = columns.identifier()
    asset = columns.words()
    amount = columns.amount()
    xid = columns.whole()


class LedgerSnapshot(Table, tablename="ledger_snapshot", db=DB):
    tenant_id = columns.identifier()
    account_id = columns.identifier(primary_key=True)
    cluster_id = columns.whole()
    horizon = columns.whole()
    balance = columns.amount()
    taken_at = columns.instant()
