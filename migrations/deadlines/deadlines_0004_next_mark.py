"""When the next mark will be due: a worker that knows it looks then, and not up to a second later."""

from app.kernel.migrations import dispatcher_function, sql_migration

ID = "deadlines_0004_next_mark"
VERSION = "1.38.0"
DESCRIPTION = "seconds until the next mark of any tenant is due"

STATEMENTS = [
    # Of marks that are due already it says nothing: what failed, or is held, is not to be looked for
    # without end.
    dispatcher_function(
        "seconds_to_next_mark()",
        "float8",
        """
        SELECT extract(epoch FROM d.next_mark_at - app_now())::float8 FROM deadline d
        WHERE d.state = 'running' AND d.next_mark_at > app_now()
        ORDER BY d.next_mark_at LIMIT 1
        """,
    ),
]


async def forwards():
    return sql_migration(
        app_name="deadlines", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
