"""What each person chose to hear of without a mail, and the lines of the daily digest."""

from app.kernel.migrations import sql_migration, tenant_table

ID = "notifications_0002_choices_and_digests"
VERSION = "1.38.0"
DESCRIPTION = "choices of mail, and the daily digest"

STATEMENTS = [
    """
    -- Nothing said means by mail.
    CREATE TABLE notification_choice (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      recipient_id uuid NOT NULL,
      group_key text NOT NULL CHECK (group_key <> ''),
      by_mail boolean NOT NULL,
      chosen_at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, id),
      UNIQUE (tenant_id, recipient_id, group_key)
    );
    CREATE TABLE notification_digest_line (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      recipient_id uuid NOT NULL,
      event_id uuid NOT NULL,
      text text NOT NULL CHECK (text <> ''),
      -- A path of the portal, never another site.
      link text NOT NULL CHECK (link ~ '^/([^/\\\\]|$)'),
      happened_at timestamptz NOT NULL,
      -- The digest that told it; none while it waits.
      digest_event_id uuid,
      PRIMARY KEY (tenant_id, id),
      -- A consumer that runs twice writes no line twice.
      UNIQUE (tenant_id, event_id, recipient_id),
      FOREIGN KEY (tenant_id, event_id) REFERENCES outbox_event (tenant_id, id)
        ON DELETE RESTRICT,
      FOREIGN KEY (tenant_id, digest_event_id) REFERENCES outbox_event (tenant_id, id)
        ON DELETE RESTRICT
    );
    CREATE INDEX notification_digest_line_waiting
      ON notification_digest_line (tenant_id) WHERE digest_event_id IS NULL;
    CREATE INDEX notification_digest_line_told
      ON notification_digest_line (tenant_id, digest_event_id, recipient_id, happened_at, id)
      WHERE digest_event_id IS NOT NULL;
    """,
    tenant_table("notification_choice", grants="SELECT, INSERT"),
    "GRANT UPDATE (by_mail, chosen_at) ON notification_choice TO stakehold_app",
    tenant_table("notification_digest_line", grants="SELECT, INSERT"),
    "GRANT UPDATE (digest_event_id) ON notification_digest_line TO stakehold_app",
    # The list shows what is unread alone.
    "DROP INDEX notification_unread",
    """
    CREATE INDEX notification_unread
      ON notification (tenant_id, recipient_id, created_at DESC, id DESC) WHERE read_at IS NULL
    """,
]


async def forwards():
    return sql_migration(
        app_name="notifications", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
