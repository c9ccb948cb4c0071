"""Jobs: what must happen later, and is never lost."""

from app.kernel.jobs.values import JobState
from app.kernel.migrations import dispatcher_function, one_of, sql_migration, tenant_table

ID = "jobs_0001_jobs"
VERSION = "1.38.0"
DESCRIPTION = "jobs, and the functions that find due ones"

STATEMENTS = [
    f"""
    CREATE TABLE job (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      kind text NOT NULL CHECK (kind <> ''),
      key text,
      payload jsonb NOT NULL,
      state text NOT NULL {one_of("state", JobState)},
      -- Real time: leases and retries have nothing to do with business time.
      due_at timestamptz NOT NULL,
      -- Grows at each claim of a job that calls the outside: a completion names its attempt.
      attempt bigint NOT NULL CHECK (attempt >= 0),
      failures bigint NOT NULL CHECK (failures >= 0),
      lease_until timestamptz,
      last_error text,
      event_id uuid,
      consumer text,
      request_id text NOT NULL,
      trace text NOT NULL,
      created_at timestamptz NOT NULL,
      finished_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      UNIQUE (tenant_id, kind, key),
      UNIQUE (tenant_id, event_id, consumer),
      FOREIGN KEY (tenant_id, event_id) REFERENCES outbox_event (tenant_id, id)
        ON DELETE RESTRICT,
      CHECK ((state = 'running') = (lease_until IS NOT NULL)),
      CHECK ((state IN ('done', 'dead')) = (finished_at IS NOT NULL)),
      CHECK ((event_id IS NULL) = (consumer IS NULL)),
      CHECK (state <> 'dead' OR last_error IS NOT NULL)
    );
    CREATE INDEX job_due ON job (due_at) WHERE state = 'pending';
    CREATE INDEX job_leased ON job (lease_until) WHERE state = 'running';
    CREATE INDEX job_dead ON job (tenant_id, finished_at) WHERE state = 'dead';
    """,
    tenant_table("job", grants="SELECT, INSERT, UPDATE, DELETE", dispatched=True),
    """
    CREATE FUNCTION wake_workers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('stakehold_jobs', '');
      RETURN NULL;
    END $$;
    CREATE TRIGGER job_wakes_workers AFTER INSERT ON job
      FOR EACH STATEMENT EXECUTE FUNCTION wake_workers();
    """,
    # It only finds them. Whoever runs one claims it by its row lock, in the row's own tenant.
    # statement_timestamp() is real time and stable, so that the index can be used.
    dispatcher_function(
        "due_jobs(limit_rows int, except_ids uuid[])",
        "TABLE (tenant_id uuid, id uuid, kind text)",
        """
        (SELECT j.tenant_id, j.id, j.kind FROM job j
         WHERE j.state = 'running' AND j.lease_until < statement_timestamp()
           AND j.id <> ALL (except_ids)
         ORDER BY j.lease_until LIMIT limit_rows)
        UNION ALL
        (SELECT j.tenant_id, j.id, j.kind FROM job j
         WHERE j.state = 'pending' AND j.due_at <= statement_timestamp()
           AND j.id <> ALL (except_ids)
         ORDER BY j.due_at LIMIT limit_rows)
        """,
    ),
]


async def forwards():
    return sql_migration(
        app_name="jobs", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
