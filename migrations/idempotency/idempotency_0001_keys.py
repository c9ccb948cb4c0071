"""Idempotency keys and the answers kept for them."""

from app.kernel.migrations import sql_migration, tenant_table

ID = "idempotency_0001_keys"
VERSION = "1.38.0"
DESCRIPTION = "idempotency keys"

STATEMENTS = [
    f"""
    CREATE TABLE idempotency_key (
      tenant_id uuid NOT NULL REFERENCES tenant,
      actor_id uuid NOT NULL,
      route text NOT NULL CHECK (route <> ''),
      key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
      body_hash bytea NOT NULL CHECK (octet_length(body_hash) = 32),
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      status integer,
      headers jsonb,
      body bytea,
      moved_money boolean NOT NULL DEFAULT false,
      PRIMARY KEY (tenant_id, actor_id, route, key),
      -- An answer is kept whole or not at all.
      CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL)),
      CHECK (status BETWEEN 200 AND 399)
    );
    CREATE INDEX idempotency_key_age ON idempotency_key (tenant_id, created_at)
      WHERE NOT moved_money;
    {tenant_table("idempotency_key", grants="SELECT, INSERT, UPDATE, DELETE")}
    -- An answer never changes, and the key of what moved money is never forgotten.
    CREATE POLICY idempotency_key_once ON idempotency_key AS RESTRICTIVE FOR UPDATE
      USING (status IS NULL) WITH CHECK (true);
    CREATE POLICY idempotency_key_money ON idempotency_key AS RESTRICTIVE FOR DELETE
      USING (NOT moved_money);
    """,
]


async def forwards():
    return sql_migration(
        app_name="idempotency", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
