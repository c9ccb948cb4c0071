"""What a person was told: the list, the bell, the digests; and what also comes by mail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery

from app.kernel.errors import NotFound
from app.kernel.notifications import (
    DigestLine,
    NotificationView,
    choose_mail,
    digest_lines,
    mark_all_read,
    mark_read,
    notifications_of,
    own_choices,
)
from app.kernel.notifications.operations import member_topic
from app.web.forms import read_form
from app.web.guards import requires
from app.web.paging import cursor_of, position_of
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

PAGE_SIZE = 30
DIGEST_PAGE_SIZE = 100
READ, CHOOSE = [requires("notification:read")], [requires("notification:choose")]


class NotificationsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[NotificationView]
    only_unread: bool
    next_cursor: str | None


class DigestPage(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    lines: list[DigestLine]
    next_cursor: str | None


class Notifications(Controller):
    path = "/notifications"
    include_in_schema = False

    @get("/", guards=READ)
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        show: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        """With `show=unread` those alone; anything else shows all."""
        only_unread = show == "unread"
        found = await notifications_of(
            limit=PAGE_SIZE + 1, after=position_of(cursor), only_unread=only_unread
        )
        rows = found[:PAGE_SIZE]
        more = len(found) > PAGE_SIZE
        page = NotificationsPage(
            rows=rows,
            only_unread=only_unread,
            next_cursor=cursor_of(rows[-1].created_at, rows[-1].id) if more else None,
        )
        return Page(
            "notifications/list.html", {"page": page}, blocks=["rows"], topics=_own(request)
        )

    @get("/count", guards=READ)
    @transactional(read_only=True)
    async def count(self, request: PortalRequest) -> Page:
        """The bell alone, for the page's live region."""
        return Page("notifications/bell.html", blocks=["bell"], block="bell", topics=_own(request))

    @post("/read", guards=READ)
    @transactional()
    async def read(self, request: PortalRequest) -> See:
        """The one that the form names, else everything."""
        form = await read_form(request)
        if "id" in form:
            await mark_read(notification_ids=[_id(form["id"])])
        else:
            await mark_all_read()
        return See(
            "/notifications?show=unread" if form.get("show") == "unread" else "/notifications"
        )

    @get("/digests/{digest_id:str}", guards=READ)
    @transactional(read_only=True)
    async def digest(
        self,
        request: PortalRequest,
        digest_id: FromPath[str],
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        digest = _id(digest_id)
        found = await digest_lines(
            digest_id=digest, after=position_of(cursor), limit=DIGEST_PAGE_SIZE + 1
        )
        lines = found[:DIGEST_PAGE_SIZE]
        more = len(found) > DIGEST_PAGE_SIZE
        page = DigestPage(
            id=digest,
            lines=lines,
            next_cursor=cursor_of(lines[-1].happened_at, lines[-1].id) if more else None,
        )
        return Page("notifications/digest.html", {"page": page})

    @get("/preferences", guards=CHOOSE)
    @transactional(read_only=True)
    async def preferences(
        self, request: PortalRequest, saved: FromQuery[str | None] = None
    ) -> Page:
        context = {"choices": await own_choices(), "saved": saved == "yes"}
        return Page("notifications/preferences.html", context)

    @post("/preferences", guards=CHOOSE)
    @transactional()
    async def choose(self, request: PortalRequest) -> See:
        """A box that is not ticked is not sent: what is missing goes to the portal alone."""
        form = await read_form(request)
        wanted = {name.removeprefix("mail-") for name in form if name.startswith("mail-")}
        await choose_mail(by_mail=wanted)
        return See("/notifications/preferences?saved=yes")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error


def _own(request: PortalRequest) -> list[str]:
    actor_id = viewer_of(request).actor.id
    return [member_topic(actor_id)] if actor_id is not None else []


ROUTES: list[Any] = [Notifications]
