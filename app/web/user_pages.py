"""The administrator's desk: who belongs to the tenant, with which role, and who may sign in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery

from app.domains.identity.forms import role_of, status_of
from app.domains.identity.operations.membership_change import (
    USERS,
    change_role,
    deactivate_membership,
    reactivate_membership,
)
from app.domains.identity.queries import user, users
from app.domains.identity.values import MembershipStatus, Role, UserView
from app.domains.investments.queries.overview import work_of
from app.domains.investments.values import PersonsWork
from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, NotFound
from app.web.api import cursor_id
from app.web.forms import new_idempotency_key, read_form, refuse_control_characters, refused
from app.web.guards import requires
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

PAGE_SIZE = 50
Form = dict[str, str]


class UsersPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[UserView]
    q: str  # the filters
    role: str
    status: str
    next_cursor: str | None


class UserPage(msgspec.Struct, frozen=True, kw_only=True):
    """`may_change` is false on one's own page."""

    user: UserView
    work: PersonsWork
    may_change: bool


class Users(Controller):
    path = "/users"

    @get("/", guards=[requires("user:read")])
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        q: FromQuery[str | None] = None,
        role: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        words = (q or "").strip()
        refuse_control_characters(words, field="q")
        found = await users(
            words=words,
            role=role_of(role) if role else None,
            status=status_of(status) if status else None,
            after=cursor_id(cursor or None),
            limit=PAGE_SIZE + 1,
        )
        rows = found[:PAGE_SIZE]
        page = UsersPage(
            rows=rows,
            q=words,
            role=role or "",
            status=status or "",
            next_cursor=str(rows[-1].id) if len(found) > PAGE_SIZE else None,
        )
        context = {"page": page, "roles": list(Role), "statuses": list(MembershipStatus)}
        return Page("users/list.html", context, blocks=["rows"], topics=[USERS])

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
