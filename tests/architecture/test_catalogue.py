"""What every table keeps to, read from the database's own catalogue after all migrations."""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from typing import Any

import pytest
from piccolo.table import Table

from app.kernel.piccolo_apps import TABLES
from tests.support.database import DatabaseUrls, connected

# Tables that belong to no tenant. A line here is a decision: say why.
GLOBAL_TABLES = {
    "account": "a person's sign-in, the same in every tenant",
    "clock": "one business clock",
    "federated_identity": "an account's identity at a provider",
    "migration": "what has been run",
    "process_report": "processes serve every tenant; nothing of any tenant is in it",
    "sign_in_attempt": "counted before a tenant is known",
    "tenant": "the list of tenants itself",
}
# Indexed by what they are looked up by; nobody deletes or re-keys what they point at.
TENANT_REFERENCE = ["tenant_id"]

TABLE_NAMES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "


async def rows(database: DatabaseUrls, sql: str) -> list[dict[str, Any]]:
    async with connected(database.admin) as admin:
        return [dict(row) for row in await admin.fetch(sql)]


async def tenant_tables(database: DatabaseUrls) -> set[str]:
    names = {
        row["relname"] for row in await rows(database, TABLE_NAMES + "AND relkind IN ('r', 'p')")
    }
    return names - set(GLOBAL_TABLES)


async def test_every_table_of_tenants_forces_row_security(database: DatabaseUrls) -> None:
    unprotected = await rows(
        database,
        TABLE_NAMES + "AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)",
    )
    assert {row["relname"] for row in unprotected} <= set(GLOBAL_TABLES)


async def test_every_table_of_tenants_has_the_tenant_policy_both_ways(
    database: DatabaseUrls,
) -> None:
    policies = await rows(
        database,
        "SELECT tablename, qual, with_check FROM pg_policies WHERE schemaname = 'public' "
        "AND permissive = 'PERMISSIVE' AND cmd = 'ALL' AND 'public' = ANY(roles)",
    )
    kept = {
        policy["tablename"]
        for policy in policies
        if "app.tenant_id" in (policy["qual"] or "")
        and "app.tenant_id" in (policy["with_check"] or "")
    }
    assert await tenant_tables(database) - kept == set()


async def test_only_the_dispatcher_sees_across_tenants(database: DatabaseUrls) -> None:
    open_policies = await rows(
        database,
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public' "
        "AND permissive = 'PERMISSIVE' AND qual NOT LIKE '%app.tenant_id%' "
        "AND roles <> '{stakehold_dispatcher}'",
    )
    assert open_policies == []


async def test_every_table_of_tenants_names_its_tenant(database: DatabaseUrls) -> None:
    columns = await rows(
        database,
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND column_name = 'tenant_id' AND is_nullable = 'NO'",
    )
    assert await tenant_tables(database) - {row["table_name"] for row in columns} == set()


async def test_no_view_reads_with_its_owners_rights(database: DatabaseUrls) -> None:
    views = await rows(
        database,
        TABLE_NAMES + "AND relkind IN ('v', 'm') "
        "AND NOT coalesce('security_invoker=true' = ANY(reloptions), false)",
    )
    assert views == []


async def test_the_portals_role_owns_nothing_and_bypasses_nothing(database: DatabaseUrls) -> None:
    owned = await rows(database, TABLE_NAMES + "AND pg_get_userbyid(relowner) <> 'stakehold_owner'")
    assert owned == []
    roles = await rows(
        database,
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'stakehold%' "
        "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)",
    )
    assert roles == []


FOREIGN_KEYS = """
SELECT c.conname, t.relname AS table_name, f.relname AS points_at, c.confdeltype::text,
  c.confupdtype::text,
  ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k (num, position)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num
        ORDER BY k.position) AS columns
FROM pg_constraint c
JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid
WHERE c.contype = 'f' AND t.relnamespace = 'public'::regnamespace
"""

INDEXES = """
SELECT t.relname AS table_name, i.indisunique, i.indisprimary, x.relname AS index_name,
  ARRAY(SELECT coalesce(a.attname::text, '(expression)')
        FROM unnest(i.indkey) WITH ORDINALITY k (num, position)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
        WHERE k.position <= i.indnkeyatts ORDER BY k.position) AS columns,
  pg_get_expr(i.indpred, i.indrelid) AS condition
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
WHERE t.relnamespace = 'public'::regnamespace
"""


async def test_no_foreign_key_deletes_or_changes_what_points_at_it(database: DatabaseUrls) -> None:
    broken = [
        key["conname"]
        for key in await rows(database, FOREIGN_KEYS)
        if key["confdeltype"] not in "ar" or key["confupdtype"] not in "ar"
    ]
    assert broken == []


