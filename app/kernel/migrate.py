"""Bootstrap (roles belong to the cluster) and the migration run.

Piccolo's own command records a migration outside its transaction and takes no lock; this run does
both properly, and everything else (files, managers, the `migration` table) stays Piccolo's.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from app.kernel.database import DB

APP_ROLE = "stakehold_app"
OWNER_ROLE = "stakehold_owner"
DISPATCHER_ROLE = "stakehold_dispatcher"
_LOCK = 7_227_400_113
_ROOT = Path(__file__).resolve().parents[2]

# In the order they build on each other; each is a folder of migrations/.
NOUNS = (
    "tenancy",
    "audit",
    "ledger",
    "outbox",
    "jobs",
    "approvals",
    "deadlines",
    "idempotency",
    "processes",
    "identity",
    "notifications",
    "investments",
)


# Of a table that nobody has looked at yet, the planner believes that a tenant has a row or two in it,
# takes any index that begins with the tenant to check a foreign key, and keeps that plan while the table
# grows: each new row then reads all of its tenant's. So we say that a tenant has many; the first
# ANALYZE, autovacuum's own, replaces what we said.
_FIRST_STATISTICS = """
SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', c.relname::text,
  'attname', 'tenant_id', 'inherited', false,
  'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND pg_get_userbyid(c.relowner) = current_user
  AND NOT EXISTS (SELECT FROM pg_stats s
    WHERE s.schemaname = 'public' AND s.tablename = c.relname AND s.attname = 'tenant_id')
"""


@dataclass
class _Transaction:
    """All that Piccolo asks of a transaction."""

    connection: asyncpg.Connection


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def bootstrap(admin_url: str) -> None:
    """Make the three roles and the portal's database; safe to run again.

    Reads names and passwords from DATABASE_OWNER_URL and DATABASE_URL, so that they are said once.
    """
    owner = urlsplit(os.environ["DATABASE_OWNER_URL"])
    app = urlsplit(os.environ["DATABASE_URL"])
    database = owner.path.lstrip("/")
    admin = await asyncpg.connect(admin_url)
    try:
        await make_roles(admin, unquote(owner.password or ""), unquote(app.password or ""))
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await admin.execute(f'CREATE DATABASE "{database}" OWNER {OWNER_ROLE}')
    finally:
        await admin.close()


async def make_roles(admin: asyncpg.Connection, owner_password: str, app_password: str) -> None:
    """*owner* migrates, *app* serves and owns nothing, *dispatcher* has no login at all."""
    for role, attributes in (
        (OWNER_ROLE, f"LOGIN PASSWORD {_quote(owner_password)}"),
        (APP_ROLE, f"LOGIN NOBYPASSRLS PASSWORD {_quote(app_password)}"),
        (DISPATCHER_ROLE, "NOLOGIN NOBYPASSRLS"),
    ):
        there = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
        await admin.execute(f"{'ALTER' if there else 'CREATE'} ROLE {role} {attributes}")
    # The owner hands claim functions over to the dispatcher; it does not act as it.
    await admin.execute(f"GRANT {DISPATCHER_ROLE} TO {OWNER_ROLE} WITH INHERIT FALSE, SET TRUE")


async def migrate(owner_url: str) -> list[str]:
    """Run what has not run yet, each migration in a transaction that records it. Returns their ids."""
    connection = await asyncpg.connect(
        owner_url, server_settings={"lock_timeout": "5000", "timezone": "UTC"}
    )
    try:
        # A second deploy waits here, then finds nothing left to do.
        await connection.execute("SET lock_timeout = 0")
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        await connection.execute("SET lock_timeout = '5s'")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (id serial PRIMARY KEY, "
            "name varchar(200) NOT NULL, app_name varchar(200) NOT NULL, "
            "ran_on timestamp NOT NULL DEFAULT now())"
        )
        done = {row["name"] for row in await connection.fetch("SELECT name FROM migration")}
        ran = []
        for noun, path in migration_files():
            if path.stem not in done:
                await _run(connection, noun, path)
                ran.append(path.stem)
        await connection.execute(_FIRST_STATISTICS)
        return ran
    finally:
        await connection.close()


def migration_files() -> list[tuple[str, Path]]:
    """Every migration with its noun, in the order they run."""
    return [
        (noun, path)
        for noun in NOUNS
        for path in sorted((_ROOT / "migrations" / noun).glob(f"{noun}_[0-9]*.py"))
    ]


async def _run(connection: asyncpg.Connection, noun: str, path: Path) -> None:
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    module = importlib.import_module(path.stem)
    async with connection.transaction():
        token = DB.current_transaction.set(_Transaction(connection))  # type: ignore[arg-type]
        try:
            manager = await module.forwards()
            for step in manager.raw:
                await step()
        except asyncpg.PostgresError as error:
            error.add_note(f"in migration {path.stem}")
            raise
        finally:
            DB.current_transaction.reset(token)
        await connection.execute(
            "INSERT INTO migration (name, app_name) VALUES ($1, $2)", path.stem, noun
        )


async def pending(connection: asyncpg.Connection) -> list[str]:
    """Migrations that this code has and the database has not: readiness says so."""
    done = {row["name"] for row in await connection.fetch("SELECT name FROM migration")}
    return [path.stem for _, path in migration_files() if path.stem not in done]
