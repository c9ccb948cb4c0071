"""Changes of a clock that one person proposes and another decides."""

from app.kernel.deadlines.values import ChangeKind, DeadlineState
from app.kernel.migrations import append_only, one_of, sql_migration, tenant_table

ID = "deadlines_0002_changes"
VERSION = "1.38.0"
DESCRIPTION = "proposals to extend, pause and resume a deadline"

STATEMENTS = [
    f"""
    CREATE TABLE deadline_change (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      deadline_id uuid NOT NULL,
      approval_id uuid NOT NULL,
      kind text NOT NULL {one_of("kind", ChangeKind)},
      -- The new end of an extension.
      due_at timestamptz,
      -- The clock as it was when this was proposed; decided on another, it has moved.
      seen_state text NOT NULL {one_of("seen_state", DeadlineState)},
      seen_due_at timestamptz NOT NULL,
      at timestamptz NOT NULL,
      actor_id uuid NOT NULL,
      actor_name text NOT NULL,
      reason text NOT NULL CHECK (reason <> ''),
      PRIMARY KEY (tenant_id, id),
      UNIQUE (tenant_id, approval_id),
      FOREIGN KEY (tenant_id, deadline_id) REFERENCES deadline (tenant_id, id) ON DELETE RESTRICT,
      FOREIGN KEY (tenant_id, approval_id) REFERENCES approval (tenant_id, id) ON DELETE RESTRICT,
      CHECK ((kind = 'extension') = (due_at IS NOT NULL)),
      CHECK (due_at > seen_due_at)
    );
    CREATE INDEX deadline_change_deadline ON deadline_change (tenant_id, deadline_id);
    """,
    tenant_table("deadline_change", grants="SELECT, INSERT"),
    append_only("deadline_change"),
    # On the clock's own row, so that whoever stops it sees it under the lock they hold anyway.
    """
    ALTER TABLE deadline ADD COLUMN pending_approval_id uuid;
    ALTER TABLE deadline ADD FOREIGN KEY (tenant_id, pending_approval_id)
      REFERENCES approval (tenant_id, id) ON DELETE RESTRICT;
    CREATE INDEX deadline_pending_approval ON deadline (tenant_id, pending_approval_id)
      WHERE pending_approval_id IS NOT NULL;
    """,
]


async def forwards():
    return sql_migration(
        app_name="deadlines", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
