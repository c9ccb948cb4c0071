"""Groups of notifications: what a person may choose to hear of in the portal alone.

Domains declare theirs when they are loaded, as they declare jobs.
"""

from __future__ import annotations

import msgspec

# What is gathered and told once a day.
DIGEST = "digest"


class NoticeGroup(msgspec.Struct, frozen=True, kw_only=True):
    """`roles` are those whom it can concern by mail. Mail of what is `is_binding` cannot be
    switched off: security, and promises of time."""

    key: str
    label: str
    explains: str
    roles: frozenset[str]
    is_binding: bool = False


_groups: dict[str, NoticeGroup] = {}


def declare_group(group: NoticeGroup) -> None:
    """Say that there is this group; raises `ValueError` for a second one of its name."""
    if _groups.get(group.key, group) != group:
        raise ValueError(f"there are two groups {group.key}")
    _groups[group.key] = group


def group_named(key: str) -> NoticeGroup:
    """Raises `KeyError` for one that nobody declared."""
    return _groups[key]


def groups_of(role: str) -> list[NoticeGroup]:
    """What can concern somebody of this role, what they may switch off first."""
    found = [group for group in _groups.values() if role in group.roles]
    return sorted(found, key=lambda group: (group.is_binding, group.label))
