"""What one of each asset is worth in US dollars, for limits that are set in dollars."""

from app.kernel.migrations import finite, sql_migration, tenant_table

ID = "investments_0004_prices"
VERSION = "1.38.0"
DESCRIPTION = "the latest US dollar price of each asset"

STATEMENTS = [
    f"""
    CREATE TABLE asset_price (
      id uuid NOT NULL,
      tenant_id uuid NOT NULL REFERENCES tenant,
      asset text NOT NULL,
      usd numeric(38,18) NOT NULL {finite("usd", "usd > 0")},
      -- Real time, the service's own; never later than when it was read.
      as_of timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, id),
      UNIQUE (tenant_id, asset)
    );
    """,
    tenant_table("asset_price"),
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
