"""Waiting until no transaction of the whole server is older than now: sealing and snapshots hold
back while one is, and the transactions of other xdist workers count."""

from __future__ import annotations

import asyncio

from app.kernel.database import pool


async def everything_settled() -> None:
    """Returns when all that has been committed so far is final."""
    latest = await pool().fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    async with asyncio.timeout(30):
        while not await pool().fetchval(
            "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8", latest
        ):
            await asyncio.sleep(0.01)
