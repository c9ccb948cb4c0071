"""Jobs name their tenant without locking it, see the second migration of tenancy."""

from app.kernel.migrations import sql_migration, tenant_is_there

ID = "jobs_0004_tenant_without_lock"
VERSION = "1.38.0"
DESCRIPTION = "look for the tenant of job without locking it"

STATEMENTS = [tenant_is_there("job")]


async def forwards():
    return sql_migration(
        app_name="jobs", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
