"""Approvals, decisions, delegations."""

from app.kernel.approvals.values import ApprovalState, Decision
from app.kernel.migrations import append_only, one_of, sql_migration, tenant_table

ID = "approvals_0001_approvals"
VERSION = "1.38.0"
DESCRIPTION = "maker and checker"

STATEMENTS = [
    f"""
    CREATE TABLE approval (
      id uuid NOT NULL,
      tenant_id uuid NOT NULL REFERENCES tenant,
      subject_kind text NOT NULL,
      subject_id uuid NOT NULL,
      policy jsonb NOT NULL,
      state text NOT NULL {one_of("state", ApprovalState)},
      stage bigint NOT NULL CHECK (stage >= 0),
      requested_by uuid,
      requested_at timestamptz NOT NULL,
      decided_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      CHECK ((state = 'pending') = (decided_at IS NULL))
    );
    CREATE UNIQUE INDEX approval_one_pending ON approval (tenant_id, subject_kind, subject_id)
      WHERE state = 'pending';
    CREATE INDEX approval_waiting ON approval (tenant_id, requested_at) WHERE state = 'pending';
    """,
    tenant_table("approval"),
    f"""
    CREATE TABLE approval_decision (
      id uuid NOT NULL,
      tenant_id uuid NOT NULL REFERENCES tenant,
      approval_id uuid NOT NULL,
      stage bigint NOT NULL,
      membership_id uuid NOT NULL,
      name text NOT NULL,
      decision text NOT NULL {one_of("decision", Decision)},
      note text NOT NULL,
      decided_at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, id),
      -- Nobody decides twice on one request, at whatever stage.
      CONSTRAINT approval_decision_once UNIQUE (tenant_id, approval_id, membership_id),
      FOREIGN KEY (tenant_id, approval_id) REFERENCES approval (tenant_id, id)
    );
    """,
    tenant_table("approval_decision", grants="SELECT, INSERT"),
    append_only("approval_decision"),
    """
    CREATE TABLE delegation (
      id uuid NOT NULL,
      tenant_id uuid NOT NULL REFERENCES tenant,
      from_membership_id uuid NOT NULL,
      to_membership_id uuid NOT NULL,
      permissions text[] NOT NULL CHECK (cardinality(permissions) > 0),
      starts_at timestamptz NOT NULL,
      ends_at timestamptz NOT NULL,
      revoked_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      CHECK (from_membership_id <> to_membership_id),
      CHECK (ends_at > starts_at)
    );
    CREATE INDEX delegation_to ON delegation (tenant_id, to_membership_id);
    """,
    tenant_table("delegation"),
]


async def forwards():
    return sql_migration(
        app_name="approvals", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
