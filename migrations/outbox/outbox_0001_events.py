"""The outbox: what happened, written with what made it happen, and told afterwards."""

from app.kernel.migrations import dispatcher_function, one_of, sql_migration, tenant_table
from app.kernel.outbox.values import EventState

ID = "outbox_0001_events"
VERSION = "1.38.0"
DESCRIPTION = "outbox events and their claim functions"

STATEMENTS = [
    f"""
    CREATE TABLE outbox_event (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      type text NOT NULL CHECK (type ~ '^[a-z][a-z_.]*$'),
      version bigint NOT NULL CHECK (version > 0),
      subject_kind text NOT NULL CHECK (subject_kind <> ''),
      subject_id uuid NOT NULL,
      payload jsonb NOT NULL,
      topics text[] NOT NULL,
      -- The consumers it was given to when it was written: each has a job.
      consumers text[] NOT NULL,
      actor_id uuid,
      actor_name text NOT NULL,
      request_id text NOT NULL,
      trace text NOT NULL,
      occurred_at timestamptz NOT NULL,
      recorded_at timestamptz NOT NULL,
      state text NOT NULL {one_of("state", EventState)},
      published_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      CHECK ((state = 'published') = (published_at IS NOT NULL))
    );
    CREATE INDEX outbox_event_pending ON outbox_event (recorded_at) WHERE state = 'pending';
    CREATE INDEX outbox_event_subject
      ON outbox_event (tenant_id, subject_kind, subject_id, recorded_at);
    """,
    # The portal never changes an event; the dispatcher alone marks it published.
    tenant_table("outbox_event", grants="SELECT, INSERT", dispatched=True),
    """
    CREATE FUNCTION outbox_event_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.state := OLD.state; NEW.published_at := OLD.published_at;
      IF NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'an event never changes' USING ERRCODE = 'restrict_violation';
      END IF;
      NEW.state := 'published'; NEW.published_at := clock_timestamp();
      RETURN NEW;
    END $$;
    CREATE TRIGGER outbox_event_unchanged BEFORE UPDATE ON outbox_event
      FOR EACH ROW EXECUTE FUNCTION outbox_event_unchanged();
    CREATE TRIGGER outbox_event_no_delete BEFORE DELETE ON outbox_event
      FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER outbox_event_no_truncate BEFORE TRUNCATE ON outbox_event
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    -- NOTIFY is sent at commit, once however many rows: the relay wakes and looks.
    CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('stakehold_outbox', '');
      RETURN NULL;
    END $$;
    CREATE TRIGGER outbox_event_wakes_relay AFTER INSERT ON outbox_event
      FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();
    """,
    # By state, never by last-seen id: lower ids may commit later.
    dispatcher_function(
        "claim_outbox(limit_rows int)",
        "TABLE (tenant_id uuid, id uuid, topics text[], recorded_at timestamptz)",
        """
        SELECT e.tenant_id, e.id, e.topics, e.recorded_at FROM outbox_event e
        WHERE e.state = 'pending' ORDER BY e.recorded_at LIMIT limit_rows
        FOR UPDATE SKIP LOCKED
        """,
    ),
    dispatcher_function(
        "mark_published(tenant_ids uuid[], event_ids uuid[])",
        "void",
        """
        UPDATE outbox_event e SET state = 'published'
        FROM unnest(tenant_ids, event_ids) AS done(tenant_id, id)
        WHERE e.tenant_id = done.tenant_id AND e.id = done.id AND e.state = 'pending'
        """,
    ),
    # How long the oldest event has waited for the relay: readiness says so.
    dispatcher_function(
        "outbox_lag()",
        "double precision",
        """
        SELECT coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8
        FROM outbox_event WHERE state = 'pending'
        """,
    ),
]


async def forwards():
    return sql_migration(
        app_name="outbox", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
