"""Pages: what a handler returns, and how it becomes HTML. One helper decides: the whole page, or the
blocks that live regions or htmx asked for.

A handler returns `Page(template, context, …)` or `See(url)`; it never renders. Templates get the
context and, on every page: `viewer`, `nav`, `unread`, `live` (the signed topics), `csrf_token`,
`may_search`, `request_path`, `now` (business time), `theme`, `demo`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_fragments import render_block
from litestar import Response
from litestar.datastructures import Cookie
from litestar.enums import MediaType

from app.kernel.errors import NotFound
from app.settings import Environment as Deployment
from app.settings import settings
from app.web.filters import FILTERS, Look, looking
from app.web.live_topics import sign_topics
from app.web.navigation import SEARCH, navigation
from app.web.viewer import PortalRequest, Viewer

_ROOT = Path(__file__).resolve().parents[2]
THEMES = ("light", "dark", "auto")
THEME_COOKIE = "__Host-theme"


class Page(msgspec.Struct, frozen=True):
    """`blocks` may be asked for without the rest (header `X-Block`, several with spaces between);
    `block` is the answer to any htmx request.

    `topics` are what the page's socket listens to. A status of 400 or more undoes what the handler
    did: it is a refusal, shown with what was typed.
    """

    template: str
    context: Mapping[str, Any] = {}
    block: str | None = None
    status: int = 200
    headers: dict[str, str] = {}
    blocks: Sequence[str] = ()
    topics: Sequence[str] = ()


class See(msgspec.Struct, frozen=True):
    """Look there instead: the answer to every form that did its work."""

    url: str
    cookies: tuple[Cookie, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """What was read inside the unit of work for a page's frame, rendered once it is closed."""

    now: datetime
    unread: int = 0


@lru_cache(maxsize=1)
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.globals["static"] = static
    return made


@lru_cache(maxsize=1)
def _manifest() -> dict[str, str]:
    path = _ROOT / "static" / "dist" / "manifest.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError as error:
        raise RuntimeError("the browser code is not built: run `make assets`") from error


def static(name: str) -> str:
    """The address of a bundle under its hashed name; raises `KeyError` for one that is not built."""
    return f"/static/dist/{_manifest()[name]}"


def render(request: PortalRequest, page: Page, shown: Shown) -> Response[bytes]:
    """The blocks that were asked for, or the whole page. Raises `NotFound` for any other block."""
    viewer: Viewer | None = request.scope.get("user")
    blocks = _blocks_asked_for(request, page)
    context = {**_frame(request, viewer, page, shown), **page.context}
    look = Look(viewer.locale, viewer.time_zone, shown.now) if viewer else Look(now=shown.now)
    with looking(look):
        if blocks is None:
            html = environment().get_template(page.template).render(context)
        else:
            html = "".join(
                render_block(environment(), page.template, block, context) for block in blocks
            )
    body = html.encode()
    headers = dict(page.headers)
    if blocks is not None and page.status == 200:
        headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(b"", status_code=304, headers=headers, media_type=MediaType.HTML)
    return Response(body, status_code=page.status, headers=headers, media_type=MediaType.HTML)


def render_alone(template: str, block: str | None, context: dict[str, Any]) -> str:
    """Without a session: error pages, which are shown when there may be none."""
    if block is None:
        return environment().get_template(template).render(context)
    return render_block(environment(), template, block, context)


def redirect(see: See) -> Response[bytes]:
    return Response(
        b"",
        status_code=303,
        headers={"Location": see.url},
        cookies=list(see.cookies),
        media_type=MediaType.TEXT,
    )


def shows(request: PortalRequest, block: str) -> bool:
    """Whether the answer will hold this block: a handler need not read what only others show."""
    asked = request.headers.get("x-block")
    return asked is None or block in asked.split(" ")


def _blocks_asked_for(request: PortalRequest, page: Page) -> list[str] | None:
    """Each once, in the order asked for; nothing where the whole page is wanted, as a refusal is."""
    if page.status >= 400:
        return None
    asked = request.headers.get("x-block")
    if asked is not None:
        names = list(dict.fromkeys(asked.split(" ")))
        if not set(names) <= set(page.blocks):
            raise NotFound
        return names
    # Boosted links and restored history swap the whole body.
    is_whole = (
        request.headers.get("hx-boosted") == "true"
        or request.headers.get("hx-history-restore-request") == "true"
    )
    if request.headers.get("hx-request") == "true" and not is_whole and page.block is not None:
        return [page.block]
    return None


def _frame(
    request: PortalRequest, viewer: Viewer | None, page: Page, shown: Shown
) -> dict[str, Any]:
    frame: dict[str, Any] = {
        "viewer": viewer,
        "request_path": request.url.path,
        "now": shown.now,
        "unread": shown.unread,
        "theme": theme_of(request),
        "demo": settings().environment is Deployment.demo,
        "csrf_token": "",
        "nav": [],
        "live": "",
        "may_search": False,
    }
    if viewer is not None:
        frame["csrf_token"] = viewer.csrf_token
        frame["may_search"] = viewer.actor.may(SEARCH)
        frame["nav"] = navigation(viewer.actor)
        frame["live"] = sign_topics(viewer, [f"member:{viewer.actor.id}", *page.topics])
    return frame


def theme_of(request: PortalRequest) -> str:
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"
