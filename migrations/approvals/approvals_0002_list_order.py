"""The order in which the list of approvals opens: the latest request first."""

from app.kernel.migrations import sql_migration

ID = "approvals_0002_list_order"
VERSION = "1.38.0"
DESCRIPTION = "an index for the list of approvals"

STATEMENTS = [
    """
    CREATE INDEX approval_requested ON approval (tenant_id, requested_at, id);
    """,
]


async def forwards():
    return sql_migration(
        app_name="approvals", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
