"""Identifiers: UUIDv7, so that they sort by the time they were made."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

from app.kernel.real_time import correction_seconds

# The time is the first 48 of 128 bits, in milliseconds.
_TIME_SHIFT = 80


def new_id() -> UUID:
    """By the database's time: what a process makes whose clock is wrong sorts with the others'."""
    made: UUID = uuid7()
    if correction := correction_seconds():
        return UUID(int=made.int + (round(correction * 1000) << _TIME_SHIFT))
    return made
