"""Change what a member of the tenant may do, end their access, or give it back."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from app.domains.identity.values import MembershipStatus, Role
from app.kernel import audit
from app.kernel.approvals.operations import revoke_delegations_of
from app.kernel.database import current, execute, fetch
from app.kernel.errors import Conflict, NotFound, NotPermitted
from app.kernel.notifications.operations import member_topic
from app.kernel.outbox import emit
from app.kernel.outbox.topics import SESSIONS

# What the list of people listens to.
USERS = "users"


class OwnMembership(NotPermitted):
    code = "OWN_MEMBERSHIP"
    title = "Nobody changes their own role or access; another administrator does"


class LastAdministrator(Conflict):
    code = "LAST_ADMINISTRATOR"
    title = "This is the last administrator; make somebody else one first"


class _Locked(NamedTuple):
    member: Any
    other_administrators: int


async def change_role(*, membership_id: UUID, role: Role) -> None:
    """Give the member another role; it counts at their next request.

    The role that they have already changes nothing. Raises `NotFound`, `OwnMembership` and
    `LastAdministrator`.
    """
    locked = await _locked(membership_id)
    if locked.member["role"] == role:
        return
    _check_one_remains(locked)
    await execute("UPDATE membership SET role = $2 WHERE id = $1", membership_id, role.value)
    await revoke_delegations_of(membership_id=membership_id)
    await _leave_trail(
        locked.member, "change_role", before={"role": locked.member["role"]}, role=role.value
    )


async def deactivate_membership(*, membership_id: UUID) -> None:
    """End the member's access: sessions, tokens and sockets die with it.

    Whoever is deactivated already stays so. Raises as `change_role`.

    Look-ups of sessions and tokens read the status each time, so nothing else has to be told for
    the access to end; open pages are told, so that they close at once.
    """
    locked = await _locked(membership_id)
    status = MembershipStatus.deactivated.value
    if locked.member["status"] == status:
        return
    _check_one_remains(locked)
    await execute("UPDATE membership SET status = $2 WHERE id = $1", membership_id, status)
    await revoke_delegations_of(membership_id=membership_id)
    await execute(
        "UPDATE session SET ended_at = clock_timestamp()"
        " WHERE membership_id = $1 AND ended_at IS NULL",
        membership_id,
    )
    await execute(
        "UPDATE refresh_family SET revoked_at = clock_timestamp()"
        " WHERE membership_id = $1 AND revoked_at IS NULL",
        membership_id,
    )
    await _leave_trail(
        locked.member, "deactivate", before={"status": locked.member["status"]}, status=status
    )


async def reactivate_membership(*, membership_id: UUID) -> None:
    """Let the member sign in again, with the role that they had. What ended stays ended.

    Whoever is active already stays so. Raises `NotFound` and `OwnMembership`.
    """
    locked = await _locked(membership_id)
    status = MembershipStatus.active.value
    if locked.member["status"] == status:
        return
    await execute("UPDATE membership SET status = $2 WHERE id = $1", membership_id, status)
    await _leave_trail(
        locked.member, "reactivate", before={"status": locked.member["status"]}, status=status
    )


async def _locked(membership_id: UUID) -> _Locked:
    # With every administrator, in the order of ids: of two who would each end the other's access,
    # the second waits here, and then sees what the first did.
    rows = await fetch(
        "SELECT id, role, status FROM membership"
        " WHERE id = $1 OR (role = $2 AND status = $3) ORDER BY id FOR UPDATE",
        membership_id,
        Role.admin.value,
        MembershipStatus.active.value,
    )
    found = [row for row in rows if row["id"] == membership_id]
    if not found:
        raise NotFound
    if membership_id == current().actor.id:
        raise OwnMembership
    return _Locked(found[0], len(rows) - 1)


def _check_one_remains(locked: _Locked) -> None:
    """Raise `LastAdministrator` where the tenant would be left without one."""
    member = locked.member
    is_administrator = member["role"] == Role.admin and member["status"] == MembershipStatus.active
    if is_administrator and not locked.other_administrators:
        raise LastAdministrator


async def _leave_trail(member: Any, action: str, *, before: dict[str, str], **changed: str) -> None:
    await audit.record(
        action=f"membership.{action}",
        subject_kind="membership",
        subject_id=member["id"],
        before=before,
        after=changed,
    )
    await emit(
        type="membership.changed",
        subject_kind="membership",
        subject_id=member["id"],
        payload={"role": member["role"], "status": member["status"]} | changed,
        topics=[member_topic(member["id"]), USERS, SESSIONS],
    )
