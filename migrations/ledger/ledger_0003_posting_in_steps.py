"""Posting in two steps, the rows first and the balances last, and a lighter function for one entry.

Most of what a posting costs is not its rows but the start of each statement around them: every part of a
statement, every trigger and every check of a foreign key is set up anew. So here is as little of that as
keeps every rule: one entry with a few lines has a function of its own, one query checks what is posted,
and what a foreign key says already by way of another row is not checked again.

Balance rows are locked by the last statement, when nothing is left to check: who waits for an account
waits for no more than a transfer's end.
"""

from app.kernel.migrations import sql_migration

ID = "ledger_0003_posting_in_steps"
VERSION = "1.38.0"
DESCRIPTION = "post entries in two steps, and one entry by a lighter function"

# A function of plpgsql in place of one of SQL: its statements run, and are checked, one after the other.
# How rows are reached is as in the second migration.
POST = """
CREATE OR REPLACE FUNCTION ledger_post(
  tenant uuid, actor uuid,
  entry_ids uuid[], books uuid[], keys text[], operations text[],
  subject_kinds text[], subject_ids uuid[], effective_dates date[], narratives text[],
  reversed_ids uuid[],
  posting_entries uuid[], posting_positions integer[], posting_accounts uuid[],
  posting_amounts numeric[]
) RETURNS TABLE (idempotency_key text, entry_id uuid, unlocked bigint)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  posted_keys text[];
  posted_ids uuid[];
  touched uuid[];
  deltas numeric[];
  changed bigint;
  missing bigint := 0;
BEGIN
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
  ), d AS (
    SELECT p.account_id, sum(p.amount) AS delta FROM p GROUP BY p.account_id
  )
  SELECT made.keys, made.ids, due.accounts, due.deltas
    INTO posted_keys, posted_ids, touched, deltas
    FROM (SELECT array_agg(e.idempotency_key) AS keys, array_agg(e.id) AS ids FROM e) made,
      (SELECT array_agg(d.account_id) AS accounts, array_agg(d.delta) AS deltas FROM d) due;
  IF touched IS NOT NULL THEN
    -- Summed per account first: an update applies one joined row only. Locked in the order of the
    -- accounts, so that transfers in opposite directions queue instead of deadlocking.
    WITH l AS MATERIALIZED (
      SELECT b.account_id, d.delta FROM unnest(touched, deltas) AS d (account_id, delta)
      JOIN ledger_balance b ON b.account_id = d.account_id
      WHERE b.tenant_id = tenant AND b.account_id = ANY (touched)
      ORDER BY b.account_id FOR NO KEY UPDATE OF b
    )
    UPDATE ledger_balance b
      SET balance = ledger_floor(b.account_id, b.balance + l.delta), version = b.version + 1
      FROM l
      WHERE b.tenant_id = tenant AND b.account_id = ANY (touched)
        AND b.account_id = l.account_id;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed < cardinality(touched) THEN
      SELECT count(*) - changed INTO missing FROM ledger_account a
        WHERE a.tenant_id = tenant AND a.id = ANY (touched) AND a.floored;
    END IF;
  END IF;
  -- An earlier entry of the same key is looked for only where the insertion left one out.
  RETURN QUERY SELECT g.key,
    coalesce(n.id, (SELECT earlier.id FROM ledger_entry earlier
      WHERE earlier.tenant_id = tenant AND earlier.idempotency_key = g.key)),
    missing
  FROM unnest(keys) AS g (key)
  LEFT JOIN unnest(posted_keys, posted_ids) AS n (key, id) ON n.key = g.key;
END $$;
"""

# The same for one entry with a few lines, to which an array has an end that is soon reached. An index
# scan by `= ANY` goes through the index in its own order, so balances are locked in that of the accounts
# here as well; nothing else is left to the planner.
POST_ENTRY = """
CREATE FUNCTION ledger_post_entry(
  tenant uuid, actor uuid, new_id uuid, book uuid, key text, operation text,
  subject_kind text, subject_id uuid, effective_on date, narrative text, reverses uuid,
  accounts uuid[], amounts numeric[],
  OUT entry_id uuid, OUT unlocked bigint
) LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off
  SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
  changed bigint;
BEGIN
  unlocked := 0;
  WITH e AS (
    INSERT INTO ledger_entry (tenant_id, actor_id, id, book_id, idempotency_key, operation,
      subject_kind, subject_id, effective_on, narrative, reverses_id)
    VALUES (tenant, actor, new_id, book, key, operation, subject_kind, subject_id, effective_on,
      narrative, reverses)
    ON CONFLICT ON CONSTRAINT ledger_entry_idempotency DO NOTHING
    RETURNING 1
  )
  INSERT INTO ledger_posting (tenant_id, entry_id, position, account_id, book_id, asset, amount)
  SELECT tenant, new_id, g.position - 1, g.account_id, book,
    (SELECT a.asset FROM ledger_account a WHERE a.tenant_id = tenant AND a.id = g.account_id),
    g.amount
  FROM e CROSS JOIN unnest(accounts, amounts) WITH ORDINALITY AS g (account_id, amount, position);
  IF NOT FOUND THEN
    SELECT e.id INTO entry_id FROM ledger_entry e
      WHERE e.tenant_id = tenant AND e.idempotency_key = key;
    RETURN;
  END IF;
  entry_id := new_id;
  UPDATE ledger_balance b
    SET balance = ledger_floor(b.account_id, b.balance + (
        SELECT sum(g.amount) FROM unnest(accounts, amounts) AS g (account_id, amount)
        WHERE g.account_id = b.account_id)),
      version = b.version + 1
    WHERE b.tenant_id = tenant AND b.account_id = ANY (accounts);
  GET DIAGNOSTICS changed = ROW_COUNT;
  IF changed < cardinality(accounts) THEN
    SELECT count(*) - changed INTO unlocked FROM ledger_account a
      WHERE a.tenant_id = tenant AND a.id = ANY (accounts) AND a.floored;
  END IF;
END $$;
"""

# As before, in one query: what is off, and what is added to an entry that is already there.
GUARD = """
CREATE OR REPLACE FUNCTION ledger_check_postings() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  broken record;
BEGIN
  SELECT i.entry_id, i.asset, sum(i.amount) AS off INTO broken
    FROM inserted i GROUP BY i.tenant_id, i.entry_id, i.asset
    HAVING sum(i.amount) <> 0 OR (SELECT e.xid FROM ledger_entry e
      WHERE e.tenant_id = i.tenant_id AND e.id = i.entry_id) <> pg_current_xact_id()
    LIMIT 1;
  IF broken.off <> 0 THEN
    RAISE EXCEPTION 'entry % is off by % %', broken.entry_id, broken.off, broken.asset
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_balanced';
  ELSIF FOUND THEN
    RAISE EXCEPTION 'entry % is complete', broken.entry_id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_entry_complete';
  END IF;
  RETURN NULL;
END $$;
"""

# A posting's tenant is its entry's, and an entry's is its book's, by foreign keys that hold the tenant;
# the book's names a tenant. Asking of each row whether there is such a tenant said nothing more, and had
# all writers of a tenant lock its one row.
REFERENCES = """
ALTER TABLE ledger_posting DROP CONSTRAINT ledger_posting_tenant_id_fkey;
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_tenant_id_fkey;
"""

STATEMENTS = [POST, POST_ENTRY, GUARD, REFERENCES]


async def forwards():
    return sql_migration(
        app_name="ledger", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
