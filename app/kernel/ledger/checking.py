"""What can be said of an entry without the database: whether it adds up and fits, and its mirror."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from app.kernel.ledger.errors import EntryInvalid, EntryUnbalanced
from app.kernel.ledger.values import Entry, Posting, PostingView
from app.kernel.money import DIGITS_MAX, PLACES_MAX, ZERO

_LARGEST = Decimal(10) ** (DIGITS_MAX - PLACES_MAX)


def check_entries(entries: Sequence[Entry]) -> None:
    """Raises `EntryInvalid` and `EntryUnbalanced`. The database says the same again, and the rest."""
    for entry in entries:
        if not entry.postings:
            raise EntryInvalid(f"{entry.idempotency_key}: an entry needs postings")
        for posting in entry.postings:
            _check_amount(entry, posting.amount)
        # Zero for each asset is zero in all; which asset an account has only the database knows.
        if sum((posting.amount for posting in entry.postings), ZERO) != 0:
            raise EntryUnbalanced(f"{entry.idempotency_key}: the postings do not sum to zero")


def _check_amount(entry: Entry, amount: object) -> None:
    if not isinstance(amount, Decimal) or not amount.is_finite() or amount == 0:
        raise EntryInvalid(f"{entry.idempotency_key}: {amount!r} is no amount to post")
    exponent = amount.normalize().as_tuple().exponent
    # The database would round silently.
    if not isinstance(exponent, int) or -exponent > PLACES_MAX or abs(amount) >= _LARGEST:
        raise EntryInvalid(f"{entry.idempotency_key}: {amount} does not fit the ledger's digits")


def mirrored(postings: Iterable[PostingView]) -> list[Posting]:
    """What takes them back: one posting an account, none for one that they leave as it was."""
    taken_back: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for posting in postings:
        taken_back[posting.account_id] -= posting.amount
    return [Posting(account, amount) for account, amount in taken_back.items() if amount]
