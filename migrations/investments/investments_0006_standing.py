"""Whether a client's KYC is passed, until when, and their standing."""

from app.domains.investments.values import KycState, Standing
from app.kernel.migrations import one_of, sql_migration

ID = "investments_0006_standing"
VERSION = "1.38.0"
DESCRIPTION = "KYC and standing of clients"

STATEMENTS = [
    f"""
    -- Nobody is taken to have passed: of a client without a check on record, compliance records it.
    ALTER TABLE client ADD COLUMN kyc text NOT NULL DEFAULT '{KycState.pending.value}'
      {one_of("kyc", KycState)};
    -- From this instant on it has lapsed, whether or not anybody records that.
    ALTER TABLE client ADD COLUMN kyc_expires_at timestamptz;
    ALTER TABLE client ADD CONSTRAINT client_kyc_expires
      CHECK ((kyc = '{KycState.passed.value}') = (kyc_expires_at IS NOT NULL));
    ALTER TABLE client ADD COLUMN standing text NOT NULL DEFAULT '{Standing.good.value}'
      {one_of("standing", Standing)};
    CREATE INDEX client_kyc ON client (tenant_id, kyc_expires_at);
    """,
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
