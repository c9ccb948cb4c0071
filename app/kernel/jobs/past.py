"""What consumers have to do with events of a past that is loaded, where no worker was there."""

from __future__ import annotations

from app.kernel.actors import SYSTEM
from app.kernel.database import acting, current, execute, fetch
from app.kernel.jobs.registry import spec_of

_BATCH_MAX = 500


async def react_to_past() -> int:
    """Run the consumers of all events of the tenant that wait for theirs, each at the time of its
    event, in the open unit of work; returns how many ran. The events must have been committed.

    One that fails fails all: a past is loaded whole.
    """
    ran = 0
    while True:
        rows = await fetch(
            "SELECT j.id, j.kind, j.payload, e.occurred_at"
            " FROM job j JOIN outbox_event e ON e.tenant_id = j.tenant_id AND e.id = j.event_id"
            " WHERE j.state = 'pending' ORDER BY e.occurred_at, e.id, j.id LIMIT $1"
            " FOR NO KEY UPDATE OF j",
            _BATCH_MAX,
        )
        if not rows:
            return ran
        for row in rows:
            function = spec_of(row["kind"]).function
            assert function is not None, "consumers call nobody outside"
            with acting(actor=SYSTEM, at=row["occurred_at"]):
                await function(payload=row["payload"])
        await execute(
            "UPDATE job SET state = 'done', attempt = attempt + 1, finished_at = clock_timestamp()"
            " WHERE tenant_id = $1 AND id = ANY($2)",
            current().tenant,
            [row["id"] for row in rows],
        )
        ran += len(rows)
