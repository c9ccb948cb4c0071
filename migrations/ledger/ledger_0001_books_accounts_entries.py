"""The ledger: books, accounts, entries and postings, and what the database itself refuses."""

from app.kernel.migrations import append_only, finite, sql_migration, tenant_table

ID = "ledger_0001_books_accounts_entries"
VERSION = "1.38.0"
DESCRIPTION = "double-entry ledger"

BOOKS_AND_ACCOUNTS = f"""
CREATE TABLE ledger_book (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  subject_kind text NOT NULL,
  subject_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT app_now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT ledger_book_subject UNIQUE (tenant_id, subject_kind, subject_id)
);
{tenant_table("ledger_book", grants="SELECT, INSERT")}

CREATE TABLE ledger_account (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  book_id uuid NOT NULL,
  asset text NOT NULL CHECK (asset <> ''),
  kind text NOT NULL CHECK (kind <> ''),
  owner_id uuid,
  floored boolean NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  created_at timestamptz NOT NULL DEFAULT app_now(),
  PRIMARY KEY (tenant_id, id),
  -- What a posting points at: so that it can name neither another book nor another asset.
  CONSTRAINT ledger_account_place UNIQUE (tenant_id, id, book_id, asset),
  CONSTRAINT ledger_account_purpose
    UNIQUE NULLS NOT DISTINCT (tenant_id, book_id, asset, kind, owner_id),
  CONSTRAINT ledger_account_floored UNIQUE (tenant_id, id, floored),
  FOREIGN KEY (tenant_id, book_id) REFERENCES ledger_book (tenant_id, id)
);
CREATE INDEX ledger_account_owner ON ledger_account (tenant_id, owner_id);
{tenant_table("ledger_account", grants="SELECT, INSERT")}
{append_only("ledger_account")}

-- Only accounts that cannot go below zero have a balance row: it is what their writers queue on.
CREATE TABLE ledger_balance (
  tenant_id uuid NOT NULL REFERENCES tenant,
  account_id uuid NOT NULL,
  floored boolean NOT NULL DEFAULT true CHECK (floored),
  balance numeric(38,18) NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, account_id),
  CONSTRAINT ledger_balance_floor {finite("balance", "balance >= 0")},
  FOREIGN KEY (tenant_id, account_id, floored)
    REFERENCES ledger_account (tenant_id, id, floored)
);
{tenant_table("ledger_balance")}
"""

ENTRIES_AND_POSTINGS = f"""
CREATE TABLE ledger_entry (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  book_id uuid NOT NULL,
  idempotency_key text NOT NULL CHECK (idempotency_key <> ''),
  operation text NOT NULL CHECK (operation <> ''),
  subject_kind text NOT NULL,
  subject_id uuid NOT NULL,
  actor_id uuid,
  effective_on date NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT app_now(),
  narrative text NOT NULL,
  reverses_id uuid CHECK (reverses_id <> id),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT ledger_entry_place UNIQUE (tenant_id, id, book_id),
  CONSTRAINT ledger_entry_idempotency UNIQUE (tenant_id, idempotency_key),
  CONSTRAINT ledger_entry_one_reversal UNIQUE (tenant_id, reverses_id),
  FOREIGN KEY (tenant_id, book_id) REFERENCES ledger_book (tenant_id, id),
  FOREIGN KEY (tenant_id, reverses_id, book_id)
    REFERENCES ledger_entry (tenant_id, id, book_id)
);
CREATE INDEX ledger_entry_book ON ledger_entry (tenant_id, book_id, effective_on);
CREATE INDEX ledger_entry_subject ON ledger_entry (tenant_id, subject_kind, subject_id);
{tenant_table("ledger_entry", grants="SELECT, INSERT")}
{append_only("ledger_entry")}

CREATE TABLE ledger_posting (
  tenant_id uuid NOT NULL REFERENCES tenant,
  entry_id uuid NOT NULL,
  position integer NOT NULL CHECK (position >= 0),
  account_id uuid NOT NULL,
  book_id uuid NOT NULL,
  asset text NOT NULL,
  amount numeric(38,18) NOT NULL {finite("amount", "amount <> 0")},
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (tenant_id, entry_id, position),
  FOREIGN KEY (tenant_id, entry_id, book_id) REFERENCES ledger_entry (tenant_id, id, book_id),
  FOREIGN KEY (tenant_id, account_id, book_id, asset)
    REFERENCES ledger_account (tenant_id, id, book_id, asset)
);
CREATE INDEX ledger_posting_account
  ON ledger_posting (tenant_id, account_id, xid) INCLUDE (amount);
{tenant_table("ledger_posting", grants="SELECT, INSERT")}
{append_only("ledger_posting")}

-- The sum of every posting whose transaction number is below `horizon`. Numbers belong to one
-- cluster, so a snapshot counts only in the cluster it was taken in.
CREATE TABLE ledger_snapshot (
  tenant_id uuid NOT NULL REFERENCES tenant,
  account_id uuid NOT NULL,
  cluster_id bigint NOT NULL,
  horizon xid8 NOT NULL,
  balance numeric(38,18) NOT NULL {finite("balance")},
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, account_id, cluster_id, horizon),
  FOREIGN KEY (tenant_id, account_id) REFERENCES ledger_account (tenant_id, id)
);
{tenant_table("ledger_snapshot", grants="SELECT, INSERT")}
{append_only("ledger_snapshot")}
"""

