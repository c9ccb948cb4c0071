"""The daily digest: what is not worth a mail of its own waits, and is told once a day together.

A line waits from the event that it is about until the next digest, however many days that takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.database import current, execute, fetch, fetch_value
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.kernel.notifications.groups import DIGEST
from app.kernel.notifications.operations import notify
from app.kernel.outbox.consumers import ConsumedEvent, consumer
from app.kernel.outbox.emitting import emit

DUE = "notification.digest_due"
# A mail is read at a glance; the page has the rest.
MAIL_LINES_MAX = 50


class DigestLine(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    text: str
    link: str
    happened_at: datetime


async def keep_for_digest(
    *, recipients: Sequence[UUID], event_id: UUID, text: str, link: str, happened_at: datetime
) -> None:
    """A line in the next digest of each of `recipients`, once for the event; none of a past that is
    loaded: the next digest would tell a year of it."""
    if current().loads_past:
        return
    await execute(
        "INSERT INTO notification_digest_line (tenant_id, id, recipient_id, event_id, text, link,"
        " happened_at) SELECT $1, l.id, l.recipient_id, $4, $5, $6, $7"
        " FROM unnest($2::uuid[], $3::uuid[]) AS l (id, recipient_id)"
        " ON CONFLICT (tenant_id, event_id, recipient_id) DO NOTHING",
        current().tenant,
        [new_id() for _ in recipients],
        list(recipients),
        event_id,
        text,
        link,
        happened_at,
    )


async def order_digests() -> None:
    """The tenant's evening: an event where something waits. What was missed is in the next one."""
    waiting: int = await fetch_value(
        "SELECT count(*) FROM notification_digest_line WHERE digest_event_id IS NULL"
    )
    if waiting:
        await emit(
            type=DUE,
            subject_kind="tenant",
            subject_id=current().tenant,
            payload={"lines": waiting},
        )


@consumer(
    DUE,
    name="notifications.digest",
    undone="Today's digests are not made: their lines wait for the next evening's",
)
async def tell_digests(event: ConsumedEvent) -> None:
    """One notification and one mail a person, with all that waits for them."""
    rows = await fetch(
        "UPDATE notification_digest_line SET digest_event_id = $1 WHERE digest_event_id IS NULL"
        " RETURNING recipient_id, text, happened_at",
        event.id,
    )
    waiting: dict[UUID, list[Any]] = {}
    for row in sorted(rows, key=lambda row: row["happened_at"]):
        waiting.setdefault(row["recipient_id"], []).append(row["text"])
    for recipient, texts in waiting.items():
        count = len(texts)
        await notify(
            recipients=[recipient],
            event_type=event.type,
            group=DIGEST,
            title="Your daily digest",
            body=texts[0] if count == 1 else f"{count} lines, the first: {texts[0]}",
            link=f"/notifications/digests/{event.id}",
            event_id=event.id,
            mail_template="digest",
            mail_context={"lines": texts[:MAIL_LINES_MAX], "more": count - MAIL_LINES_MAX},
        )


async def digest_lines(
    *, digest_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[DigestLine]:
    """What the current person's digest said, in the order in which it happened.

    Raises `NotFound` for a digest in which nothing is theirs.
    """
    happened_at, last_id = after or (None, None)
    person = current().actor.id
    rows = await fetch(
        "SELECT id, text, link, happened_at FROM notification_digest_line"
        " WHERE digest_event_id = $1 AND recipient_id = $2"
        " AND ($3::timestamptz IS NULL OR (happened_at, id) > ($3, $4))"
        " ORDER BY happened_at, id LIMIT $5",
        digest_id,
        person,
        happened_at,
        last_id,
        limit,
    )
    if not rows and after is None:
        raise NotFound
    return [DigestLine(**dict(row)) for row in rows]
