"""Signing in and out in the browser."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import msgspec
import structlog
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery, QueryParameter

from app.domains.identity.operations.session_end import end_session
from app.domains.identity.operations.sign_in import (
    choose_membership,
    prove_by_password,
    sign_in_to_session,
)
from app.domains.identity.operations.single_sign_on import (
    finish_single_sign_on,
    start_single_sign_on,
)
from app.domains.identity.queries import memberships
from app.domains.identity.requests import count_sign_in, failed_sign_ins, origin_of
from app.domains.identity.values import OpenedSession, SignInMethod
from app.integrations.oidc.port import IdentityProvider, ProviderRefused
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, unit_of_work
from app.kernel.errors import DomainError, FieldError
from app.kernel.real_time import real_now
from app.settings import Environment, settings
from app.web.authentication import SESSION_COOKIE
from app.web.forms import read_form, refused, safe_next
from app.web.guards import public, requires
from app.web.rendering import Page, See, Shown, redirect, render
from app.web.trace import trace_of
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

_log = structlog.get_logger(__name__)
BROWSER_COOKIE = "__Host-sign-in"
CALLBACK = "/auth/oidc/callback"
DEMO_PASSWORD = "Stakehold-demo-1"  # noqa: S105 - shown on the page, in the demo alone
_FIELD_LENGTH_MAX = 300


class DemoAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One click of the demo's sign-in page; it goes through the real sign-in."""

    email: str
    label: str
    role: str
    tenant: str
    password: str = DEMO_PASSWORD


@get("/auth/sign-in", guards=[public], include_in_schema=False)
async def sign_in_page(
    request: PortalRequest,
    tenant: FromQuery[str] = "",
    next_path: Annotated[str, QueryParameter(name="next")] = "/",
) -> Response[bytes]:
    return await _sign_in_page(request, tenant=tenant, next_path=next_path)


@post("/auth/sign-in", guards=[public], include_in_schema=False)
async def sign_in(request: PortalRequest) -> Response[bytes]:
    """Password sign-in; shows the form again, with what was typed, when it is refused."""
    form = await read_form(request)
    tenant, email = form.get("tenant", ""), form.get("email", "")
    next_path = safe_next(form.get("next", "/"))
    try:
        await count_sign_in(request)
        throttle = failed_sign_ins(request)
        address = trace_of(request).address
        await throttle.refuse_if_too_many(email=email, address=address)
        try:
            person = await prove_by_password(
                tenant_slug=tenant, email=email, password=form.get("password", "")
            )
        except DomainError as refusal:
            if refusal.status == 401:
                await throttle.note(
                    email=email, address=address, request_id=trace_of(request).request_id
                )
            raise
        await _end_session_before(request)
        session = await sign_in_to_session(
            person=person,
            method=SignInMethod.password,
            origin=origin_of(request),
        )
    except DomainError as refusal:
        return await _sign_in_page(
            request,
            tenant=tenant,
            email=email,
            next_path=next_path,
            errors=refused(refusal),
            status=422 if refusal.status == 401 else refusal.status,
        )
    return redirect(See(next_path, cookies=(session_cookie(session),)))


@post("/auth/sign-out", guards=[requires("me:read")], include_in_schema=False)
@transactional()
async def sign_out(request: PortalRequest) -> See:
    """The session ends at once; its sockets close within seconds."""
    viewer = viewer_of(request)
    await end_session(session_id=viewer.credential_id)
    target = f"/auth/sign-in?{urlencode({'tenant': viewer.tenant.slug})}"
    return See(target, cookies=(_gone(SESSION_COOKIE),))


@get("/auth/oidc/start", guards=[public], include_in_schema=False)
async def single_sign_on(
    request: PortalRequest,
    tenant: FromQuery[str] = "",
    next_path: Annotated[str, QueryParameter(name="next")] = "/",
) -> Response[bytes]:
    """Send the browser to its organisation's identity provider."""
    try:
        await count_sign_in(request)
        started = await start_single_sign_on(
            provider=_provider(request),
            redirect_uri=_redirect_uri(request),
            tenant_slug=tenant.strip().lower()[:_FIELD_LENGTH_MAX],
            next_path=safe_next(next_path),
        )
    except DomainError as refusal:
        return await _refused_single_sign_on(request, refusal, tenant=tenant, next_path=next_path)
    cookie = Cookie(
        key=BROWSER_COOKIE,
        value=started.browser_secret,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",  # strict would not come back with the provider's redirect
        max_age=600,
    )
    return redirect(See(started.url, cookies=(cookie,)))


