"""What the ledger says when it refuses."""

from __future__ import annotations

from uuid import UUID

from app.kernel.errors import Conflict


class BalanceTooLow(Conflict):
    """The entry would take a floored account below zero. `account_id` says which."""

    code = "INSUFFICIENT_BALANCE"
    title = "There is not enough on the account for this"

    def __init__(self, account_id: UUID) -> None:
        super().__init__()
        self.account_id = account_id


class EntryReversedAlready(Conflict):
    code = "ALREADY_REVERSED"
    title = "This ledger entry has been reversed already"


class EntryInvalid(ValueError):
    """The caller built an entry that no ledger can hold. A mistake in our code, not in input."""


class EntryUnbalanced(EntryInvalid):
    """The postings of an entry do not sum to zero for each asset, or touch another book."""
