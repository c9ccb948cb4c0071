"""Where live pages hear of an event: one Redis channel a tenant."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.settings import settings

# Heard by processes rather than pages: somebody's sessions were ended, or their role is another.
SESSIONS = "sessions"


class Hint(msgspec.Struct, frozen=True):
    """What the relay publishes: these topics changed. `version` differs for each event.

    A hint carries no data: the page fetches its fragment again, where permissions apply.
    """

    topics: Sequence[str]
    version: str


def live_channel(tenant_id: UUID) -> str:
    """The Redis channel of the tenant; environments that share a Redis do not hear each other."""
    return f"stakehold:{settings().environment}:tenant:{tenant_id}"
