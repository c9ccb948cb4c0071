"""A revoked destination can be added again, with its wait; one address may be used on two networks."""

from app.kernel.migrations import sql_migration

ID = "investments_0008_destinations_again"
VERSION = "1.38.0"
DESCRIPTION = "a destination is there once among those that are not revoked"

STATEMENTS = [
    """
    ALTER TABLE destination
      DROP CONSTRAINT destination_tenant_id_client_id_asset_address_key;
    CREATE UNIQUE INDEX destination_once
      ON destination (tenant_id, client_id, asset, coalesce(network, ''), address)
      WHERE revoked_at IS NULL;
    CREATE INDEX destination_client ON destination (tenant_id, client_id);
    """,
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
