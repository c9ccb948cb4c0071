"""`listen` ends for nothing but its own cancellation, wherever the connection is cut."""

from __future__ import annotations

import asyncio
import os

from app.kernel.listening import listen
from tests.support.database import DatabaseUrls, connected
from tests.support.waiting import eventually

CUTS = 4_000


async def test_hears_again_after_being_cut_off_at_any_moment(database: DatabaseUrls) -> None:
    channel = f"listening_{os.getpid()}"
    heard = 0

    def ring() -> None:
        nonlocal heard
        heard += 1

    listening = asyncio.create_task(
        listen(database.app, wake={channel: ring, f"{channel}_b": ring})
    )
    try:
        async with connected(database.admin) as admin:
            for _ in range(CUTS):
                # As soon as it is there: while it signs in, between its two LISTENs, or after.
                await admin.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'stakehold-listen'"
                )
                assert not listening.done(), listening.exception()
                await asyncio.sleep(0)
            before = heard

            async def hears() -> bool:
                await admin.execute(f"NOTIFY {channel}")
                return heard > before + 2

            await eventually(hears, True, within_seconds=5)
        assert not listening.done()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