@get(CALLBACK, guards=[public], include_in_schema=False)
async def single_sign_on_callback(
    request: PortalRequest,
    # `state` alone is Litestar's own name for something else.
    signed_state: Annotated[str, QueryParameter(name="state")] = "",
    code: FromQuery[str] = "",
    iss: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Take the browser back from the provider; whatever is wrong ends on the sign-in page."""
    try:
        await count_sign_in(request)
        finished = await finish_single_sign_on(
            provider=_provider(request),
            redirect_uri=_redirect_uri(request),
            state=signed_state,
            code=code,
            browser_secret=request.cookies.get(BROWSER_COOKIE, ""),
            issuer_parameter=iss,
        )
        person = await choose_membership(
            account_id=finished.account_id, tenant_slug=finished.tenant_slug
        )
        await _end_session_before(request)
        session = await sign_in_to_session(
            person=person,
            method=SignInMethod.single_sign_on,
            origin=origin_of(request),
        )
    except DomainError as refusal:
        return await _refused_single_sign_on(request, refusal, tenant="", next_path="/")
    return redirect(
        See(finished.next_path, cookies=(session_cookie(session), _gone(BROWSER_COOKIE)))
    )


async def _refused_single_sign_on(
    request: PortalRequest, refusal: DomainError, *, tenant: str, next_path: str
) -> Response[bytes]:
    if isinstance(refusal, ProviderRefused):
        _log.warning(
            "single sign-on refused",
            reason=refusal.reason,
            request_id=trace_of(request).request_id,
        )
    return await _sign_in_page(
        request,
        tenant=tenant,
        next_path=safe_next(next_path),
        errors=refused(refusal),
        status=403 if refusal.status == 401 else refusal.status,
    )


async def _sign_in_page(
    request: PortalRequest,
    *,
    tenant: str,
    next_path: str,
    email: str = "",
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> Response[bytes]:
    tenant = tenant[:_FIELD_LENGTH_MAX]
    next_path = safe_next(next_path)
    query = urlencode({"tenant": tenant, "next": next_path})
    page = Page(
        "auth/sign_in.html",
        {
            "tenant_slug": tenant,
            "email": email[:_FIELD_LENGTH_MAX],
            "next": next_path,
            "errors": errors or [],
            "demo_accounts": await _demo_accounts(tenant),
            "sso_url": f"/auth/oidc/start?{query}",
        },
        status=status,
    )
    return render(request, page, Shown(now=real_now()))


async def _demo_accounts(slug: str) -> list[DemoAccount]:
    """Everybody of the tenant, or of all of them: in the demo, and nowhere else."""
    if settings().environment is not Environment.demo:
        return []
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        tenants = await fetch("SELECT id, slug FROM tenant WHERE status = 'active' ORDER BY slug")
    named = [tenant for tenant in tenants if tenant["slug"] == slug] or tenants
    found = []
    for tenant in named:
        async with unit_of_work(tenant=tenant["id"], actor=SYSTEM, read_only=True):
            found += [
                DemoAccount(
                    email=one.email, label=one.name, role=one.role.value, tenant=tenant["slug"]
                )
                for one in await memberships()
            ]
    return found


def session_cookie(session: OpenedSession) -> Cookie:
    return Cookie(
        key=SESSION_COOKIE,
        value=session.secret,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def _gone(name: str) -> Cookie:
    return Cookie(
        key=name, value="", path="/", secure=True, httponly=True, samesite="lax", max_age=0
    )


async def _end_session_before(request: PortalRequest) -> None:
    """What the browser was signed in to until now, whoever that was and in whichever tenant."""
    viewer: Viewer | None = request.scope.get("user")
    if viewer is not None and viewer.has_session:
        async with unit_of_work(tenant=viewer.tenant.id, actor=viewer.actor):
            await end_session(session_id=viewer.credential_id)


def _provider(request: PortalRequest) -> IdentityProvider:
    provider: IdentityProvider = request.app.state.identity_provider
    return provider


def _redirect_uri(request: PortalRequest) -> str:
    """On the name by which the browser knows us: its cookies stay with that name."""
    config = settings()
    here = f"{urlsplit(config.public_url).scheme}://{request.headers.get('host', '')}"
    origin = here if here in config.origins else config.public_url.rstrip("/")
    return origin + CALLBACK


ROUTES: list[Any] = [
    sign_in_page,
    sign_in,
    sign_out,
    single_sign_on,
    single_sign_on_callback,
]
