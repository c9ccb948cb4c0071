"""What a unit of work leaves behind for others: audit records, and events with a job for each of
their consumers.

They are gathered while the work goes on and written by one statement in the commit's own message,
however many there are: `audit.record` and `outbox.emit` add to them, `unit_of_work` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    business_at: datetime
    actor_id: UUID | None
    actor_name: str
    actor_role: str
    action: str
    subject_kind: str
    subject_id: UUID
    before: Any
    after: Any
    request_id: str
    address: str
    trace: str


class ReactionRow(msgspec.Struct, frozen=True, kw_only=True):
    """The job by which one consumer hears of an event."""

    id: UUID
    kind: str
    consumer: str


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    type: str
    version: int
    subject_kind: str
    subject_id: UUID
    payload: dict[str, Any]
    topics: Sequence[str]
    consumers: Sequence[str]
    actor_id: UUID | None
    actor_name: str
    request_id: str
    trace: str
    occurred_at: datetime
    reactions: Sequence[ReactionRow]


_ROWS = "jsonb_to_recordset(convert_from(decode({}, 'hex'), 'UTF8')::jsonb)"

_AUDITED = f"""
INSERT INTO audit_record (tenant_id, cluster_id, id, business_at, actor_id, actor_name, actor_role,
  action, subject_kind, subject_id, before, after, request_id, address, trace)
SELECT $1, {{cluster}}, id, business_at, actor_id, actor_name, actor_role,
  action, subject_kind, subject_id, before, after, request_id, address, trace
FROM {_ROWS.format("$2")} AS given (id uuid, business_at timestamptz, actor_id uuid,
  actor_name text, actor_role text, action text, subject_kind text, subject_id uuid,
  before jsonb, after jsonb, request_id text, address text, trace text)
"""

_TRAIL = f"""
WITH audited AS ({_AUDITED}), given AS (
  SELECT * FROM {_ROWS.format("$3")} AS given (id uuid, type text, version bigint,
    subject_kind text, subject_id uuid, payload jsonb, topics text[], consumers text[],
    actor_id uuid, actor_name text, request_id text, trace text, occurred_at timestamptz,
    reactions jsonb)
), emitted AS (
  INSERT INTO outbox_event (tenant_id, id, type, version, subject_kind, subject_id, payload,
    topics, consumers, actor_id, actor_name, request_id, trace, occurred_at, recorded_at, state)
  SELECT $1, id, type, version, subject_kind, subject_id, payload, topics, consumers, actor_id,
    actor_name, request_id, trace, occurred_at, clock_timestamp(), 'pending'
  FROM given
)
INSERT INTO job (tenant_id, id, kind, payload, state, due_at, attempt, failures, event_id,
  consumer, request_id, trace, created_at)
SELECT $1, reaction.id, reaction.kind, jsonb_build_object('event_id', given.id), 'pending',
  clock_timestamp(), 0, 0, given.id, reaction.consumer, given.request_id, given.trace,
  clock_timestamp()
FROM given CROSS JOIN LATERAL
  jsonb_to_recordset(given.reactions) AS reaction (id uuid, kind text, consumer text)
"""


def prepared(cluster_id: int) -> tuple[str, ...]:
    """What every connection to the cluster knows: what goes in one message with the commit takes no
    parameters and would be planned each time. The identifier stands in it, because the server reads it
    from a file whenever it is asked.
    """
    audited, trail = (sql.format(cluster=int(cluster_id)) for sql in (_AUDITED, _TRAIL))
    return (
        f"PREPARE trail_audited (uuid, text) AS {audited}",
        f"PREPARE trail_written (uuid, text, text) AS {trail}",
    )


class Trail:
    """Of one unit of work; what a savepoint that is undone had added is dropped with it."""

    __slots__ = ("audited", "events")

    def __init__(self) -> None:
        self.audited: list[AuditRow] = []
        self.events: list[EventRow] = []

    def mark(self) -> tuple[int, int]:
        return len(self.audited), len(self.events)

    def back_to(self, mark: tuple[int, int]) -> None:
        del self.audited[mark[0] :], self.events[mark[1] :]

    def written(self, tenant_id: UUID | None) -> str:
        """SQL that writes it, to go before the COMMIT. Nothing a value holds can be read as SQL: they go
        as the hexadecimal digits of JSON."""
        if tenant_id is None:
            return ""
        if self.events:
            return (
                f"EXECUTE trail_written ('{tenant_id}', '{_digits(self.audited)}',"
                f" '{_digits(self.events)}');"
            )
        if self.audited:
            return f"EXECUTE trail_audited ('{tenant_id}', '{_digits(self.audited)}');"
        return ""


def _digits(rows: Sequence[msgspec.Struct]) -> str:
    return msgspec.json.encode(rows).hex()
