"""What a posting points at is checked by one query for all postings of a statement.

A foreign key is checked row by row, by a query of its own each time that is set up anew and locks the row
it finds: five of them for one entry of two lines, a fifth of what posting it cost, and every writer of a
tenant locked the same accounts and the same book. The statement's trigger looks at the entry and sums the
postings in any case; it now says as well that entry and account are there, in the posting's own book and
asset. That they stay, their own triggers say: both tables refuse UPDATE, DELETE and TRUNCATE to everybody.

The foreign keys stay in the schema, for whoever reads it, as not enforced. The one from entries to books
says nothing more: an entry has postings, all in its book, and their accounts are in that book by a foreign
key that is enforced.
"""

from app.kernel.migrations import sql_migration

ID = "ledger_0004_references_in_one_query"
VERSION = "1.38.0"
DESCRIPTION = "check what postings point at in the statement's trigger"

GUARD = """
CREATE OR REPLACE FUNCTION ledger_check_postings() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken record;
BEGIN
  -- Nearly always nothing is wrong: then this is all. Rows are reached by their keys alone, as in the
  -- second migration.
  PERFORM FROM inserted i
    GROUP BY i.tenant_id, i.entry_id, i.book_id, i.asset
    HAVING sum(i.amount) <> 0
      OR count((SELECT a.id FROM ledger_account a WHERE a.tenant_id = i.tenant_id
        AND a.id = i.account_id AND a.book_id = i.book_id AND a.asset = i.asset)) < count(*)
      OR (SELECT e.xid FROM ledger_entry e WHERE e.tenant_id = i.tenant_id AND e.id = i.entry_id
        AND e.book_id = i.book_id) IS DISTINCT FROM pg_current_xact_id()
    LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT i.entry_id, i.account_id INTO broken FROM inserted i
    WHERE (SELECT a.id FROM ledger_account a WHERE a.tenant_id = i.tenant_id
      AND a.id = i.account_id AND a.book_id = i.book_id AND a.asset = i.asset) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % names account %, which is not of its book and asset',
      broken.entry_id, broken.account_id USING ERRCODE = 'foreign_key_violation',
      CONSTRAINT = 'ledger_posting_tenant_id_account_id_book_id_asset_fkey';
  END IF;
  SELECT i.entry_id INTO broken FROM inserted i
    WHERE (SELECT e.id FROM ledger_entry e WHERE e.tenant_id = i.tenant_id AND e.id = i.entry_id
      AND e.book_id = i.book_id) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % is not there, or is of another book', broken.entry_id
      USING ERRCODE = 'foreign_key_violation',
      CONSTRAINT = 'ledger_posting_tenant_id_entry_id_book_id_fkey';
  END IF;
  SELECT i.entry_id, i.asset, sum(i.amount) AS off INTO broken FROM inserted i
    GROUP BY i.tenant_id, i.entry_id, i.asset HAVING sum(i.amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % is off by % %', broken.entry_id, broken.off, broken.asset
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_balanced';
  END IF;
  -- Nobody adds postings to an entry that is already there, balanced or not.
  SELECT i.entry_id INTO broken FROM inserted i
    WHERE (SELECT e.xid FROM ledger_entry e WHERE e.tenant_id = i.tenant_id
      AND e.id = i.entry_id) <> pg_current_xact_id() LIMIT 1;
  RAISE EXCEPTION 'entry % is complete', broken.entry_id
    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_entry_complete';
END $$;
"""

REFERENCES = """
ALTER TABLE ledger_posting
  ALTER CONSTRAINT ledger_posting_tenant_id_entry_id_book_id_fkey NOT ENFORCED,
  ALTER CONSTRAINT ledger_posting_tenant_id_account_id_book_id_asset_fkey NOT ENFORCED;
ALTER TABLE ledger_entry ALTER CONSTRAINT ledger_entry_tenant_id_book_id_fkey NOT ENFORCED;
"""

STATEMENTS = [GUARD, REFERENCES]


async def forwards():
    return sql_migration(
        app_name="ledger", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
