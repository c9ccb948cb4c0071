"""Taking a key, keeping its answer, forgetting old ones. Real time throughout."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import msgspec

from app.kernel.database import current, execute, fetch_row, fetch_value
from app.kernel.errors import Conflict, DomainError, InputInvalid, NotAuthenticated

KEY_LENGTH_MAX = 255
KEPT_HOURS = 24


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent the first time."""

    status: int
    headers: dict[str, str]
    body: bytes


class IdempotencyMismatch(DomainError):
    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"
    title = "This idempotency key was used for another request; take a new one"


class IdempotencyKeyInUse(Conflict):
    code = "IDEMPOTENCY_KEY_IN_USE"
    title = "The same request is still being worked on; ask again in a moment"


async def begin(*, route: str, key: str, body_hash: bytes) -> StoredAnswer | None:
    """Take `key` for this actor and route, or return the answer that it was given.

    A concurrent twin waits here until the first has ended: then it gets that answer, or, where the
    first failed, the key. `body_hash` is a SHA-256. Raises `IdempotencyMismatch` for another body,
    `IdempotencyKeyInUse` when the first takes too long.
    """
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise InputInvalid.of(
            "idempotency_key", "LENGTH", f"Must have from 1 to {KEY_LENGTH_MAX} characters"
        )
    scope = (current().tenant, _actor_id(), route, key)
    try:
        taken = await fetch_value(
            "INSERT INTO idempotency_key (tenant_id, actor_id, route, key, body_hash) "
            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING true",
            *scope,
            body_hash,
        )
    except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError) as error:
        raise IdempotencyKeyInUse() from error
    if taken:
        return None
    row = await fetch_row(
        "SELECT body_hash, status, headers, body FROM idempotency_key "
        "WHERE tenant_id = $1 AND actor_id = $2 AND route = $3 AND key = $4",
        *scope,
    )
    if row is None:
        # Forgotten between the two statements: older than a day, so another request.
        raise IdempotencyKeyInUse()
    if row["body_hash"] != body_hash:
        raise IdempotencyMismatch()
    if row["status"] is None:
        raise IdempotencyKeyInUse()
    return StoredAnswer(status=row["status"], headers=row["headers"], body=row["body"])


async def keep(
    *, route: str, key: str, status: int, headers: dict[str, str], body: bytes, moved_money: bool
) -> None:
    """Keep the answer to the key that this unit of work took. Successes alone: what raises rolls
    the key back. With `moved_money` it is kept for good."""
    done = await execute(
        "UPDATE idempotency_key SET status = $5, headers = $6, body = $7, moved_money = $8 "
        "WHERE tenant_id = $1 AND actor_id = $2 AND route = $3 AND key = $4",
        current().tenant,
        _actor_id(),
        route,
        key,
        status,
        headers,
        body,
        moved_money,
    )
    if done != "UPDATE 1":
        raise RuntimeError("an answer is kept once, for a key that this unit of work has taken")


async def forget_old() -> int:
    """Delete this tenant's keys older than a day that moved no money; returns how many."""
    done = await execute(
        "DELETE FROM idempotency_key WHERE tenant_id = $1 AND NOT moved_money "
        f"AND created_at < clock_timestamp() - interval '{KEPT_HOURS} hours'",
        current().tenant,
    )
    return int(done.removeprefix("DELETE "))


def _actor_id() -> UUID:
    actor_id = current().actor.id
    if actor_id is None:
        raise NotAuthenticated("An idempotency key belongs to somebody who is signed in")
    return actor_id
