"""Tenants, the business clock, and what every later table stands on."""

from app.kernel.migrations import one_of, sql_migration
from app.kernel.tenancy.tables import TenantKind, TenantStatus

ID = "tenancy_0001_tenants_and_clock"
VERSION = "1.38.0"
DESCRIPTION = "tenants, business clock, append-only guard"

STATEMENTS = [
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO stakehold_app, stakehold_dispatcher",
    "GRANT SELECT ON migration TO stakehold_app",
    f"""
    CREATE TABLE tenant (
      id uuid PRIMARY KEY,
      slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{{1,62}}$'),
      name text NOT NULL CHECK (name <> ''),
      kind text NOT NULL {one_of("kind", TenantKind)},
      status text NOT NULL {one_of("status", TenantStatus)},
      time_zone text NOT NULL,
      locale text NOT NULL,
      created_at timestamptz NOT NULL
    );
    GRANT SELECT ON tenant TO stakehold_app, stakehold_dispatcher;
    """,
    """
    CREATE TABLE clock (
      id bigint PRIMARY KEY CHECK (id = 1),
      offset_seconds bigint NOT NULL CHECK (offset_seconds >= 0)
    );
    INSERT INTO clock VALUES (1, 0);
    GRANT SELECT, UPDATE ON clock TO stakehold_app;
    GRANT SELECT ON clock TO stakehold_dispatcher;
    -- Business time. Inside one statement it stands still, as now() does.
    CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE AS
      $$ SELECT now() + make_interval(secs => offset_seconds) FROM clock WHERE id = 1 $$;
    """,
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$;
    """,
]


async def forwards():
    return sql_migration(
        app_name="tenancy", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
