"""What each process of the portal last said of itself."""

from app.kernel.migrations import one_of, sql_migration
from app.kernel.processes.values import Part

ID = "processes_0001_reports"
VERSION = "1.38.0"
DESCRIPTION = "reports of processes"

STATEMENTS = [
    # Of no tenant: a process serves them all. Unlogged: after a crash everybody reports anew.
    f"""
    CREATE UNLOGGED TABLE process_report (
      id uuid PRIMARY KEY,
      part text NOT NULL {one_of("part", Part)},
      host text NOT NULL,
      started_at timestamptz NOT NULL,
      reported_at timestamptz NOT NULL,
      answered bigint NOT NULL CHECK (answered >= 0),
      failed bigint NOT NULL CHECK (failed BETWEEN 0 AND answered),
      durations jsonb NOT NULL
    );
    GRANT SELECT, INSERT, UPDATE, DELETE ON process_report TO stakehold_app;
    """,
]


async def forwards():
    return sql_migration(
        app_name="processes", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
