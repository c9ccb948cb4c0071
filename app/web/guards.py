"""Guards: what a route asks of its viewer. Every route carries exactly one; a test walks them all.

They are asynchronous, though they wait for nothing: Litestar runs others in a thread.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from app.domains.identity.permissions import PERMISSIONS
from app.kernel.errors import NotAuthenticated, NotPermitted
from app.web.viewer import Viewer


class Requires:
    """Lets through who has the permission, or one of them where several are named."""

    def __init__(self, *permissions: str) -> None:
        for permission in permissions:
            if permission not in PERMISSIONS:
                raise ValueError(f"{permission} is no permission; see permissions.py")
        self.permissions = permissions

    async def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
    ) -> None:
        viewer: Viewer | None = connection.scope.get("user")
        if viewer is None:
            refusal: NotAuthenticated | None = connection.scope["state"].get("credential_refused")
            raise refusal or NotAuthenticated()
        if not any(viewer.actor.may(permission) for permission in self.permissions):
            raise NotPermitted


def requires(*permissions: str) -> Requires:
    return Requires(*permissions)


async def public(_: ASGIConnection[Any, Any, Any, Any], __: BaseRouteHandler) -> None:
    """Lets everybody through; says so where the route is declared."""
