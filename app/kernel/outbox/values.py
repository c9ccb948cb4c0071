"""The states of an event."""

from __future__ import annotations

from enum import StrEnum


class EventState(StrEnum):
    """`published`: the relay has told the live pages. Consumers have jobs of their own."""

    pending = "pending"
    published = "published"
