"""REST over notifications: one's own list, reading it, the digests, and what also comes by mail."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app.kernel.clock import utc
from app.kernel.errors import NotFound
from app.kernel.notifications import (
    DigestLine,
    GroupChoice,
    NotificationView,
    choose_mail,
    digest_lines,
    mark_all_read,
    mark_read,
    notifications_of,
    own_choices,
)
from app.web.api import LIMIT_DEFAULT, Cursor, Envelope, Limit, PageInfo, envelope
from app.web.guards import requires
from app.web.paging import cursor_of, position_of
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

READ_MAX = 200


class NotificationOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    event_type: str
    title: str
    body: str
    link: str
    created_at: str
    read_at: str | None


class DigestLineOut(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    link: str
    happened_at: str


class ChoiceOut(msgspec.Struct, frozen=True, kw_only=True):
    """`is_binding`: its mail cannot be switched off."""

    group: str
    label: str
    explains: str
    by_mail: bool
    is_binding: bool


class PreferencesOut(msgspec.Struct, frozen=True, kw_only=True):
    groups: list[ChoiceOut]


class ReadBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `ids`: everything."""

    ids: Annotated[list[UUID], msgspec.Meta(max_length=READ_MAX)] | None = None


class ChoicesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The groups that come by mail; one's others go to the portal alone."""

    by_mail: Annotated[list[str], msgspec.Meta(max_length=50)]


class Notifications(Controller):
    path = "/notifications"
    tags = ["Notifications"]

    @get("/", guards=[requires("notification:read")], summary="What one was told, the latest first")
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        unread: Annotated[bool, QueryParameter(description="Those alone")] = False,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[NotificationOut]]:
        found = await notifications_of(
            limit=limit + 1, after=position_of(cursor), only_unread=unread
        )
        rows = found[:limit]
        more = len(found) > limit
        page = PageInfo(
            limit=limit, next_cursor=cursor_of(rows[-1].created_at, rows[-1].id) if more else None
        )
        return envelope(request, [_notification(row) for row in rows], page=page)

    @post(
        "/read",
        status_code=204,
        guards=[requires("notification:read")],
        refusals=[NotFound],
        summary="Mark as read: those named, or everything",
    )
    @transactional(idempotent=True)
    async def read(self, request: PortalRequest, data: JSONBody[ReadBody]) -> None:
        if data.ids is None:
            await mark_all_read()
        else:
            await mark_read(notification_ids=data.ids)

    @get(
        "/digests/{digest_id:uuid}",
        guards=[requires("notification:read")],
        summary="The lines of one's digest, in the order in which they happened",
    )
    @transactional(read_only=True)
    async def digest(
        self,
        request: PortalRequest,
        digest_id: FromPath[UUID],
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[DigestLineOut]]:
        found = await digest_lines(digest_id=digest_id, after=position_of(cursor), limit=limit + 1)
        lines = found[:limit]
        more = len(found) > limit
        page = PageInfo(
            limit=limit,
            next_cursor=cursor_of(lines[-1].happened_at, lines[-1].id) if more else None,
        )
        return envelope(request, [_line(line) for line in lines], page=page)

    @get(
        "/preferences",
        guards=[requires("notification:choose")],
        summary="What comes by mail as well",
    )
    @transactional(read_only=True)
    async def preferences(self, request: PortalRequest) -> Envelope[PreferencesOut]:
        return envelope(request, await _preferences())

    @put(
        "/preferences",
        guards=[requires("notification:choose")],
        refusals=[],
        rules={"by_mail": ["UNKNOWN_GROUP"]},
        summary="Choose what comes by mail as well",
    )
    @transactional()
    async def choose(
        self, request: PortalRequest, data: JSONBody[ChoicesBody]
    ) -> Envelope[PreferencesOut]:
        """Binding groups come by mail whatever is chosen."""
        await choose_mail(by_mail=data.by_mail)
        return envelope(request, await _preferences())


def _notification(view: NotificationView) -> NotificationOut:
    return NotificationOut(
        id=view.id,
        event_type=view.event_type,
        title=view.title,
        body=view.body,
        link=view.link,
        created_at=utc(view.created_at),
        read_at=None if view.read_at is None else utc(view.read_at),
    )


def _line(line: DigestLine) -> DigestLineOut:
    return DigestLineOut(text=line.text, link=line.link, happened_at=utc(line.happened_at))


async def _preferences() -> PreferencesOut:
    return PreferencesOut(groups=[_choice(choice) for choice in await own_choices()])


def _choice(choice: GroupChoice) -> ChoiceOut:
    return ChoiceOut(
        group=choice.group.key,
        label=choice.group.label,
        explains=choice.group.explains,
        by_mail=choice.by_mail,
        is_binding=choice.group.is_binding,
    )


ROUTES: list[Any] = [Notifications]
