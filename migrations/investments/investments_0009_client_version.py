"""A client has a version: who records something says what they saw."""

from app.kernel.migrations import sql_migration

ID = "investments_0009_client_version"
VERSION = "1.38.0"
DESCRIPTION = "the version of what is recorded of a client"

STATEMENTS = [
    "ALTER TABLE client ADD COLUMN version bigint NOT NULL DEFAULT 1 CHECK (version > 0);",
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
