"""Trade a refresh token for a new pair; a token shown twice ends its whole family (RFC 9700, 4.14)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.domains.identity.access_token import LIFETIME_SECONDS, issue_access_token
from app.domains.identity.queries import token_holder
from app.domains.identity.values import Candidate, Identified, TokenPair
from app.kernel import audit
from app.kernel.actors import SYSTEM
from app.kernel.crypto import digest_of, keyed
from app.kernel.database import ask_across_tenants, execute, fetch_row, unit_of_work
from app.kernel.errors import NotAuthenticated
from app.kernel.ids import new_id

# Two tabs that refresh at the same moment are no theft: both get the same successor.
GRACE = timedelta(seconds=10)


class RefreshInvalid(NotAuthenticated):
    code = "INVALID_TOKEN"
    title = "The refresh token is not valid any more; sign in again"


class TokenReused(NotAuthenticated):
    code = "TOKEN_REUSED"
    title = "The refresh token had been used before; every token of this sign-in is revoked"


async def refresh_tokens(*, refresh_token: str) -> TokenPair:
    """The successor of `refresh_token`, and an access token. Opens its own unit of work.

    Raises `RefreshInvalid`; and `TokenReused` once the revocation that it tells of is committed.
    """
    digest = digest_of(refresh_token)
    tenant_id = (await ask_across_tenants("SELECT refresh_tenant($1) AS id", digest))[0]["id"]
    if tenant_id is None:
        raise RefreshInvalid
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        row = await _locked(digest)
        reused = row["used_ago"] is not None and row["used_ago"] > GRACE
        if reused:
            await _revoke(row)
        elif row["used_ago"] is None:
            await _rotate(row["id"], row["family_id"], successor_of(refresh_token))
    if reused:
        raise TokenReused
    holder = await token_holder(family_id=row["family_id"], membership_id=row["membership_id"])
    if holder is None:
        raise RefreshInvalid
    return TokenPair(
        access_token=issue_access_token(holder=_candidate(holder), family_id=row["family_id"]),
        refresh_token=successor_of(refresh_token),
        expires_in=LIFETIME_SECONDS,
    )


def successor_of(refresh_token: str) -> str:
    """The one successor a token can have: computed, so that it never has to be stored readable."""
    return urlsafe_b64encode(keyed("refresh token", refresh_token)).decode().rstrip("=")


async def _locked(digest: bytes) -> Any:
    # The family's row first, so that two refreshes of one family wait for each other.
    family_id = await fetch_row(
        "SELECT f.id FROM refresh_family f"
        " WHERE f.id = (SELECT family_id FROM refresh_token WHERE digest = $1)"
        " AND f.revoked_at IS NULL AND f.expires_at > clock_timestamp() FOR UPDATE OF f",
        digest,
    )
    if family_id is None:
        raise RefreshInvalid
    return await fetch_row(
        "SELECT t.id, t.family_id, f.membership_id, clock_timestamp() - t.used_at AS used_ago"
        " FROM refresh_token t JOIN refresh_family f ON f.id = t.family_id WHERE t.digest = $1",
        digest,
    )


async def _rotate(token_id: UUID, family_id: UUID, successor: str) -> None:
    await execute(
        "WITH spent AS (UPDATE refresh_token SET used_at = clock_timestamp() WHERE id = $1"
        " RETURNING tenant_id) INSERT INTO refresh_token"
        " (tenant_id, id, family_id, digest, created_at)"
        " SELECT tenant_id, $2, $3, $4, clock_timestamp() FROM spent",
        token_id,
        new_id(),
        family_id,
        digest_of(successor),
    )


async def _revoke(row: Any) -> None:
    await execute(
        "UPDATE refresh_family SET revoked_at = clock_timestamp() WHERE id = $1", row["family_id"]
    )
    await audit.record(
        action="token.reuse", subject_kind="membership", subject_id=row["membership_id"]
    )


def _candidate(holder: Identified) -> Candidate:
    return Candidate(
        membership_id=holder.membership_id,
        name=holder.name,
        role=holder.role,
        tenant=holder.tenant,
    )
