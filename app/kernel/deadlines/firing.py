"""Fire marks: state, trail, audit record and the domain's own effect in one transaction.

A mark has fired when its line is on the trail, which the database allows once. Whoever comes first
fires it: a worker when it is due, or the operation that stops the clock late.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec
import structlog

from app import metrics
from app.kernel import audit
from app.kernel.actors import SYSTEM
from app.kernel.database import (
    acting,
    ask_across_tenants,
    current,
    execute,
    fetch,
    fetch_row,
    retrying,
    unit_of_work,
)
from app.kernel.deadlines.rows import COLUMNS, DeadlineRow, without_proposal, write_marks
from app.kernel.deadlines.values import DeadlineState, mark_at
from app.kernel.errors import Unavailable

BATCH_MAX = 100
# An operation that holds the subject goes first: the mark is tried again in a moment.
LOCK_TIMEOUT_MS = 200
RETRY_SECONDS_MAX = 60

_log = structlog.get_logger(__name__)


class FiredMark(msgspec.Struct, frozen=True, kw_only=True):
    """A mark that has just been reached. `at` is when it stood, `now` when it is seen."""

    deadline_id: UUID
    kind: str
    subject_kind: str
    subject_id: UUID
    fraction: Decimal
    at: datetime
    now: datetime
    started_at: datetime
    due_at: datetime

    @property
    def is_breach(self) -> bool:
        return self.fraction == 1


MarkHandler = Callable[[FiredMark], Awaitable[None]]

_handlers: dict[str, list[MarkHandler]] = {}


def on_mark(kind: str) -> Callable[[MarkHandler], MarkHandler]:
    """Call the function for every mark of deadlines of `kind`, in the transaction that fires it.

    It works as the portal itself. Where it needs a lock that somebody holds, it is undone and
    called again a moment later.
    """

    def declare(handler: MarkHandler) -> MarkHandler:
        _handlers.setdefault(kind, []).append(handler)
        return handler

    return declare


async def fire_due_marks(row: DeadlineRow) -> DeadlineRow:
    """Fire every mark of the locked `row` that is due, in order; returns the row as it is then."""
    unit = current()
    while row.next_mark_at is not None and row.next_mark_at <= unit.now:
        await _fire_next([row])
        record = await fetch_row(f"SELECT {COLUMNS} FROM deadline WHERE id = $1", row.id)
        assert record is not None, "deadlines are never deleted"
        row = DeadlineRow(**dict(record))
    return row


async def _fire_next(rows: Sequence[DeadlineRow]) -> None:
    """Fire the first mark that is left of each, as the portal itself, whoever the actor is.

    No two may be of one subject: what the one does there might stop the other.
    """
    unit = current()
    person = unit.actor
    unit.actor = msgspec.structs.replace(SYSTEM, request_id=person.request_id, trace=person.trace)
    try:
        await write_marks([(await _marked(row), row.marks_left[0]) for row in rows])
        for row in rows:
            await _take_effect(row, row.marks_left[0])
    finally:
        unit.actor = person


async def _marked(row: DeadlineRow) -> DeadlineRow:
    """The row without its next mark."""
    fraction, *left = row.marks_left
    if fraction < 1:
        return msgspec.structs.replace(row, marks_left=left)
    # Nothing is left to change of a clock that has run out.
    kept = await without_proposal(row)
    return msgspec.structs.replace(kept, state=DeadlineState.breached.value, marks_left=left)


async def _take_effect(row: DeadlineRow, fraction: Decimal) -> None:
    """Record the mark and call who waits for it; `row` is what it was before."""
    breached = fraction == 1
    state = DeadlineState.breached if breached else DeadlineState.running
    mark = FiredMark(
        deadline_id=row.id,
        kind=row.kind,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        fraction=fraction,
        at=mark_at(row.due_at, row.total_seconds, fraction),
        now=current().now,
        started_at=row.started_at,
        due_at=row.due_at,
    )
    await audit.record(
        action="deadline.breached" if breached else "deadline.mark",
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        before={"state": row.state},
        after={"state": state.value, "deadline": row.kind, "fraction": str(fraction)},
    )
    for handler in _handlers.get(row.kind, ()):
        await handler(mark)


async def fire_due(*, limit: int = 500) -> int:
    """Fire what is due in every tenant, each mark once however many workers do this at a time.

    Returns how many deadlines had a mark fired, each the first that was left: call it until there
    are none. One whose handler fails holds up no other: it is tried again after a pause that
    doubles, up to a minute, without end.
    """
    fired = 0
    due = await ask_across_tenants("SELECT * FROM due_deadlines($1)", limit)
    by_tenant: dict[UUID, list[UUID]] = defaultdict(list)
    for row in due:
        by_tenant[row["tenant_id"]].append(row["id"])
    for tenant_id, ids in by_tenant.items():
        for start in range(0, len(ids), BATCH_MAX):
            fired += await _fire_batch(tenant_id, ids[start : start + BATCH_MAX])
    return fired


async def seconds_to_next_mark() -> float | None:
    """How long until a mark that is not due yet will be, in whichever tenant; none if no clock runs."""
    [row] = await ask_across_tenants("SELECT seconds_to_next_mark() AS seconds")
    seconds: float | None = row["seconds"]
    return seconds


async def fire_marks_of_past(*, until: datetime) -> int:
    """Fire, in the open unit of work, every mark of its tenant that stood by `until`, each at the
    time it stood: for a past that is loaded, where no worker was there. Returns how many fired.
    """
    fired = 0
    while True:
        record = await fetch_row(
            f"SELECT {COLUMNS}, next_mark_at FROM deadline"
            " WHERE state = 'running' AND next_mark_at <= $1"
            " ORDER BY next_mark_at, id LIMIT 1 FOR NO KEY UPDATE",
            until,
        )
        if record is None:
            return fired
        row = DeadlineRow(**{name: record[name] for name in DeadlineRow.__struct_fields__})
        with acting(actor=SYSTEM, at=record["next_mark_at"]):
            await _fire_next([row])
        fired += 1


async def _fire_batch(tenant_id: UUID, ids: Sequence[UUID]) -> int:
    """Fire them in one transaction; where one of them fails, each in a transaction of its own."""
    try:
        return await retrying(_fire_together)(tenant_id, ids)
    except Unavailable:
        # The database is away: no use in asking it for each of them.
        raise
    except Exception as error:
        if len(ids) > 1:
            return sum([await _fire_batch(tenant_id, [one]) for one in ids])
        if isinstance(error, asyncpg.LockNotAvailableError):
            _log.info("mark waits for a lock", deadline_id=str(ids[0]))
        else:
            metrics.DEADLINE_MARKS.labels("any", "failed").inc()
            _log.error("mark failed", deadline_id=str(ids[0]), exc_info=error)
            await _try_later(tenant_id, ids[0])
        return 0


async def _fire_together(tenant_id: UUID, ids: Sequence[UUID]) -> int:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM) as unit:
        await execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        records = await fetch(
            # The state is looked at again under the lock: another worker may have been here.
            f"SELECT {COLUMNS} FROM deadline WHERE id = ANY($1) AND state = 'running'"
            " AND next_mark_at <= $2 ORDER BY next_mark_at, id FOR NO KEY UPDATE SKIP LOCKED",
            ids,
            unit.now,
        )
        # One of each subject; its others are due still, and come next.
        rows = list(_by_subject(DeadlineRow(**dict(record)) for record in records).values())
        if rows:
            await _fire_next(rows)
    for row in rows:
        metrics.DEADLINE_MARKS.labels(row.kind, "fired").inc()
    return len(rows)


def _by_subject(rows: Iterable[DeadlineRow]) -> dict[tuple[str, UUID], DeadlineRow]:
    """The first of each subject, in order."""
    found: dict[tuple[str, UUID], DeadlineRow] = {}
    for row in rows:
        found.setdefault((row.subject_kind, row.subject_id), row)
    return found


async def _try_later(tenant_id: UUID, deadline_id: UUID) -> None:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        await execute(
            "UPDATE deadline SET failures = failures + 1, retry_at = clock_timestamp()"
            " + make_interval(secs => least(2 ^ least(failures, 10), $2))"
            " WHERE id = $1 AND state = 'running'",
            deadline_id,
            RETRY_SECONDS_MAX,
        )