async def test_every_foreign_key_between_tenants_tables_carries_the_tenant(
    database: DatabaseUrls,
) -> None:
    of_tenants = await tenant_tables(database)
    broken = [
        key["conname"]
        for key in await rows(database, FOREIGN_KEYS)
        if key["table_name"] in of_tenants
        and key["points_at"] in of_tenants
        and "tenant_id" not in key["columns"]
    ]
    assert broken == []


async def test_every_foreign_key_is_indexed(database: DatabaseUrls) -> None:
    indexes = defaultdict(list)
    for index in await rows(database, INDEXES):
        # A partial index serves where its condition is the column's own presence.
        if index["condition"] is None or "IS NOT NULL" in index["condition"]:
            indexes[index["table_name"]].append(index["columns"])
    broken = [
        f"{key['table_name']}.{key['conname']} {key['columns']}"
        for key in await rows(database, FOREIGN_KEYS)
        if key["columns"] != TENANT_REFERENCE
        and not any(_serves(index, key["columns"]) for index in indexes[key["table_name"]])
    ]
    assert broken == []


def _serves(index: list[str], columns: list[str]) -> bool:
    """Whether the index starts with columns of the key, and with more than the tenant."""
    leading = 0
    while leading < len(index) and index[leading] in columns:
        leading += 1
    return set(index[:leading]) - {"tenant_id"} != set()


async def test_every_unique_rule_of_tenants_includes_the_tenant(database: DatabaseUrls) -> None:
    of_tenants = await tenant_tables(database)
    broken = [
        index["index_name"]
        for index in await rows(database, INDEXES)
        if index["indisunique"]
        and index["table_name"] in of_tenants
        and "tenant_id" not in index["columns"]
    ]
    assert broken == []


async def test_every_amount_refuses_nan(database: DatabaseUrls) -> None:
    columns = await rows(
        database,
        "SELECT table_name, column_name, numeric_precision, numeric_scale "
        "FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'numeric'",
    )
    checks = await rows(
        database,
        "SELECT t.relname AS table_name, pg_get_constraintdef(c.oid) AS definition "
        "FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE c.contype = 'c'",
    )
    broken = [
        f"{column['table_name']}.{column['column_name']}"
        for column in columns
        if not any(
            check["table_name"] == column["table_name"]
            and f"{column['column_name']} <> 'NaN'" in check["definition"]
            for check in checks
        )
    ]
    assert broken == []
    assert {(column["numeric_precision"], column["numeric_scale"]) for column in columns} <= {
        (38, 18)
    }


async def test_no_column_holds_a_float_or_a_time_without_zone(database: DatabaseUrls) -> None:
    columns = await rows(
        database,
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'migration' AND data_type IN "
        "('real', 'double precision', 'money', 'timestamp without time zone')",
    )
    assert columns == []


@pytest.mark.parametrize("noun", TABLES)
async def test_the_tables_in_code_are_those_of_the_database(
    database: DatabaseUrls, noun: str
) -> None:
    module = import_module(TABLES[noun])
    declared = {
        table._meta.tablename: {
            column._meta.db_column_name: column._meta.null for column in table._meta.columns
        }
        for table in vars(module).values()
        if isinstance(table, type)
        and issubclass(table, Table)
        and table is not Table
        and table.__module__ == module.__name__
    }
    assert declared, f"{TABLES[noun]} declares no table"
    there: dict[str, dict[str, bool]] = defaultdict(dict)
    for column in await rows(
        database,
        "SELECT table_name, column_name, is_nullable = 'YES' AS nullable "
        "FROM information_schema.columns WHERE table_schema = 'public'",
    ):
        there[column["table_name"]][column["column_name"]] = column["nullable"]
    assert {name: there[name] for name in declared} == declared


async def test_every_table_of_the_database_is_declared_in_code(database: DatabaseUrls) -> None:
    declared = {
        table._meta.tablename
        for module in TABLES.values()
        for table in vars(import_module(module)).values()
        if isinstance(table, type) and issubclass(table, Table) and table is not Table
    }
    names = {row["relname"] for row in await rows(database, TABLE_NAMES + "AND relkind = 'r'")}
    assert names - declared == {"migration"}


async def test_the_planner_is_told_that_a_tenant_has_many_rows_before_it_can_know(
    database: DatabaseUrls,
) -> None:
    """Without it the checks of foreign keys may read all of a tenant's rows, see app.kernel.migrate."""
    known = await rows(
        database,
        "SELECT tablename FROM pg_stats WHERE schemaname = 'public' AND attname = 'tenant_id'",
    )
    unknown = await tenant_tables(database) - {row["tablename"] for row in known}
    assert unknown == set()