# A statement trigger, because a deferred row trigger is quadratic in the postings of an entry.
# Each statement must balance per entry and asset, so the sum over all statements does.
GUARDS = """
CREATE FUNCTION ledger_check_postings() RETURNS trigger LANGUAGE plpgsql AS $$
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
  SELECT i.entry_id INTO broken FROM inserted i
    JOIN ledger_entry e ON e.tenant_id = i.tenant_id AND e.id = i.entry_id
    WHERE e.xid <> pg_current_xact_id() LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % is complete', broken.entry_id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_entry_complete';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_posting_balanced AFTER INSERT ON ledger_posting
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_postings();

-- Fires after the whole statement, when the postings made beside the entry are there.
CREATE FUNCTION ledger_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  empty record;
BEGIN
  SELECT i.id INTO empty FROM inserted i WHERE NOT EXISTS (
    SELECT FROM ledger_posting p WHERE p.tenant_id = i.tenant_id AND p.entry_id = i.id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % has no postings', empty.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_has_postings';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_has_postings AFTER INSERT ON ledger_entry
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_entries();

-- The constraint would refuse as well, but row security keeps it from saying which account.
CREATE FUNCTION ledger_floor(account_id uuid, balance numeric) RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF balance < 0 THEN
    RAISE EXCEPTION 'account % would go below zero', account_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balance_floor',
            DETAIL = account_id::text;
  END IF;
  RETURN balance;
END $$;
"""

# All entries of a unit of work in one statement. An entry whose key is already there is left out
# with its postings. Deltas are summed per account first: UPDATE applies one joined row only.
# Balance rows are locked in the order of their accounts, so that transfers in opposite
# directions queue instead of deadlocking.
POST = """
CREATE FUNCTION ledger_post(
  tenant uuid, actor uuid,
  entry_ids uuid[], books uuid[], keys text[], operations text[],
  subject_kinds text[], subject_ids uuid[], effective_dates date[], narratives text[],
  reversed_ids uuid[],
  posting_entries uuid[], posting_positions integer[], posting_accounts uuid[],
  posting_amounts numeric[]
) RETURNS TABLE (idempotency_key text, entry_id uuid, unlocked bigint) LANGUAGE sql AS $$
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
  SELECT tenant, e.id, g.position, g.account_id, e.book_id, a.asset, g.amount
  FROM unnest(posting_entries, posting_positions, posting_accounts, posting_amounts)
    AS g (entry_id, position, account_id, amount)
  JOIN e ON e.id = g.entry_id
  LEFT JOIN ledger_account a ON a.tenant_id = tenant AND a.id = g.account_id
  RETURNING ledger_posting.account_id, ledger_posting.amount
), d AS MATERIALIZED (
  SELECT p.account_id, sum(p.amount) AS delta FROM p
  JOIN ledger_account a ON a.tenant_id = tenant AND a.id = p.account_id AND a.floored
  GROUP BY p.account_id
), l AS MATERIALIZED (
  SELECT b.account_id FROM ledger_balance b
  WHERE b.tenant_id = tenant AND b.account_id IN (SELECT d.account_id FROM d)
  ORDER BY b.account_id FOR NO KEY UPDATE
), u AS (
  UPDATE ledger_balance b
  SET balance = ledger_floor(b.account_id, b.balance + d.delta), version = b.version + 1
  FROM d JOIN l ON l.account_id = d.account_id
  WHERE b.tenant_id = tenant AND b.account_id = d.account_id
  RETURNING 1
)
SELECT g.key, coalesce(e.id, earlier.id),
  (SELECT count(*) FROM d) - (SELECT count(*) FROM u)
FROM unnest(keys) AS g (key)
LEFT JOIN e ON e.idempotency_key = g.key
LEFT JOIN ledger_entry earlier ON earlier.tenant_id = tenant AND earlier.idempotency_key = g.key
$$;
"""

STATEMENTS = [BOOKS_AND_ACCOUNTS, ENTRIES_AND_POSTINGS, GUARDS, POST]


async def forwards():
    return sql_migration(
        app_name="ledger", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
