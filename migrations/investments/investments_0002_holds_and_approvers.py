"""Holds, offers to the client, and who a request waits for."""

from app.domains.investments.values import RedemptionState
from app.kernel.migrations import one_of, sql_migration

ID = "investments_0002_holds_and_approvers"
VERSION = "1.38.0"
DESCRIPTION = "holds, awaiting the client, reassigned approvals"

STATEMENTS = [
    f"""
    ALTER TABLE redemption DROP CONSTRAINT redemption_state_check;
    ALTER TABLE redemption ADD CONSTRAINT redemption_state_check
      {one_of("state", RedemptionState)};
    -- Where a hold came from, and goes back to.
    ALTER TABLE redemption ADD COLUMN held_from text;
    ALTER TABLE redemption ADD CHECK ((state = 'on_hold') = (held_from IS NOT NULL));
    """,
    """
    -- Whom it waits for: the client's own manager, or whom operations gave it to. Row security is
    -- forced on the owner as well, so what is there is filled in tenant by tenant.
    ALTER TABLE redemption ADD COLUMN approver_membership_id uuid;
    DO $$ DECLARE t uuid; BEGIN
      FOR t IN SELECT id FROM tenant LOOP
        PERFORM set_config('app.tenant_id', t::text, true);
        UPDATE redemption r SET approver_membership_id = c.rm_membership_id
          FROM client c WHERE c.id = r.client_id;
      END LOOP;
      PERFORM set_config('app.tenant_id', '', true);
    END $$;
    ALTER TABLE redemption ALTER COLUMN approver_membership_id SET NOT NULL;
    ALTER TABLE redemption ADD FOREIGN KEY (tenant_id, approver_membership_id)
      REFERENCES membership (tenant_id, id);
    CREATE INDEX redemption_approver ON redemption (tenant_id, approver_membership_id);
    """,
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
