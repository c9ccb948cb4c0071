"""Limits of redemptions per product and tier, the tier of each client, and how it changes."""

from app.domains.investments.values import ClientTier, TierChangeState
from app.kernel.migrations import finite, one_of, sql_migration, tenant_table

ID = "investments_0005_limits"
VERSION = "1.38.0"
DESCRIPTION = "redemption limits, single and daily, by product and client tier"

KEYS = "id uuid NOT NULL, tenant_id uuid NOT NULL REFERENCES tenant, PRIMARY KEY (tenant_id, id)"

STATEMENTS = [
    f"""
    -- A product names the limits of every tier, or it has none at all.
    CREATE TABLE product_limit (
      {KEYS},
      product_id uuid NOT NULL,
      tier text NOT NULL {one_of("tier", ClientTier)},
      -- Gross, in the product's asset.
      single numeric(38,18) NOT NULL {finite("single", "single > 0")},
      daily numeric(38,18) NOT NULL {finite("daily", "daily >= single")},
      UNIQUE (tenant_id, product_id, tier),
      FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id)
    );
    """,
    tenant_table("product_limit", grants="SELECT, INSERT"),
    f"""
    ALTER TABLE client ADD COLUMN tier text NOT NULL DEFAULT '{ClientTier.standard.value}'
      {one_of("tier", ClientTier)};
    CREATE TABLE tier_change (
      {KEYS},
      client_id uuid NOT NULL,
      approval_id uuid NOT NULL,
      tier_before text NOT NULL {one_of("tier_before", ClientTier)},
      tier_after text NOT NULL {one_of("tier_after", ClientTier)},
      note text NOT NULL CHECK (note <> ''),
      state text NOT NULL {one_of("state", TierChangeState)},
      requested_at timestamptz NOT NULL,
      UNIQUE (tenant_id, approval_id),
      FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, id),
      FOREIGN KEY (tenant_id, approval_id) REFERENCES approval (tenant_id, id),
      CHECK (tier_before <> tier_after)
    );
    CREATE INDEX tier_change_client ON tier_change (tenant_id, client_id);
    -- One at a time waits for its second person.
    CREATE UNIQUE INDEX tier_change_pending ON tier_change (tenant_id, client_id)
      WHERE state = 'pending';
    """,
    tenant_table("tier_change"),
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
