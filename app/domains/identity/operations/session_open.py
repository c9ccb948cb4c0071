"""Open a session for somebody who has proved who they are."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.domains.identity.values import OpenedSession, SignInMethod
from app.kernel import audit
from app.kernel.crypto import digest_of, new_secret
from app.kernel.database import current, fetch_value
from app.kernel.ids import new_id
from app.settings import settings

USER_AGENT_LENGTH_MAX = 300


async def open_session(
    *, membership_id: UUID, method: SignInMethod, user_agent: str
) -> OpenedSession:
    """A session with an id that nobody has seen before; the browser's old one is not reused."""
    unit = current()
    session_id, secret = new_id(), new_secret()
    lifetime = timedelta(seconds=settings().session_seconds)
    expires_at = await fetch_value(
        "INSERT INTO session (tenant_id, id, membership_id, digest, method, address, user_agent,"
        " created_at, last_seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7,"
        " clock_timestamp(), clock_timestamp(), clock_timestamp() + $8) RETURNING expires_at",
        unit.tenant,
        session_id,
        membership_id,
        digest_of(secret),
        method.value,
        unit.actor.address,
        user_agent[:USER_AGENT_LENGTH_MAX],
        lifetime,
    )
    await audit.record(
        action="session.open",
        subject_kind="membership",
        subject_id=membership_id,
        after={"method": method.value},
    )
    return OpenedSession(id=session_id, secret=secret, expires_at=expires_at)
