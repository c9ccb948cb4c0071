"""Who looks: the person a request comes from, as handlers, guards and templates see them."""

from __future__ import annotations

from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import Request
from litestar.datastructures import State

from app.domains.identity.permissions import permissions_of
from app.domains.identity.values import Identified, TenantView
from app.kernel.actors import Actor
from app.kernel.errors import NotAuthenticated


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """`digest` and `csrf_token` are a session's; a token's viewer has neither."""

    actor: Actor
    tenant: TenantView
    email: str
    credential_id: UUID
    digest: bytes = b""
    csrf_token: str = ""

    @property
    def has_session(self) -> bool:
        return self.digest != b""

    @property
    def time_zone(self) -> str:
        return self.tenant.time_zone

    @property
    def locale(self) -> str:
        return self.tenant.locale


# What handlers annotate their `request` with.
PortalRequest: TypeAlias = Request[Viewer | None, Any, State]


def viewer_of(request: PortalRequest) -> Viewer:
    """The viewer behind a guarded route; raises `NotAuthenticated` where there is none."""
    viewer: Viewer | None = request.scope.get("user")
    if viewer is None:
        raise NotAuthenticated
    return viewer


def actor_of(identified: Identified, *, request_id: str, address: str, trace: str = "") -> Actor:
    return Actor(
        id=identified.membership_id,
        name=identified.name,
        role=identified.role.value,
        permissions=permissions_of(identified.role),
        request_id=request_id,
        address=address,
        trace=trace,
    )
