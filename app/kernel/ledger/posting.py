"""The database's functions that post, and what it means when they refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import asyncpg

from app.kernel.database import current, fetch, fetch_row
from app.kernel.ids import new_id
from app.kernel.ledger.errors import BalanceTooLow, EntryReversedAlready, EntryUnbalanced
from app.kernel.ledger.values import Entry

# An entry of so many at most can be posted by `post_one`.
FEW_POSTINGS_MAX = 8

_POST_ONE = (
    "SELECT * FROM ledger_post_entry($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
)
_POST_MANY = (
    "SELECT * FROM ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
)


async def post_one(entry: Entry) -> UUID:
    """What `post_many` does of one entry with few postings, for two thirds of its price."""
    unit = current()
    with _refusals():
        row = await fetch_row(
            _POST_ONE,
            unit.tenant,
            unit.actor.id,
            new_id(),
            entry.book_id,
            entry.idempotency_key,
            entry.operation,
            entry.subject_kind,
            entry.subject_id,
            entry.effective_on,
            entry.narrative,
            entry.reverses_id,
            [posting.account_id for posting in entry.postings],
            [posting.amount for posting in entry.postings],
        )
    assert row is not None, "it returns one row"
    _check_locked(row["unlocked"])
    posted: UUID = row["entry_id"]
    return posted


async def post_many(entries: Sequence[Entry]) -> list[UUID]:
    """The ids of the entries, in order; for a key that was posted before, the first one's."""
    with _refusals():
        rows = await fetch(_POST_MANY, *_arguments(entries))
    for row in rows:
        _check_locked(row["unlocked"])
    posted: dict[str, UUID] = {row["idempotency_key"]: row["entry_id"] for row in rows}
    return [posted[entry.idempotency_key] for entry in entries]


def _check_locked(unlocked: int) -> None:
    if unlocked:
        raise RuntimeError("a floored account has no balance row")


def _arguments(entries: Sequence[Entry]) -> list[object]:
    ids = [new_id() for _ in entries]
    lines = [
        (entry_id, position, posting)
        for entry_id, entry in zip(ids, entries, strict=True)
        for position, posting in enumerate(entry.postings)
    ]
    unit = current()
    return [
        unit.tenant,
        unit.actor.id,
        ids,
        [entry.book_id for entry in entries],
        [entry.idempotency_key for entry in entries],
        [entry.operation for entry in entries],
        [entry.subject_kind for entry in entries],
        [entry.subject_id for entry in entries],
        [entry.effective_on for entry in entries],
        [entry.narrative for entry in entries],
        [entry.reverses_id for entry in entries],
        [entry_id for entry_id, _, _ in lines],
        [position for _, position, _ in lines],
        [posting.account_id for _, _, posting in lines],
        [posting.amount for _, _, posting in lines],
    ]


@contextmanager
def _refusals() -> Iterator[None]:
    """What the database refused, in the ledger's words."""
    try:
        yield
    except asyncpg.CheckViolationError as error:
        if error.constraint_name == "ledger_balance_floor" and error.detail:
            raise BalanceTooLow(UUID(error.detail)) from error
        if error.constraint_name == "ledger_entry_balanced":
            raise EntryUnbalanced(str(error)) from error
        raise
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "ledger_entry_one_reversal":
            raise EntryReversedAlready() from error
        raise
    except (asyncpg.ForeignKeyViolationError, asyncpg.NotNullViolationError) as error:
        raise EntryUnbalanced(
            "a posting names an account of another book, or one that is not there"
        ) from error
