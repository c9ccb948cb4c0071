"""Posting reaches its rows by their keys, whatever the planner believes of the tables.

A connection keeps its plans. One made while a tenant's ledger was small joined by reading all of its
entries or accounts, and went on doing so while it grew, until statistics were gathered. Scalar
subqueries, `= ANY` and no sequential scans leave the planner nothing but the keys; so there is one plan,
and no call pays for another.
"""

from app.kernel.migrations import sql_migration

ID = "ledger_0002_posting_by_index"
VERSION = "1.38.0"
DESCRIPTION = "post entries by index, with plans that do not age"

# As in the first migration, but for how rows are reached. An earlier entry of the same key is looked
# for only where the insertion left one out.
POST = """
CREATE OR REPLACE FUNCTION ledger_post(
  tenant uuid, actor uuid,
  entry_ids uuid[], books uuid[], keys text[], operations text[],
  subject_kinds text[], subject_ids uuid[], effective_dates date[], narratives text[],
  reversed_ids uuid[],
  posting_entries uuid[], posting_positions integer[], posting_accounts uuid[],
  posting_amounts numeric[]
) RETURNS TABLE (idempotency_key text, entry_id uuid, unlocked bigint)
LANGUAGE sql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
WITH e AS (
  INSERT INTO ledger_entry (tenant_id, actor_id, id, book_id, idempotency_key, operation,
    subject_kind, subject_id, effective_on, narrative, reverses_id)
  SELECT tenant, actor, g.* FROM unnest(entry_ids, books, keys, operations, subject_kinds,
    subject_ids, effective_dates, narratives, reversed_ids)
    AS g (id, book_id, key, operation, subject_kind, subject_id, effective_on, narrative, reverses)
  ORDER BY g.key
  ON CONFLICT ON CONSTRAINT ledger_entry_idempotency DO NOTHING
  RETURNING id, book_id, ledger_entry.idempotency_key
), p AS (
  INSERT INTO ledger_posting
    (tenant_id, entry_id, position, account_id, book_id, asset, amount)
  SELECT tenant, e.id, g.position, g.account_id, e.book_id,
    (SELECT a.asset FROM ledger_account a WHERE a.tenant_id = tenant AND a.id = g.account_id),
    g.amount
  FROM unnest(posting_entries, posting_positions, posting_accounts, posting_amounts)
    AS g (entry_id, position, account_id, amount)
  JOIN e ON e.id = g.entry_id
  RETURNING ledger_posting.account_id, ledger_posting.amount
), d AS MATERIALIZED (
  SELECT p.account_id, sum(p.amount) AS delta FROM p GROUP BY p.account_id
), l AS MATERIALIZED (
  SELECT b.account_id, d.delta FROM d JOIN ledger_balance b ON b.account_id = d.account_id
  WHERE b.tenant_id = tenant AND b.account_id = ANY (posting_accounts)
  ORDER BY b.account_id FOR NO KEY UPDATE OF b
), u AS (
  UPDATE ledger_balance b
  SET balance = ledger_floor(b.account_id, b.balance + l.delta), version = b.version + 1
  FROM l
  WHERE b.tenant_id = tenant AND b.account_id = ANY (posting_accounts)
    AND b.account_id = l.account_id
  RETURNING 1
)
SELECT g.key,
  coalesce(e.id, (SELECT earlier.id FROM ledger_entry earlier
    WHERE earlier.tenant_id = tenant AND earlier.idempotency_key = g.key)),
  (SELECT count(*) FROM d WHERE (SELECT a.floored FROM ledger_account a
    WHERE a.tenant_id = tenant AND a.id = d.account_id)) - (SELECT count(*) FROM u)
FROM unnest(keys) AS g (key)
LEFT JOIN e ON e.idempotency_key = g.key
$$;
"""

GUARDS = """
CREATE OR REPLACE FUNCTION ledger_check_postings() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken record;
BEGIN
  SELECT i.entry_id, i.asset, sum(i.amount) AS off INTO broken
    FROM inserted i GROUP BY i.tenant_id, i.entry_id, i.asset HAVING sum(i.amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % is off by % %', broken.entry_id, broken.off, broken.asset
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_balanced';
  END IF;
  -- Nobody adds postings to an entry that is already there, balanced or not.
  SELECT i.entry_id INTO broken FROM (SELECT DISTINCT tenant_id, entry_id FROM inserted) i
    WHERE (SELECT e.xid FROM ledger_entry e
      WHERE e.tenant_id = i.tenant_id AND e.id = i.entry_id) <> pg_current_xact_id() LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % is complete', broken.entry_id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_entry_complete';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger_check_entries() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  empty record;
BEGIN
  SELECT i.id INTO empty FROM inserted i WHERE (SELECT p.position FROM ledger_posting p
    WHERE p.tenant_id = i.tenant_id AND p.entry_id = i.id LIMIT 1) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % has no postings', empty.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_has_postings';
  END IF;
  RETURN NULL;
END $$;
"""

# The same for the checks of foreign keys: `app.kernel.migrate` says so of every tenant's column, this
# of the book's.
FIRST_STATISTICS = """
SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', t.name, 'attname', 'book_id',
  'inherited', false, 'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real)
FROM (VALUES ('ledger_entry'), ('ledger_posting'), ('ledger_account')) AS t (name)
WHERE NOT EXISTS (
  SELECT FROM pg_stats s WHERE s.schemaname = 'public' AND s.tablename = t.name)
"""

STATEMENTS = [POST, GUARDS, FIRST_STATISTICS]


async def forwards():
    return sql_migration(
        app_name="ledger", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
