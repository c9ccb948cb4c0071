"""What goes into the ledger and what comes out. Amounts are `Decimal`, debits positive."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec


class AccountSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An account to open. Book, asset, kind and owner together name it: there is one of each.

    `floored` accounts cannot go below zero, and their writers queue on one row; leave hot accounts
    (house, fees, clearing) unfloored.
    """

    book_id: UUID
    asset: str
    kind: str
    floored: bool
    name: str
    owner_id: UUID | None = None


class Posting(msgspec.Struct, frozen=True):
    """A change of one account: a debit is positive, a credit negative, never zero."""

    account_id: UUID
    amount: Decimal


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What to post. `operation` and the subject say what made it; `effective_on` when it counts."""

    book_id: UUID
    idempotency_key: str
    operation: str
    subject_kind: str
    subject_id: UUID
    effective_on: date
    postings: list[Posting]
    narrative: str = ""
    reverses_id: UUID | None = None


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    book_id: UUID
    book_name: str
    asset: str
    kind: str
    owner_id: UUID | None
    floored: bool
    name: str


class PostingView(msgspec.Struct, frozen=True, kw_only=True):
    account_id: UUID
    account_name: str
    account_kind: str
    asset: str
    amount: Decimal


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str


class StatementPosition(msgspec.Struct, frozen=True):
    """Where a posting stands in its account's statement: by transaction, entry, and place in it."""

    transaction: int
    entry_id: UUID
    position: int

    @property
    def written(self) -> str:
        """As addresses have it."""
        return f"{self.transaction}.{self.entry_id}.{self.position}"


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One posting of an account; `balance` is what was on the account after it."""

    at: StatementPosition
    entry_id: UUID
    operation: str
    narrative: str
    effective_on: date
    recorded_at: datetime
    amount: Decimal
    balance: Decimal


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in a list; `postings` is how many it has."""

    id: UUID
    book_id: UUID
    book_name: str
    operation: str
    narrative: str
    subject_kind: str
    subject_id: UUID
    effective_on: date
    recorded_at: datetime
    reverses_id: UUID | None
    postings: int


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it was posted. `reversed_by_id` is the entry that mended it, if one did."""

    id: UUID
    book_id: UUID
    idempotency_key: str
    operation: str
    subject_kind: str
    subject_id: UUID
    actor_id: UUID | None
    effective_on: date
    recorded_at: datetime
    narrative: str
    reverses_id: UUID | None
    reversed_by_id: UUID | None
    postings: list[PostingView]
