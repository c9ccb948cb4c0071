"""People of the tenant over REST, for administrators."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.domains.identity.forms import role_of, status_of
from app.domains.identity.operations.membership_change import (
    LastAdministrator,
    OwnMembership,
    change_role,
    deactivate_membership,
    reactivate_membership,
)
from app.domains.identity.queries import USERS, UserFilter, user, users
from app.domains.identity.schemas import RoleBody, UserOut, user_out
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    envelope,
    page_in,
)
from app.web.fields import taken
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Users(Controller):
    path = "/users"
    tags = ["People"]

    @get(
        "/",
        guards=[requires("user:read")],
        rules={"role": ["UNKNOWN_ROLE"], "status": ["UNKNOWN_STATUS"]},
        summary="People of the tenant",
    )
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        q: FromQuery[str | None] = None,
        role: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[UserOut]]:
        """`q` is any part of a name or an address. Sorted by name (unless said otherwise), role,
        status or last_sign_in_at."""
        found, page = await page_in(
            USERS,
            users,
            UserFilter(
                words=taken({"q": q}, ("q",))["q"],
                role=role_of(role) if role else None,
                status=status_of(status) if status else None,
            ),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return envelope(request, [user_out(view) for view in found], page=page)

    @get("/{membership_id:uuid}", guards=[requires("user:read")], summary="One person")
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, membership_id: FromPath[UUID]) -> Envelope[UserOut]:
        return await _shown(request, membership_id)

    @post(
        "/{membership_id:uuid}/role",
        status_code=200,
        guards=[requires("user:write")],
        refusals=[OwnMembership, LastAdministrator],
        rules={"role": ["UNKNOWN_ROLE"]},
        summary="Give somebody another role; it counts at their next request",
    )
    @transactional(idempotent=True)
    async def role(
        self, request: PortalRequest, membership_id: FromPath[UUID], data: JSONBody[RoleBody]
    ) -> Envelope[UserOut]:
        await change_role(membership_id=membership_id, role=role_of(data.role))
        return await _shown(request, membership_id)

    @post(
        "/{membership_id:uuid}/deactivate",
        status_code=200,
        guards=[requires("user:write")],
        refusals=[OwnMembership, LastAdministrator],
        summary="End somebody's access: sessions, tokens and open pages at once",
    )
    @transactional(idempotent=True)
    async def deactivate(
        self, request: PortalRequest, membership_id: FromPath[UUID]
    ) -> Envelope[UserOut]:
        await deactivate_membership(membership_id=membership_id)
        return await _shown(request, membership_id)

    @post(
        "/{membership_id:uuid}/reactivate",
        status_code=200,
        guards=[requires("user:write")],
        refusals=[OwnMembership],
        summary="Let somebody sign in again, with the role that they had",
    )
    @transactional(idempotent=True)
    async def reactivate(
        self, request: PortalRequest, membership_id: FromPath[UUID]
    ) -> Envelope[UserOut]:
        await reactivate_membership(membership_id=membership_id)
        return await _shown(request, membership_id)


async def _shown(request: PortalRequest, membership_id: UUID) -> Envelope[UserOut]:
    return envelope(request, user_out(await user(membership_id=membership_id)))


ROUTES = [Users]
