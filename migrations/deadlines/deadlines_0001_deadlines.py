"""Deadlines with their trail, and schedules: what must happen at a time."""

from app.kernel.deadlines.values import DeadlineState, ScheduleClock, TrailEvent
from app.kernel.migrations import (
    append_only,
    dispatcher_function,
    finite,
    one_of,
    sql_migration,
    tenant_table,
)

ID = "deadlines_0001_deadlines"
VERSION = "1.38.0"
DESCRIPTION = "deadlines, their trail, schedules"

STATEMENTS = [
    f"""
    CREATE TABLE deadline (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      kind text NOT NULL CHECK (kind <> ''),
      subject_kind text NOT NULL CHECK (subject_kind <> ''),
      subject_id uuid NOT NULL,
      state text NOT NULL {one_of("state", DeadlineState)},
      -- All in business time.
      started_at timestamptz NOT NULL,
      due_at timestamptz NOT NULL CHECK (due_at > started_at),
      paused_at timestamptz,
      stopped_at timestamptz,
      -- The time given in all, without pauses. A mark stands at due - (1 - mark) x total.
      total_seconds bigint NOT NULL CHECK (total_seconds > 0),
      -- Ascending fractions that have not fired yet, the last of which is 1.
      marks_left numeric(38,18)[] NOT NULL,
      next_mark_at timestamptz,
      version bigint NOT NULL CHECK (version > 0),
      -- A mark whose effect failed is tried again; real time.
      failures bigint NOT NULL CHECK (failures >= 0),
      retry_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      CHECK ((state = 'running') = (next_mark_at IS NOT NULL)),
      CHECK ((state = 'paused') = (paused_at IS NOT NULL)),
      CHECK ((state IN ('met', 'cancelled')) <= (stopped_at IS NOT NULL)),
      CHECK ((state IN ('running', 'paused')) <= (stopped_at IS NULL)),
      CHECK ((state = 'running') <= (cardinality(marks_left) > 0)),
      CHECK ((state = 'breached') <= (cardinality(marks_left) = 0))
    );
    CREATE INDEX deadline_due ON deadline (next_mark_at) WHERE state = 'running';
    CREATE INDEX deadline_subject ON deadline (tenant_id, subject_kind, subject_id);
    CREATE INDEX deadline_by_state ON deadline (tenant_id, state, due_at);
    -- One clock of a kind runs on a subject at a time.
    CREATE UNIQUE INDEX deadline_one_open ON deadline (tenant_id, subject_kind, subject_id, kind)
      WHERE state IN ('running', 'paused');
    """,
    tenant_table("deadline", dispatched=True),
    f"""
    CREATE TABLE deadline_trail (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      deadline_id uuid NOT NULL,
      version bigint NOT NULL CHECK (version > 0),
      event text NOT NULL {one_of("event", TrailEvent)},
      fraction numeric(38,18) {finite("fraction", "fraction > 0 AND fraction <= 1")},
      state text NOT NULL {one_of("state", DeadlineState)},
      due_at timestamptz NOT NULL,
      at timestamptz NOT NULL,
      recorded_at timestamptz NOT NULL,
      actor_id uuid,
      actor_name text NOT NULL,
      approval_id uuid,
      reason text NOT NULL,
      PRIMARY KEY (tenant_id, id),
      UNIQUE (tenant_id, deadline_id, version),
      FOREIGN KEY (tenant_id, deadline_id) REFERENCES deadline (tenant_id, id)
        ON DELETE RESTRICT,
      CHECK ((event = 'mark') = (fraction IS NOT NULL)),
      CHECK (event <> 'extended' OR approval_id IS NOT NULL)
    );
    -- Each mark fires once, whoever fires it.
    CREATE UNIQUE INDEX deadline_trail_mark_once
      ON deadline_trail (tenant_id, deadline_id, fraction) WHERE event = 'mark';
    """,
    tenant_table("deadline_trail", grants="SELECT, INSERT"),
    append_only("deadline_trail"),
    f"""
    CREATE TABLE schedule (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      name text NOT NULL CHECK (name <> ''),
      clock text NOT NULL {one_of("clock", ScheduleClock)},
      -- Either a time of day in a zone, or a number of seconds.
      daily_at time,
      zone text NOT NULL,
      every_seconds bigint CHECK (every_seconds > 0),
      next_at timestamptz NOT NULL,
      last_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      UNIQUE (tenant_id, name),
      CHECK ((daily_at IS NULL) <> (every_seconds IS NULL))
    );
    CREATE INDEX schedule_due ON schedule (next_at);
    """,
    tenant_table("schedule", grants="SELECT, INSERT, UPDATE, DELETE", dispatched=True),
    dispatcher_function(
        "due_deadlines(limit_rows int)",
        "TABLE (tenant_id uuid, id uuid)",
        """
        SELECT d.tenant_id, d.id FROM deadline d
        WHERE d.state = 'running' AND d.next_mark_at <= app_now()
          AND (d.retry_at IS NULL OR d.retry_at <= statement_timestamp())
        ORDER BY d.next_mark_at LIMIT limit_rows
        """,
    ),
    dispatcher_function(
        "due_schedules(limit_rows int)",
        "TABLE (tenant_id uuid, id uuid)",
        """
        SELECT s.tenant_id, s.id FROM schedule s
        WHERE s.next_at <= CASE s.clock WHEN 'real' THEN statement_timestamp() ELSE app_now() END
        ORDER BY s.next_at LIMIT limit_rows
        """,
    ),
    # How far behind we are, for metrics and alerts: seconds, and a count of dead letters.
    dispatcher_function(
        "work_lag()",
        "TABLE (job_seconds float8, dead_jobs bigint, event_seconds float8,"
        " deadline_seconds float8)",
        """
        SELECT
          (SELECT coalesce(extract(epoch FROM statement_timestamp() - min(due_at)), 0)::float8
           FROM job WHERE state = 'pending' AND due_at <= statement_timestamp()),
          (SELECT count(*) FROM job WHERE state = 'dead'),
          (SELECT coalesce(extract(epoch FROM statement_timestamp() - min(recorded_at)), 0)::float8
           FROM outbox_event WHERE state = 'pending'),
          (SELECT coalesce(extract(epoch FROM app_now() - min(next_mark_at)), 0)::float8
           FROM deadline WHERE state = 'running' AND next_mark_at <= app_now())
        """,
    ),
    # When business time is moved, what it made due happens at once.
    """
    CREATE FUNCTION wake_sweepers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('stakehold_clock', '');
      RETURN NULL;
    END $$;
    CREATE TRIGGER clock_wakes_sweepers AFTER UPDATE ON clock
      FOR EACH STATEMENT EXECUTE FUNCTION wake_sweepers();
    """,
]


async def forwards():
    return sql_migration(
        app_name="deadlines", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
