"""Where one is in an account's statement, as addresses write it: `transaction.entry.position`."""

from __future__ import annotations

from uuid import UUID

from app.kernel.errors import InputInvalid
from app.kernel.ledger.values import StatementPosition

TRANSACTION_MAX = 2**63 - 1
# One less than what the column can hold: who goes on from a place adds to it.
POSITION_MAX = 2**31 - 2


def read_place(text: str | None) -> StatementPosition | None:
    """None where nothing is written; raises `InputInvalid` for what is not ours."""
    if not text:
        return None
    try:
        transaction, entry_id, position = text.split(".")
        at = StatementPosition(int(transaction), UUID(entry_id), int(position))
        if not (0 <= at.transaction <= TRANSACTION_MAX and 0 <= at.position <= POSITION_MAX):
            raise ValueError
    except ValueError as error:
        raise InputInvalid.of("cursor", "NOT_A_CURSOR", "Start from the first page") from error
    return at
