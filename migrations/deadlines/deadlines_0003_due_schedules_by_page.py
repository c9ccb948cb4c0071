"""Schedules that are due, a page at a time: those that keep failing stand in nobody's way."""

from app.kernel.migrations import dispatcher_function, sql_migration

ID = "deadlines_0003_due_schedules_by_page"
VERSION = "1.38.0"
DESCRIPTION = "due schedules after the last one seen"

STATEMENTS = [
    # `due_schedules` stays for code that was released before this.
    dispatcher_function(
        "schedules_due_after(after timestamptz, after_id uuid, limit_rows int)",
        "TABLE (tenant_id uuid, id uuid, next_at timestamptz)",
        """
        SELECT s.tenant_id, s.id, s.next_at FROM schedule s
        WHERE s.next_at <= CASE s.clock WHEN 'real' THEN statement_timestamp() ELSE app_now() END
          AND (s.next_at, s.id) > (after, after_id)
        ORDER BY s.next_at, s.id LIMIT limit_rows
        """,
    ),
]


async def forwards():
    return sql_migration(
        app_name="deadlines", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
