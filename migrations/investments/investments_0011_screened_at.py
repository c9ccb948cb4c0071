"""What a request was worth in US dollars when it was made, as far as a price was known."""

from app.kernel.migrations import sql_migration

ID = "investments_0011_screened_at"
VERSION = "1.38.0"
DESCRIPTION = "the gross and the price with which a request was screened"

STATEMENTS = [
    # None for requests before this, and where no fresh price was known.
    "ALTER TABLE redemption ADD COLUMN screened_at_price jsonb;",
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
