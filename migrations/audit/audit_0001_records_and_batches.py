"""The audit trail: records, the batches that seal them, the epochs and checkpoints of the chain."""

from app.kernel.migrations import append_only, sql_migration, tenant_table

ID = "audit_0001_records_and_batches"
VERSION = "1.38.0"
DESCRIPTION = "audit records, sealed batches, signed checkpoints"

# `xid` and `cluster_id` place a record: transaction numbers are never reused within a cluster, and
# a logical restore into another cluster starts counting again.
RECORDS = f"""
CREATE FUNCTION cluster_identifier() RETURNS bigint LANGUAGE sql STABLE AS
  $$ SELECT system_identifier FROM pg_control_system() $$;

CREATE TABLE audit_record (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  cluster_id bigint NOT NULL DEFAULT cluster_identifier(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  business_at timestamptz NOT NULL,
  actor_id uuid,
  actor_name text NOT NULL,
  actor_role text NOT NULL,
  action text NOT NULL CHECK (action <> ''),
  subject_kind text NOT NULL,
  subject_id uuid NOT NULL,
  before jsonb,
  after jsonb,
  request_id text NOT NULL,
  address text NOT NULL,
  trace text NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_record_order ON audit_record (tenant_id, cluster_id, xid, id);
CREATE INDEX audit_record_subject ON audit_record (tenant_id, subject_kind, subject_id);
CREATE INDEX audit_record_actor ON audit_record (tenant_id, actor_id);
{tenant_table("audit_record", grants="SELECT, INSERT")}
{append_only("audit_record")}
"""

CHAIN = f"""
CREATE TABLE audit_epoch (
  tenant_id uuid NOT NULL REFERENCES tenant,
  number bigint NOT NULL CHECK (number > 0),
  cluster_id bigint NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, number)
);
{tenant_table("audit_epoch", grants="SELECT, INSERT")}
{append_only("audit_epoch")}

-- `leaves` are the records' hashes, 32 bytes each, in the order of `record_ids`; last_xid and
-- last_id say where the next batch goes on.
CREATE TABLE audit_batch (
  tenant_id uuid NOT NULL REFERENCES tenant,
  number bigint NOT NULL CHECK (number > 0),
  epoch_number bigint NOT NULL,
  last_xid xid8 NOT NULL,
  last_id uuid NOT NULL,
  record_ids uuid[] NOT NULL CHECK (cardinality(record_ids) > 0),
  leaves bytea NOT NULL CHECK (octet_length(leaves) = 32 * cardinality(record_ids)),
  root bytea NOT NULL,
  previous_hash bytea NOT NULL,
  hash bytea NOT NULL,
  sealed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, number),
  FOREIGN KEY (tenant_id, epoch_number) REFERENCES audit_epoch (tenant_id, number)
);
CREATE INDEX audit_batch_epoch ON audit_batch (tenant_id, epoch_number);
{tenant_table("audit_batch", grants="SELECT, INSERT")}
{append_only("audit_batch")}

-- A signed statement that the chain had this batch. What counts is the copy outside the database.
CREATE TABLE audit_checkpoint (
  tenant_id uuid NOT NULL REFERENCES tenant,
  batch_number bigint NOT NULL,
  statement bytea NOT NULL,
  signatures jsonb NOT NULL,
  location text NOT NULL,
  made_at timestamptz NOT NULL,
  exported_at timestamptz,
  PRIMARY KEY (tenant_id, batch_number),
  FOREIGN KEY (tenant_id, batch_number) REFERENCES audit_batch (tenant_id, number)
);
CREATE INDEX audit_checkpoint_unexported ON audit_checkpoint (tenant_id, batch_number)
  WHERE exported_at IS NULL;
{tenant_table("audit_checkpoint", grants="SELECT, INSERT, UPDATE (exported_at)")}
"""

STATEMENTS = [RECORDS, CHAIN]


async def forwards():
    return sql_migration(
        app_name="audit", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
