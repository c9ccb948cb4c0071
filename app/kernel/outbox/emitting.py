"""Say what happened: an event, in the transaction that made it happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.kernel.database import current, execute
from app.kernel.ids import new_id
from app.kernel.outbox.consumers import consumer_kind, consumers_of

_EMIT = """
WITH event AS (
  INSERT INTO outbox_event (tenant_id, id, type, version, subject_kind, subject_id, payload,
    topics, consumers, actor_id, actor_name, request_id, trace, occurred_at, recorded_at, state)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, clock_timestamp(),
    'pending')
)
INSERT INTO job (tenant_id, id, kind, payload, state, due_at, attempt, failures, event_id,
  consumer, request_id, trace, created_at)
SELECT $1, reaction.id, reaction.kind, jsonb_build_object('event_id', $2::uuid), 'pending',
  clock_timestamp(), 0, 0, $2, reaction.name, $12, $13, clock_timestamp()
FROM unnest($15::uuid[], $16::text[], $9::text[]) AS reaction (id, kind, name)
"""


async def emit(
    *,
    type: str,  # noqa: A002 - the word that events use everywhere
    subject_kind: str,
    subject_id: UUID,
    payload: dict[str, Any],
    topics: Sequence[str] = (),
    version: int = 1,
) -> UUID:
    """Write an event and, in the same statement, a job for each of its consumers; returns its id.

    `payload` follows docs/events/<type>.v<version>.json. `topics` are what live pages listen to,
    as in `redemption:<id>`. Nothing leaves the process: the relay and the workers do that after
    the commit.
    """
    unit = current()
    event_id = new_id()
    consumers = consumers_of(type)
    await execute(
        _EMIT,
        unit.tenant,
        event_id,
        type,
        version,
        subject_kind,
        subject_id,
        payload,
        list(topics),
        consumers,
        unit.actor.id,
        unit.actor.name,
        unit.actor.request_id,
        unit.actor.trace,
        unit.now,
        [new_id() for _ in consumers],
        [consumer_kind(name) for name in consumers],
    )
    return event_id
