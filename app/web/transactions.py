"""`@transactional`: the unit of work around a handler.

It opens the unit of work for the viewer's tenant, runs the handler, commits, and only then tells live
pages and renders what the handler returned. What the server asks to be repeated (serialization failures, deadlocks)
runs again as a whole, so a handler does nothing that leaves the process.

    @post("/redemptions", guards=[requires("redemption:request")])
    @transactional(idempotent=True, moves_money=True)
    async def request(request: PortalRequest) -> Page | See: …

A page with a status of 400 or more undoes the unit of work (see `forms.py`). `idempotent` handlers
answer a repeated key (header `Idempotency-Key`, or the form's `idempotency_key`) with what the first
call answered; with `moves_money` the key must be given and is kept for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec, cast
from urllib.parse import urlencode

import msgspec
from litestar import Response
from litestar.enums import MediaType

from app.kernel import idempotency
from app.kernel.actors import SYSTEM
from app.kernel.database import Isolation, current, retrying, unit_of_work
from app.kernel.errors import DomainError
from app.kernel.notifications.queries import unread_count
from app.web.etags import tagged
from app.web.forms import CSRF_FIELD, FORM_TYPE, IDEMPOTENCY_FIELD, content_type_of, read_form
from app.web.live_hub import Hub
from app.web.rendering import Page, See, Shown, redirect, render
from app.web.trace import trace_of
from app.web.viewer import PortalRequest, Viewer

P = ParamSpec("P")
Handler = Callable[P, Awaitable[Any]]
_KEPT_HEADERS = ("location", "etag")


class IdempotencyKeyRequired(DomainError):
    status = 428
    code = "IDEMPOTENCY_KEY_REQUIRED"
    title = "This moves money or units: send an Idempotency-Key, so that a repetition is harmless"


class FormSentBefore(idempotency.IdempotencyMismatch):
    """The same for somebody at a page, who knows nothing of keys."""

    title = "This form was sent before, and with something else in it; open the page again"


class _Refused(Exception):
    """Carries a refusal's page out of the unit of work, which is rolled back on its way."""

    def __init__(self, page: Page, shown: Shown) -> None:
        self.page = page
        self.shown = shown


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    route: str
    key: str
    body_hash: bytes
    is_form: bool


def transactional(
    *,
    read_only: bool = False,
    isolation: Isolation = "read committed",
    idempotent: bool = False,
    moves_money: bool = False,
) -> Callable[[Handler[P]], Handler[P]]:
    """See the module's docstring. The handler must take `request`."""
    if moves_money and not idempotent:
        raise ValueError("what moves money must be idempotent")

    def decorate(handler: Handler[P]) -> Handler[P]:
        @wraps(handler)
        async def in_unit_of_work(*args: P.args, **kwargs: P.kwargs) -> Response[Any]:
            request = cast(PortalRequest, kwargs["request"])
            viewer: Viewer | None = request.scope.get("user")
            key = await _key_of(request, required=moves_money) if idempotent else None

            async def attempt() -> Response[Any] | tuple[Page, Shown]:
                async with unit_of_work(
                    tenant=viewer.tenant.id if viewer else None,
                    actor=viewer.actor if viewer else SYSTEM,
                    isolation=isolation,
                    read_only=read_only,
                ) as unit:
                    outcome = await answer()
                if unit.tenant_id is not None:
                    hub: Hub = request.app.state.hub
                    hub.tell(unit.tenant_id, unit.trail.events)
                return outcome

            async def answer() -> Response[Any] | tuple[Page, Shown]:
                if key is not None and (stored := await _stored(key)) is not None:
                    return stored
                result = await handler(*args, **kwargs)
                if isinstance(result, Page):
                    return await _page(result, viewer, keeps_key=key is not None)
                response = _response(request, result)
                if key is not None:
                    await _keep(key, response, moved_money=moves_money)
                return response

            trace = trace_of(request)
            try:
                with trace.timed("work"):
                    outcome = await retrying(attempt)()
            except _Refused as refused:
                outcome = refused.page, refused.shown
            if isinstance(outcome, Response):
                return _told_in_place(request, outcome)
            with trace.timed("render"):
                return render(request, *outcome)

        # Said on the handler as well, for the API's document and for tests that walk the routes.
        cast(Any, in_unit_of_work).is_idempotent = idempotent
        cast(Any, in_unit_of_work).moves_money = moves_money
        return in_unit_of_work

    return decorate


async def _page(page: Page, viewer: Viewer | None, *, keeps_key: bool) -> tuple[Page, Shown]:
    unread = 0
    if viewer is not None:
        unread = await unread_count()
    shown = Shown(now=current().now, unread=unread)
    if page.status >= 400:
        raise _Refused(page, shown)
    if keeps_key:
        raise TypeError("what an idempotent form did is shown elsewhere: return See(…)")
    return page, shown


def _response(request: PortalRequest, result: Any) -> Response[Any]:
    if isinstance(result, See):
        return redirect(result)
    if isinstance(result, Response):
        return result
    route: Any = request.scope["route_handler"]
    if result is None:
        return Response(b"", status_code=route.status_code, media_type=MediaType.TEXT)
    return tagged(request, result, status=route.status_code)


def _told_in_place(request: PortalRequest, response: Response[Any]) -> Response[Any]:
    """A page whose form is answered in place is told where it would have been sent: it is there
    already, or goes there itself.
    """
    if "x-block" not in request.headers or response.status_code != 303:
        return response
    headers = {"X-Location": response.headers["Location"]}
    return Response(b"", status_code=204, headers=headers, cookies=response.cookies)


async def _key_of(request: PortalRequest, *, required: bool) -> _Key | None:
    key = request.headers.get("idempotency-key")
    body = await request.body()
    is_form = content_type_of(request) == FORM_TYPE
    if is_form:
        form = await read_form(request)
        key = key or form.pop(IDEMPOTENCY_FIELD, "") or None
        # The token changes with the session; the request it protects does not.
        form.pop(CSRF_FIELD, None)
        body = urlencode(sorted(form.items())).encode()
    if key is None:
        if required:
            raise IdempotencyKeyRequired
        return None
    # Header values arrive as latin-1: any byte is a character, NUL is not.
    return _Key(
        route=f"{request.method} {request.scope['path_template']}",
        key=key.replace("\0", ""),
        body_hash=hashlib.sha256(request.url.path.encode() + b"\0" + body).digest(),
        is_form=is_form,
    )


async def _stored(key: _Key) -> Response[bytes] | None:
    try:
        stored = await idempotency.begin(route=key.route, key=key.key, body_hash=key.body_hash)
    except idempotency.IdempotencyMismatch:
        if key.is_form:
            raise FormSentBefore from None
        raise
    if stored is None:
        return None
    headers = dict(stored.headers)
    return Response(
        stored.body,
        status_code=stored.status,
        media_type=headers.pop("content-type", MediaType.JSON.value),
        headers=headers,
    )


async def _keep(key: _Key, response: Response[Any], *, moved_money: bool) -> None:
    headers = {
        name: value for name, value in response.headers.items() if name.lower() in _KEPT_HEADERS
    }
    # Of an enum's member `str` would give its name.
    media_type = response.media_type or MediaType.JSON
    headers["content-type"] = media_type.value if isinstance(media_type, MediaType) else media_type
    await idempotency.keep(
        route=key.route,
        key=key.key,
        status=response.status_code or 200,
        headers=headers,
        body=response.content or b"",
        moved_money=moved_money,
    )
