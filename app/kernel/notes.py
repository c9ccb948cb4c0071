"""What people write beside what they do, for the record."""

from __future__ import annotations

from app.kernel.errors import InputInvalid

NOTE_LENGTH_MAX = 2_000


def checked_note(note: str, *, field: str = "note") -> str:
    """Without the space around it. Raises `InputInvalid` for a long one."""
    note = note.strip()
    if len(note) > NOTE_LENGTH_MAX:
        raise InputInvalid.of(field, "TOO_LONG", f"At most {NOTE_LENGTH_MAX} characters")
    return note


def checked_reason(
    note: str, *, field: str = "note", why: str = "Say why; it goes on record"
) -> str:
    """`checked_note`, for what is not done without a word: raises `InputInvalid`, saying `why`."""
    note = checked_note(note, field=field)
    if not note:
        raise InputInvalid.of(field, "REQUIRED", why)
    return note
