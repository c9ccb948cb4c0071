"""Setting a database up: a second run, as each deploy makes one, finds nothing left to do."""

from __future__ import annotations

import os

from app.kernel.migrate import bootstrap, migrate, migration_files
from tests.support.database import DatabaseUrls, connected


async def test_a_second_run_changes_nothing(database: DatabaseUrls) -> None:
    await bootstrap(os.environ["DATABASE_ADMIN_URL"])
    assert await migrate(database.owner) == []
    async with connected(database.owner) as owner:
        names = [row["name"] for row in await owner.fetch("SELECT name FROM migration")]
    assert sorted(names) == sorted(path.stem for _, path in migration_files())
