"""Where a price came from, and what it was before: a chart of what amounts in dollars rest on."""

from app.kernel.migrations import finite, sql_migration, tenant_table

ID = "investments_0010_price_history"
VERSION = "1.38.0"
DESCRIPTION = "the source of each price, and its readings of the last months"

STATEMENTS = [
    # Empty where a price was read before this, until the next reading a minute later.
    "ALTER TABLE asset_price ADD COLUMN source text NOT NULL DEFAULT '';",
    f"""
    CREATE TABLE price_reading (
      id uuid NOT NULL,
      tenant_id uuid NOT NULL REFERENCES tenant,
      asset text NOT NULL,
      usd numeric(38,18) NOT NULL {finite("usd", "usd > 0")},
      as_of timestamptz NOT NULL,
      source text NOT NULL,
      PRIMARY KEY (tenant_id, id),
      -- What the service says of one moment is one reading, however often it is asked.
      UNIQUE (tenant_id, asset, as_of)
    );
    CREATE INDEX price_reading_latest ON price_reading (tenant_id, as_of, id);
    """,
    # Old readings are removed.
    tenant_table("price_reading", grants="SELECT, INSERT, DELETE"),
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
