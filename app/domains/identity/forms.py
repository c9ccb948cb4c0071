"""From what is typed to the roles and states that there are."""

from __future__ import annotations

from app.domains.identity.values import MembershipStatus, Role
from app.kernel.errors import InputInvalid


def role_of(text: str) -> Role:
    """Raises `InputInvalid` for a role that does not exist."""
    try:
        return Role(text)
    except ValueError:
        raise InputInvalid.of("role", "UNKNOWN_ROLE", f"One of {', '.join(Role)}") from None


def status_of(text: str) -> MembershipStatus:
    """Raises `InputInvalid` for a state that does not exist."""
    try:
        return MembershipStatus(text)
    except ValueError:
        raise InputInvalid.of(
            "status", "UNKNOWN_STATUS", f"One of {', '.join(MembershipStatus)}"
        ) from None
