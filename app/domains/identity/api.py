"""Tokens over REST, and who one is. `/auth/*` ignores idempotency keys: keeping its answers would
store tokens. Its answers stand without an envelope, as OAuth clients expect them.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import JSONBody

from app.domains.identity.access_token import public_keys
from app.domains.identity.operations.password_check import InvalidCredentials
from app.domains.identity.operations.sign_in import (
    TenantRequired,
    prove_by_password,
    sign_in_to_tokens,
)
from app.domains.identity.operations.token_refresh import (
    RefreshInvalid,
    TokenReused,
    refresh_tokens,
)
from app.domains.identity.operations.token_revoke import revoke_family
from app.domains.identity.requests import count_sign_in, failed_sign_ins, origin_of
from app.domains.identity.schemas import (
    Login,
    Me,
    PublicKeys,
    Refresh,
    TenantJson,
    Tokens,
    UserJson,
)
from app.domains.identity.values import SignInMethod, TokenPair
from app.kernel.errors import DomainError
from app.web.api import Envelope, envelope
from app.web.etags import tagged
from app.web.guards import public, requires
from app.web.trace import trace_of
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of


@post(
    "/auth/login",
    status_code=200,
    guards=[public],
    refusals=[InvalidCredentials, TenantRequired],
    rules={"tenant": ["REQUIRED"]},
    summary="Sign in with a password",
)
async def login(request: PortalRequest, data: JSONBody[Login]) -> Tokens:
    """A pair of tokens for this email and password in the tenant."""
    await count_sign_in(request)
    throttle = failed_sign_ins(request)
    address = trace_of(request).address
    await throttle.refuse_if_too_many(email=data.email, address=address)
    try:
        person = await prove_by_password(
            tenant_slug=data.tenant, email=data.email, password=data.password
        )
    except DomainError as refusal:
        if refusal.status == 401:
            await throttle.note(
                email=data.email, address=address, request_id=trace_of(request).request_id
            )
        raise
    pair = await sign_in_to_tokens(
        person=person, method=SignInMethod.password, origin=origin_of(request)
    )
    return _tokens(pair)


@post(
    "/auth/refresh",
    status_code=200,
    guards=[public],
    refusals=[RefreshInvalid, TokenReused],
    summary="Trade a refresh token",
)
async def refresh(request: PortalRequest, data: JSONBody[Refresh]) -> Tokens:
    """A new pair; the token given is spent, and showing it again revokes every token of its sign-in."""
    await count_sign_in(request)
    return _tokens(await refresh_tokens(refresh_token=data.refresh_token))


@post(
    "/auth/logout",
    status_code=204,
    guards=[requires("me:read")],
    refusals=[],
    summary="Sign out",
)
@transactional()
async def logout(request: PortalRequest) -> None:
    """Every token of this sign-in stops working at once."""
    await revoke_family(family_id=viewer_of(request).credential_id)


@get("/auth/jwks.json", guards=[public], summary="The keys that verify access tokens")
async def jwks(request: PortalRequest) -> Response[PublicKeys]:
    answer = tagged(request, PublicKeys(keys=public_keys()["keys"]))
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@get("/me", guards=[requires("me:read")], summary="Who I am and what I may do")
@transactional(read_only=True)
async def me(request: PortalRequest) -> Envelope[Me]:
    viewer = viewer_of(request)
    assert viewer.actor.id is not None, "only people sign in"
    found = Me(
        user=UserJson(id=viewer.actor.id, name=viewer.actor.name, email=viewer.email),
        tenant=TenantJson(
            id=viewer.tenant.id,
            slug=viewer.tenant.slug,
            name=viewer.tenant.name,
            time_zone=viewer.tenant.time_zone,
            locale=viewer.tenant.locale,
        ),
        roles=[viewer.actor.role],
        permissions=sorted(viewer.actor.permissions),
    )
    return envelope(request, found)


def _tokens(pair: TokenPair) -> Tokens:
    return Tokens(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_in=pair.expires_in,
    )


ROUTES: list[Any] = [login, refresh, logout, jwks, me]
