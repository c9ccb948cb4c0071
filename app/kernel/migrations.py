"""How a migration is written: SQL by hand, in Piccolo's `add_raw`, with our row security.

A migration file is named `<noun>_<number>_<what>.py` and holds ID, VERSION, DESCRIPTION and
`forwards`. Piccolo imports it by its bare name, so the noun in front keeps names apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.kernel.database import DB

VERSION = "1.38.0"

TENANT_POLICY = "tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"


def sql_migration(
    *, app_name: str, migration_id: str, description: str, statements: Sequence[str]
) -> MigrationManager:
    """A migration that runs `statements`, each of which may hold several, in one transaction."""
    manager = MigrationManager(
        migration_id=migration_id,
        app_name=app_name,
        description=description,
        wrap_in_transaction=False,  # app.kernel.migrate opens it, and records the run inside it
    )

    async def run() -> None:
        transaction = DB.current_transaction.get()
        assert transaction is not None, "app.kernel.migrate opens it"
        connection = transaction.connection
        for statement in statements:
            await connection.execute(statement)

    manager.add_raw(run)
    return manager


def tenant_table(
    table: str, *, grants: str = "SELECT, INSERT, UPDATE", dispatched: bool = False
) -> str:
    """Row security for `table`, and what the portal's role may do with it.

    `dispatched` opens it to the dispatcher as well, across tenants: work tables alone.
    """
    sql = f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY {table}_tenant ON {table} USING ({TENANT_POLICY}) WITH CHECK ({TENANT_POLICY});
    GRANT {grants} ON {table} TO stakehold_app;
    """
    if dispatched:
        sql += f"""
        CREATE POLICY {table}_dispatcher ON {table} TO stakehold_dispatcher USING (true);
        GRANT SELECT, UPDATE ON {table} TO stakehold_dispatcher;
        """
    return sql


def tenant_is_there(table: str) -> str:
    """For a table that nearly every unit of work writes: its foreign key to the tenant stays in the
    schema, and a trigger asks what it says, once a statement and without locking the tenant's row.

    A row's tenant can then not be changed any more by anybody; row security refuses it to the portal
    already.
    """
    return f"""
    ALTER TABLE {table} ALTER CONSTRAINT {table}_tenant_id_fkey NOT ENFORCED;
    CREATE TRIGGER {table}_tenant_is_there AFTER INSERT ON {table}
      REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION check_tenants();
    CREATE TRIGGER {table}_keeps_tenant AFTER UPDATE OF tenant_id ON {table}
      FOR EACH ROW WHEN (OLD.tenant_id <> NEW.tenant_id)
      EXECUTE FUNCTION refuse_change_of_tenant();
    """


def append_only(table: str) -> str:
    """Triggers that refuse UPDATE, DELETE and TRUNCATE, whoever asks."""
    return f"""
    CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
      FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    """


def one_of(column: str, values: type[Enum]) -> str:
    """A CHECK that `column` holds one of the enum's values."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return f"CHECK ({column} IN ({listed}))"


def finite(column: str, rule: str = "") -> str:
    """A CHECK that `column` is no NaN (which passes every comparison), and keeps `rule`."""
    return f"CHECK ({column} <> 'NaN'{f' AND {rule}' if rule else ''})"


def dispatcher_function(signature: str, returns: str, body: str) -> str:
    """A SECURITY DEFINER function of the dispatcher: the only way to see work of all tenants."""
    name = signature.split("(", 1)[0]
    return f"""
    CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE sql SECURITY DEFINER
      SET search_path = public, pg_temp AS $body$ {body} $body$;
    REVOKE ALL ON FUNCTION {name} FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION {name} TO stakehold_app;
    GRANT CREATE ON SCHEMA public TO stakehold_dispatcher;
    -- Last: from here on only the dispatcher could grant it.
    ALTER FUNCTION {name} OWNER TO stakehold_dispatcher;
    REVOKE CREATE ON SCHEMA public FROM stakehold_dispatcher;
    """
