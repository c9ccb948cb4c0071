"""How much waits, of which kind, and for how long."""

from __future__ import annotations

import msgspec

from app.kernel.database import fetch


class KindBacklog(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant's jobs of one kind, by state. `late_seconds` is how long the one that has waited
    longest should have been running, 0 where none is late; real time."""

    kind: str
    pending: int
    running: int
    dead: int
    done: int
    late_seconds: int


async def backlog() -> list[KindBacklog]:
    """Every kind of which there is a job; upkeep removes those that were done long ago."""
    rows = await fetch(
        "SELECT kind, count(*) FILTER (WHERE state = 'pending') AS pending,"
        " count(*) FILTER (WHERE state = 'running') AS running,"
        " count(*) FILTER (WHERE state = 'dead') AS dead,"
        " count(*) FILTER (WHERE state = 'done') AS done,"
        " coalesce(greatest(extract(epoch FROM statement_timestamp()"
        "   - min(due_at) FILTER (WHERE state = 'pending')), 0), 0)::int AS late_seconds"
        " FROM job GROUP BY kind ORDER BY kind"
    )
    return [KindBacklog(**dict(row)) for row in rows]
