"""Notifications: what people are told, in the portal itself."""

from app.kernel.migrations import sql_migration, tenant_table

ID = "notifications_0001_notifications"
VERSION = "1.38.0"
DESCRIPTION = "in-app notifications"

STATEMENTS = [
    """
    CREATE TABLE notification (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      recipient_id uuid NOT NULL,
      event_id uuid NOT NULL,
      event_type text NOT NULL CHECK (event_type <> ''),
      title text NOT NULL CHECK (title <> ''),
      body text NOT NULL,
      -- A path of the portal, never another site.
      link text NOT NULL CHECK (link ~ '^/([^/\\\\]|$)'),
      created_at timestamptz NOT NULL,
      read_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      -- A consumer that runs twice tells nobody twice.
      UNIQUE (tenant_id, event_id, recipient_id, event_type),
      FOREIGN KEY (tenant_id, event_id) REFERENCES outbox_event (tenant_id, id)
        ON DELETE RESTRICT
    );
    CREATE INDEX notification_of_recipient
      ON notification (tenant_id, recipient_id, created_at DESC, id DESC);
    CREATE INDEX notification_unread
      ON notification (tenant_id, recipient_id) WHERE read_at IS NULL;
    """,
    tenant_table("notification", grants="SELECT, INSERT"),
    "GRANT UPDATE (read_at) ON notification TO stakehold_app",
]


async def forwards():
    return sql_migration(
        app_name="notifications", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
