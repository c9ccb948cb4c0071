"""The compliance stage of a redemption's approval."""

from app.domains.investments.values import RedemptionState
from app.kernel.migrations import one_of, sql_migration

ID = "investments_0003_compliance"
VERSION = "1.38.0"
DESCRIPTION = "redemptions that compliance approves as well, and why"

STATEMENTS = [
    f"""
    ALTER TABLE redemption DROP CONSTRAINT redemption_state_check;
    ALTER TABLE redemption ADD CONSTRAINT redemption_state_check
      {one_of("state", RedemptionState)};
    -- Which rules asked for compliance; none: the manager alone decides.
    ALTER TABLE redemption ADD COLUMN clearance_reasons text[] NOT NULL DEFAULT '{{}}';
    -- How many requests a client has made within a day.
    CREATE INDEX redemption_velocity ON redemption (tenant_id, client_id, requested_at);
    """,
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
