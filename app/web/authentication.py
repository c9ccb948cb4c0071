"""Who a request comes from, and whether it may come at all: the session's cookie or an access token,
same origin and CSRF for what a browser writes, and the limits per user.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.exceptions import ClientException
from litestar.middleware.base import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.domains.identity.access_token import TokenInvalid, read_access_token
from app.domains.identity.queries import session_of, token_holder
from app.domains.identity.values import Identified
from app.kernel.crypto import digest_of, keyed
from app.kernel.errors import InputInvalid, NotPermitted
from app.settings import settings
from app.web.csp_reports import PATH as CSP_REPORTS
from app.web.forms import CSRF_FIELD, FORM_TYPE, WrongContentType, content_type_of, read_form
from app.web.limits import PER_USER, REFRESHES, Counters, TooManyRequests
from app.web.trace import Trace
from app.web.viewer import PortalRequest, Viewer, actor_of

SESSION_COOKIE = "__Host-sid"
CSRF_HEADER = "x-csrf-token"
BLOCK_HEADER = "x-block"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
API = "/api/v1"
JSON_TYPE = "application/json"


class CrossOrigin(NotPermitted):
    code = "CROSS_ORIGIN"
    title = "This was sent from another site"


class CsrfInvalid(NotPermitted):
    code = "CSRF_TOKEN_INVALID"
    title = "This form is not valid any more; load the page again"


class Authentication(ASGIMiddleware):
    scopes = (ScopeType.HTTP,)

    @staticmethod
    def should_bypass_for_scope(scope: Scope) -> bool:
        """What is the same for everybody asks for nobody; browsers report on nobody's behalf."""
        path = scope["path"]
        return path.startswith(("/static/", "/health/")) or path in ("/metrics", CSP_REPORTS)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: PortalRequest = PortalRequest(scope, receive, send)
        trace: Trace = scope["state"]["trace"]
        scope["user"] = None
        is_api = request.url.path.startswith(f"{API}/")
        with trace.timed("session"):
            viewer = await _viewer(request, trace, is_api=is_api)
        is_write = request.method not in SAFE_METHODS
        if is_write and not is_api:
            _require_same_origin(request)
            if viewer is not None:
                await _require_csrf_token(request, viewer)
        if viewer is not None and viewer.has_session and not is_write and _is_embedded(request):
            if not is_api:
                raise CrossOrigin
            viewer = None
        if is_write and is_api:
            # A cookie never authorises a write over REST.
            viewer = None if viewer is not None and viewer.has_session else viewer
            await _require_json(request)
        scope["user"] = viewer
        if viewer is not None:
            counters: Counters = request.app.state.counters
            quota = REFRESHES if _is_refresh(request) else PER_USER
            reading = await counters.hit(quota, str(viewer.actor.id))
            trace.headers.extend(reading.headers())
            if reading.is_over:
                raise TooManyRequests(retry_after_seconds=reading.reset_seconds)
        await next_app(scope, receive, _private(send))


async def _viewer(request: PortalRequest, trace: Trace, *, is_api: bool) -> Viewer | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if is_api and scheme.lower() == "bearer":
        try:
            return await _token_viewer(token.strip(), trace)
        except TokenInvalid as refusal:
            # The guard says it: routes that ask for nobody take no offence.
            request.scope["state"]["credential_refused"] = refusal
            return None
    secret = request.cookies.get(SESSION_COOKIE)
    if not secret:
        return None
    return await session_viewer(secret, trace, is_use=not _is_refresh(request))


def _is_refresh(request: PortalRequest) -> bool:
    """A live page fetching one of its regions again, with nobody having done anything."""
    return (
        request.method == "GET"
        and BLOCK_HEADER in request.headers
        and not request.url.path.startswith(f"{API}/")
    )


async def session_viewer(secret: str, trace: Trace, *, is_use: bool) -> Viewer | None:
    """The viewer behind a session's cookie; nothing for an id that we did not give out.

    Only what a person does is use, and keeps the session from ending when idle.
    """
    digest = digest_of(secret)
    identified = await session_of(digest=digest, is_use=is_use)
    if identified is None:
        return None
    return _viewer_of(identified, trace, digest=digest, csrf_token=csrf_token_of(digest))


async def _token_viewer(token: str, trace: Trace) -> Viewer:
    claims = read_access_token(token)
    identified = await token_holder(family_id=claims.family_id, membership_id=claims.membership_id)
    if identified is None or identified.tenant.id != claims.tenant_id:
        raise TokenInvalid
    return _viewer_of(identified, trace)


def _viewer_of(identified: Identified, trace: Trace, **session: Any) -> Viewer:
    return Viewer(
        actor=actor_of(
            identified,
            request_id=trace.request_id,
            address=trace.address,
            trace=trace.traceparent,
        ),
        tenant=identified.tenant,
        email=identified.email,
        credential_id=identified.credential_id,
        **session,
    )


def csrf_token_of(digest: bytes) -> str:
    """Bound to the session by our key, so that it needs no cookie and no column of its own."""
    return urlsafe_b64encode(keyed("csrf", digest.hex())).decode().rstrip("=")


def _require_same_origin(request: PortalRequest) -> None:
    """Browsers say where a write comes from; one that says nothing is no browser of ours."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if (origin is None and site is None) or site not in (None, "same-origin"):
        raise CrossOrigin
    if origin is not None and origin not in settings().origins:
        raise CrossOrigin


def _is_embedded(request: PortalRequest) -> bool:
    """Whether another site's page loads this into itself, as an image, script, frame or by fetch;
    neighbours on this domain are other sites as well. Going there by a link is nobody's trick.
    """
    headers = request.headers
    if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
        return False
    context = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return context != ("navigate", "document")


async def _require_csrf_token(request: PortalRequest, viewer: Viewer) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        if content_type_of(request) != FORM_TYPE:
            raise WrongContentType(f"Send {FORM_TYPE}")
        given = (await read_form(request)).get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), viewer.csrf_token.encode()):
        raise CsrfInvalid


async def _require_json(request: PortalRequest) -> None:
    body = await request.body()
    if not body:
        return
    if content_type_of(request) != JSON_TYPE:
        raise WrongContentType(f"Send {JSON_TYPE}")
    try:
        # Here, and not only by the handler: what it decodes with lets two of these three through.
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientException("The body is not JSON, or is nested too deeply") from error
    if b"\\u0000" in body.lower():
        raise InputInvalid.of("", "CONTROL_CHARACTER", "Must not contain control characters")


def _private(send: Send) -> Send:
    """Nothing that depends on who asks may be kept by a cache."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message["headers"]}
            added = [(b"vary", b"HX-Request, X-Block, Cookie, Authorization")]
            if b"cache-control" not in names:
                added.append((b"cache-control", b"no-store"))
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return sending
