"""Pages that belong to the person rather than to a domain: the start, the theme."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie

from app.kernel.errors import InputInvalid
from app.web.forms import read_form, safe_next
from app.web.guards import public
from app.web.navigation import home_of
from app.web.rendering import THEME_COOKIE, THEMES, See, redirect
from app.web.viewer import PortalRequest, Viewer

THEME_SECONDS = 365 * 24 * 3600


@get("/", guards=[public], include_in_schema=False)
async def start(request: PortalRequest) -> Response[bytes]:
    """To the first thing this person has to do."""
    viewer: Viewer | None = request.scope.get("user")
    return redirect(See("/auth/sign-in" if viewer is None else home_of(viewer.actor)))


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


ROUTES: list[Any] = [
    start,
    choose_theme,
]
