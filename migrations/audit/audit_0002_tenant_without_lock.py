"""Records name their tenant without locking it, see the second migration of tenancy."""

from app.kernel.migrations import sql_migration, tenant_is_there

ID = "audit_0002_tenant_without_lock"
VERSION = "1.38.0"
DESCRIPTION = "look for the tenant of audit_record without locking it"

STATEMENTS = [tenant_is_there("audit_record")]


async def forwards():
    return sql_migration(
        app_name="audit", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
