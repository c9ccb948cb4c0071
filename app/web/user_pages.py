"""The administrator's desk: who belongs to the tenant, with which role, and who may sign in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath
from litestar.response import Stream

from app.domains.identity.forms import role_of, status_of
from app.domains.identity.operations.membership_change import (
    USERS,
    change_role,
    deactivate_membership,
    reactivate_membership,
)
from app.domains.identity.queries import USERS as PEOPLE
from app.domains.identity.queries import UserFilter, user, user_count, users
from app.domains.identity.values import MembershipStatus, Role, UserView
from app.domains.investments.queries.overview import work_of
from app.domains.investments.values import PersonsWork
from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, NotFound
from app.web.export import Sheet, amount, instant, text
from app.web.forms import new_idempotency_key, read_form, refused
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

Form = dict[str, str]
SHEET = Sheet(
    name="people",
    title="People",
    columns=[
        text("name", lambda row: row.name),
        text("email", lambda row: row.email),
        text("role", lambda row: row.role),
        text("status", lambda row: row.status),
        instant("joined_at", lambda row: row.joined_at),
        instant("last_sign_in_at", lambda row: row.last_sign_in_at, "Last sign-in"),
        amount("open_sessions", lambda row: row.open_sessions),
        text("id", lambda row: row.id, "Id"),
    ],
)


def _chosen(fields: Mapping[str, str], _: Viewer) -> UserFilter:
    """Raises `InputInvalid` for a role or a state that does not exist."""
    return UserFilter(
        words=fields["q"],
        role=role_of(fields["role"]) if fields["role"] else None,
        status=status_of(fields["status"]) if fields["status"] else None,
    )


LIST = ListOf(
    path="/users",
    fields=("q", "role", "status"),
    sorting=PEOPLE,
    chosen=_chosen,
    read=users,
    count=user_count,
    sheet=SHEET,
)


class UsersPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[UserView]
    listed: Listed


class UserPage(msgspec.Struct, frozen=True, kw_only=True):
    """`may_change` is false on one's own page."""

    user: UserView
    work: PersonsWork
    may_change: bool


class Users(Controller):
    path = "/users"

    @get("/", guards=[requires("user:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        shown = await LIST.shown(request)
        page = UsersPage(rows=shown.rows, listed=shown.listed)
        context = {"page": page, "roles": list(Role), "statuses": list(MembershipStatus)}
        return Page("users/list.html", context, blocks=["rows"], topics=[USERS])

    @post("/export", status_code=200, guards=[requires("user:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await LIST.export(request)

    @get("/{membership_id:uuid}", guards=[requires("user:read")])
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, membership_id: FromPath[UUID]) -> Page:
        return await _shown(request, membership_id)

    @post("/{membership_id:uuid}/role", guards=[requires("user:write")])
    @transactional(idempotent=True)
    async def role(self, request: PortalRequest, membership_id: FromPath[UUID]) -> Page | See:
        async def act(form: Form) -> None:
            await change_role(membership_id=membership_id, role=role_of(form.get("role", "")))

        return await _done(request, membership_id, act)

    @post("/{membership_id:uuid}/deactivate", guards=[requires("user:write")])
    @transactional(idempotent=True)
    async def deactivate(self, request: PortalRequest, membership_id: FromPath[UUID]) -> Page | See:
        async def act(form: Form) -> None:
            await deactivate_membership(membership_id=membership_id)

        return await _done(request, membership_id, act)

    @post("/{membership_id:uuid}/reactivate", guards=[requires("user:write")])
    @transactional(idempotent=True)
    async def reactivate(self, request: PortalRequest, membership_id: FromPath[UUID]) -> Page | See:
        async def act(form: Form) -> None:
            await reactivate_membership(membership_id=membership_id)

        return await _done(request, membership_id, act)


async def _done(
    request: PortalRequest, membership_id: UUID, act: Callable[[Form], Awaitable[None]]
) -> Page | See:
    form = await read_form(request)
    try:
        async with savepoint():
            await act(form)
    except NotFound:
        raise
    except DomainError as refusal:
        return await _shown(request, membership_id, errors=refused(refusal), status=refusal.status)
    return See(f"/users/{membership_id}")


async def _shown(
    request: PortalRequest,
    membership_id: UUID,
    *,
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> Page:
    actor = viewer_of(request).actor
    page = UserPage(
        user=await user(membership_id=membership_id),
        work=await work_of(membership_id=membership_id),
        may_change=actor.may("user:write") and actor.id != membership_id,
    )
    context = {
        "page": page,
        "roles": list(Role),
        "errors": errors or [],
        "idempotency_key": new_idempotency_key(),
    }
    return Page("users/user.html", context, status=status, blocks=["user"], topics=[USERS])


ROUTES = [Users]
