"""Events name their tenant without locking it, see the second migration of tenancy."""

from app.kernel.migrations import sql_migration, tenant_is_there

ID = "outbox_0002_tenant_without_lock"
VERSION = "1.38.0"
DESCRIPTION = "look for the tenant of outbox_event without locking it"

STATEMENTS = [tenant_is_there("outbox_event")]


async def forwards():
    return sql_migration(
        app_name="outbox", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
