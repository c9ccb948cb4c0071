"""Pages that belong to the person rather than to a domain: the start, notifications, the theme."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery

from app.kernel.errors import InputInvalid
from app.kernel.notifications.operations import mark_all_read, member_topic
from app.kernel.notifications.queries import NotificationView, notifications_of
from app.web.forms import read_form, safe_next
from app.web.guards import public, requires
from app.web.navigation import home_of
from app.web.paging import cursor_of, position_of
from app.web.rendering import THEME_COOKIE, THEMES, Page, See, redirect
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

PAGE_SIZE = 30
THEME_SECONDS = 365 * 24 * 3600


class NotificationsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[NotificationView]
    next_cursor: str | None


@get("/", guards=[public], include_in_schema=False)
async def start(request: PortalRequest) -> Response[bytes]:
    """To the first thing this person has to do."""
    viewer: Viewer | None = request.scope.get("user")
    return redirect(See("/auth/sign-in" if viewer is None else home_of(viewer.actor)))


@get("/notifications", guards=[requires("notification:read")], include_in_schema=False)
@transactional(read_only=True)
async def notifications(request: PortalRequest, cursor: FromQuery[str | None] = None) -> Page:
    found = await notifications_of(limit=PAGE_SIZE + 1, after=position_of(cursor))
    rows = found[:PAGE_SIZE]
    more = len(found) > PAGE_SIZE
    page = NotificationsPage(
        rows=rows, next_cursor=cursor_of(rows[-1].created_at, rows[-1].id) if more else None
    )
    return Page("notifications/list.html", {"page": page}, blocks=["rows"], topics=_own(request))


@get("/notifications/count", guards=[requires("notification:read")], include_in_schema=False)
@transactional(read_only=True)
async def notification_count(request: PortalRequest) -> Page:
    """The bell alone, for the page's live region."""
    return Page("notifications/bell.html", blocks=["bell"], block="bell", topics=_own(request))


@post("/notifications/read", guards=[requires("notification:read")], include_in_schema=False)
@transactional()
async def read_notifications(request: PortalRequest) -> See:
    await mark_all_read()
    return See("/notifications")


@post("/preferences/theme", guards=[public], include_in_schema=False)
async def choose_theme(request: PortalRequest) -> Response[bytes]:
    """A cookie of this browser: the page is right from its first byte, signed in or not."""
    form = await read_form(request)
    theme = form.get("theme", "")
    if theme not in THEMES:
        raise InputInvalid.of("theme", "UNKNOWN_THEME", f"One of {', '.join(THEMES)}")
    cookie = Cookie(
        key=THEME_COOKIE,
        value=theme,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
        max_age=THEME_SECONDS,
    )
    return redirect(See(safe_next(form.get("next", "/")), cookies=(cookie,)))


def _own(request: PortalRequest) -> list[str]:
    actor_id = viewer_of(request).actor.id
    return [member_topic(actor_id)] if actor_id is not None else []


ROUTES: list[Any] = [
    start,
    notifications,
    notification_count,
    read_notifications,
    choose_theme,
]
