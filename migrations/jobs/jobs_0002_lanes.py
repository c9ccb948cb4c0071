"""Due jobs are asked for by kind, so that many of one lane do not hide those of another."""

from app.kernel.migrations import dispatcher_function, sql_migration

ID = "jobs_0002_lanes"
VERSION = "1.38.0"
DESCRIPTION = "find due jobs of some kinds, or of all but some"

STATEMENTS = [
    # Beside `due_jobs`, which processes of the version before still call. `wanted`: those of `kinds`; otherwise those of every other kind.
    dispatcher_function(
        "due_jobs_of_kinds(limit_rows int, except_ids uuid[], kinds text[], wanted boolean)",
        "TABLE (tenant_id uuid, id uuid, kind text)",
        """
        (SELECT j.tenant_id, j.id, j.kind FROM job j
         WHERE j.state = 'running' AND j.lease_until < statement_timestamp()
           AND j.id <> ALL (except_ids) AND (j.kind = ANY (kinds)) = wanted
         ORDER BY j.lease_until LIMIT limit_rows)
        UNION ALL
        (SELECT j.tenant_id, j.id, j.kind FROM job j
         WHERE j.state = 'pending' AND j.due_at <= statement_timestamp()
           AND j.id <> ALL (except_ids) AND (j.kind = ANY (kinds)) = wanted
         ORDER BY j.due_at LIMIT limit_rows)
        """,
    ),
]


async def forwards():
    return sql_migration(
        app_name="jobs", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
