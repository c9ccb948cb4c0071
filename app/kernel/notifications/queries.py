"""What the current person has been told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from app.kernel.database import current, fetch, fetch_value


class NotificationView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    event_type: str
    title: str
    body: str
    link: str
    created_at: datetime
    read_at: datetime | None


async def unread_count() -> int:
    """How many notifications the current person has not read."""
    count: int = await fetch_value(
        "SELECT count(*) FROM notification WHERE recipient_id = $1 AND read_at IS NULL",
        current().actor.id,
    )
    return count


async def notifications_of(
    *,
    limit: int = 50,
    after: tuple[datetime, UUID] | None = None,
    only_unread: bool = False,
) -> list[NotificationView]:
    """The current person's notifications, or those not read yet, the latest first.

    `after` is `(created_at, id)` of the last one on the page before.
    """
    created_at, last_id = after or (None, None)
    rows = await fetch(
        "SELECT id, event_type, title, body, link, created_at, read_at FROM notification"
        " WHERE recipient_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))"
        f"{' AND read_at IS NULL' if only_unread else ''}"
        " ORDER BY created_at DESC, id DESC LIMIT $4",
        current().actor.id,
        created_at,
        last_id,
        limit,
    )
    return [NotificationView(**dict(row)) for row in rows]
