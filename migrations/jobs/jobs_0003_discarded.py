"""A job that failed for good may be given up: then it is neither done nor dead."""

from app.kernel.jobs.values import JobState
from app.kernel.migrations import one_of, sql_migration

ID = "jobs_0003_discarded"
VERSION = "1.38.0"
DESCRIPTION = "jobs that were discarded"

STATEMENTS = [
    f"""
    ALTER TABLE job DROP CONSTRAINT job_state_check;
    ALTER TABLE job ADD CONSTRAINT job_state_check {one_of("state", JobState)};
    ALTER TABLE job DROP CONSTRAINT job_check1;
    ALTER TABLE job ADD CONSTRAINT job_finished
      CHECK ((state IN ('done', 'dead', 'discarded')) = (finished_at IS NOT NULL));
    """,
]


async def forwards():
    return sql_migration(
        app_name="jobs", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
