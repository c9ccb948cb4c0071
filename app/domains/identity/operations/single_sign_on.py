"""Sign in through an identity provider: send the browser there, and take it back once.

Runs before a tenant is known; both halves open their own units of work.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import msgspec

from app.integrations.oidc.port import Answer, IdentityProvider, ProviderRefused
from app.kernel.actors import SYSTEM
from app.kernel.crypto import digest_of, new_secret
from app.kernel.database import execute, fetch_row, fetch_value, unit_of_work
from app.kernel.errors import DomainError
from app.kernel.ids import new_id

ATTEMPT_LIFETIME = timedelta(minutes=10)


class NotLinked(DomainError):
    """The provider vouches for somebody whom no account is linked to."""

    status = 403
    code = "NOT_LINKED"
    title = "You are known to your sign-in service, but no account here is linked to you"

    def __init__(self) -> None:
        super().__init__(
            "You are known to your sign-in service, but no account here is linked to you. "
            "Ask your organisation's administrator to link it."
        )


class StartedSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """`browser_secret` goes into a cookie, so that nobody else's browser can finish this sign-in."""

    url: str
    browser_secret: str


class FinishedSignIn(msgspec.Struct, frozen=True, kw_only=True):
    account_id: UUID
    tenant_slug: str
    next_path: str


async def start_single_sign_on(
    *, provider: IdentityProvider, redirect_uri: str, tenant_slug: str, next_path: str
) -> StartedSignIn:
    """Note the attempt and say where to send the browser. Raises `Unavailable`."""
    challenge = provider.new_challenge()
    url = await provider.authorization_url(challenge=challenge, redirect_uri=redirect_uri)
    browser_secret = new_secret()
    async with unit_of_work(tenant=None, actor=SYSTEM):
        await execute(
            "DELETE FROM sign_in_attempt WHERE created_at < clock_timestamp() - $1::interval",
            2 * ATTEMPT_LIFETIME,
        )
        await execute(
            "INSERT INTO sign_in_attempt (id, state_digest, browser_digest, nonce, verifier,"
            " tenant_slug, next_path, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())",
            new_id(),
            digest_of(challenge.state),
            digest_of(browser_secret),
            challenge.nonce,
            challenge.verifier,
            tenant_slug,
            next_path,
        )
    return StartedSignIn(url=url, browser_secret=browser_secret)


async def finish_single_sign_on(
    *,
    provider: IdentityProvider,
    redirect_uri: str,
    state: str,
    code: str,
    browser_secret: str,
    issuer_parameter: str | None,
) -> FinishedSignIn:
    """Who came back from the provider. An attempt can be finished once, by the browser that began it.

    Raises `ProviderRefused`, `NotLinked` and `Unavailable`.
    """
    async with unit_of_work(tenant=None, actor=SYSTEM):
        attempt = await fetch_row(
            "UPDATE sign_in_attempt SET used_at = clock_timestamp()"
            " WHERE state_digest = $1 AND browser_digest = $2 AND used_at IS NULL"
            " AND created_at > clock_timestamp() - $3::interval"
            " RETURNING nonce, verifier, tenant_slug, next_path",
            digest_of(state),
            digest_of(browser_secret),
            ATTEMPT_LIFETIME,
        )
    if attempt is None:
        raise ProviderRefused("no such attempt of this browser is open")
    if not code:
        raise ProviderRefused("the provider sent no code")
    proven = await provider.identify(
        Answer(
            code=code,
            issuer_parameter=issuer_parameter,
            verifier=attempt["verifier"],
            nonce=attempt["nonce"],
            redirect_uri=redirect_uri,
        )
    )
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        account_id = await fetch_value(
            "SELECT account_id FROM federated_identity WHERE issuer = $1 AND subject = $2",
            proven.issuer,
            proven.subject,
        )
    if account_id is None:
        raise NotLinked
    return FinishedSignIn(
        account_id=account_id,
        tenant_slug=attempt["tenant_slug"],
        next_path=attempt["next_path"],
    )
