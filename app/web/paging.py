"""Cursors of lists that are ordered by an instant: where the page before ended."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from app.kernel.errors import InputInvalid

Position = tuple[datetime, UUID]


def cursor_of(instant: datetime, row_id: UUID) -> str:
    return f"{instant.isoformat()}_{row_id}"


def position_of(cursor: str | None) -> Position | None:
    """Where the page before ended; raises `InputInvalid` for a cursor that is not ours."""
    if not cursor:
        return None
    text, _, last_id = cursor.partition("_")
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise ValueError
        return instant.astimezone(UTC), UUID(last_id)
    except (ValueError, OverflowError) as error:
        raise InputInvalid.of("cursor", "NOT_A_CURSOR", "Start from the first page") from error
