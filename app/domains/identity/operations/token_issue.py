"""Give somebody who has proved who they are a first pair of tokens."""

from __future__ import annotations

from datetime import timedelta

from app.domains.identity.access_token import LIFETIME_SECONDS, issue_access_token
from app.domains.identity.values import Candidate, SignInMethod, TokenPair
from app.kernel import audit
from app.kernel.crypto import digest_of, new_secret
from app.kernel.database import current, execute
from app.kernel.ids import new_id
from app.settings import settings


async def issue_tokens(*, holder: Candidate, method: SignInMethod) -> TokenPair:
    """A refresh family with its first refresh token, and an access token that stands with it."""
    unit = current()
    family_id, refresh_token = new_id(), new_secret()
    await execute(
        "WITH family AS (INSERT INTO refresh_family"
        " (tenant_id, id, membership_id, created_at, expires_at)"
        " VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp() + $4))"
        " INSERT INTO refresh_token (tenant_id, id, family_id, digest, created_at)"
        " VALUES ($1, $5, $2, $6, clock_timestamp())",
        unit.tenant,
        family_id,
        holder.membership_id,
        timedelta(seconds=settings().session_seconds),
        new_id(),
        digest_of(refresh_token),
    )
    await audit.record(
        action="token.issue",
        subject_kind="membership",
        subject_id=holder.membership_id,
        after={"method": method.value},
    )
    return TokenPair(
        access_token=issue_access_token(holder=holder, family_id=family_id),
        refresh_token=refresh_token,
        expires_in=LIFETIME_SECONDS,
    )
