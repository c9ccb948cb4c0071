"""The order in which the list of redemptions opens: the latest request first."""

from app.kernel.migrations import sql_migration

ID = "investments_0007_list_orders"
VERSION = "1.38.0"
DESCRIPTION = "an index for the list of redemptions"

STATEMENTS = [
    """
    CREATE INDEX redemption_requested ON redemption (tenant_id, requested_at, id);
    """,
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
