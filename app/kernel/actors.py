"""Who does something: a person in a tenant, or the portal itself."""

from __future__ import annotations

from uuid import UUID

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is the membership (one person within one tenant); none for the portal itself."""

    id: UUID | None
    name: str
    role: str
    permissions: frozenset[str] = frozenset()
    request_id: str = ""
    address: str = ""
    trace: str = ""

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    @property
    def is_system(self) -> bool:
        return self.id is None


SYSTEM = Actor(id=None, name="Stakehold", role="system")
