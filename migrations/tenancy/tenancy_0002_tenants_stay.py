"""Tenants stay, so that a row may name one without locking it.

A foreign key locks the row it finds for as long as its transaction lasts. Every unit of work that leaves a
trail locked the one row of its tenant, together with whoever else was committing: each time PostgreSQL made
a multixact of them and wrote it down. A tenant is suspended, never removed; now nobody can remove one, and
the tables that every unit of work writes ask once a statement whether their tenants are there.
"""

from app.kernel.migrations import sql_migration

ID = "tenancy_0002_tenants_stay"
VERSION = "1.38.0"
DESCRIPTION = "refuse to remove a tenant, and look for tenants without locks"

STATEMENTS = [
    """
    CREATE FUNCTION refuse_end_of_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'a tenant is never removed, nor its id changed'
        USING ERRCODE = 'restrict_violation';
    END $$;
    CREATE TRIGGER tenant_stays BEFORE DELETE OR UPDATE OF id ON tenant
      FOR EACH ROW EXECUTE FUNCTION refuse_end_of_tenant();
    CREATE TRIGGER tenant_no_truncate BEFORE TRUNCATE ON tenant
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_end_of_tenant();
    """,
    """
    CREATE FUNCTION refuse_change_of_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% keeps its tenant', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$;
    """,
    # Called with the new rows of the statement; see `tenant_is_there` in app/kernel/migrations.py.
    """
    CREATE FUNCTION check_tenants() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM FROM inserted i
        WHERE (SELECT t.id FROM tenant t WHERE t.id = i.tenant_id) IS NULL LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION '% names a tenant that is not there', TG_TABLE_NAME
          USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_tenant_id_fkey';
      END IF;
      RETURN NULL;
    END $$;
    """,
]


async def forwards():
    return sql_migration(
        app_name="tenancy", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
