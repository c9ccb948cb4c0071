"""What is said of an entry without the database: whether it adds up and fits, and its mirror."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.kernel.ids import new_id
from app.kernel.ledger.checking import check_entries, mirrored
from app.kernel.ledger.errors import EntryInvalid, EntryUnbalanced
from app.kernel.ledger.values import Entry, Posting, PostingView

ONE, OTHER, THIRD = new_id(), new_id(), new_id()
# numeric(38, 18): twenty digits before the point, eighteen behind it.
LARGEST = Decimal("99999999999999999999.999999999999999999")
SMALLEST = Decimal("0.000000000000000001")


def an_entry(*amounts: Any, key: str = "key") -> Entry:
    return Entry(
        book_id=new_id(),
        idempotency_key=key,
        operation="test",
        subject_kind="test",
        subject_id=new_id(),
        effective_on=date(2026, 1, 31),
        postings=[Posting(new_id(), amount) for amount in amounts],
    )


@pytest.mark.parametrize(
    "amounts",
    [
        (Decimal(1), Decimal(-1)),
        (Decimal("0.1"), Decimal("0.2"), Decimal("-0.3")),
        (SMALLEST, -SMALLEST),
        (LARGEST, -LARGEST),
        (Decimal("1E+19"), Decimal("-1E+19")),
        # Zeros behind are no digits.
        (Decimal("1.0000000000000000000000"), Decimal("-1")),
    ],
)
def test_what_adds_up_and_fits_is_let_by(amounts: tuple[Decimal, ...]) -> None:
    check_entries([an_entry(*amounts)])


@pytest.mark.parametrize(
    "amount",
    [1, 1.5, "1", None, Decimal(0), Decimal("-0.00"), Decimal("NaN"), Decimal("Infinity")],
)
def test_what_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(EntryInvalid, match=r"^key: .* is no amount to post$"):
        check_entries([an_entry(amount)])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "amount", [SMALLEST / 10, Decimal("1.0000000000000000001"), Decimal("1E+20"), Decimal("2E+20")]
)
def test_what_the_database_would_round_or_refuse_is_refused(amount: Decimal, sign: int) -> None:
    with pytest.raises(EntryInvalid, match="does not fit the ledger's digits"):
        check_entries([an_entry(amount * sign, -amount * sign)])


@pytest.mark.parametrize(
    "amounts", [(Decimal(1),), (Decimal(-1),), (LARGEST, -LARGEST + SMALLEST), (Decimal(1),) * 2]
)
def test_what_does_not_add_up_is_refused(amounts: tuple[Decimal, ...]) -> None:
    with pytest.raises(EntryUnbalanced, match=r"^key: "):
        check_entries([an_entry(*amounts)])


def test_an_entry_has_postings_and_every_one_of_several_is_looked_at() -> None:
    good = an_entry(Decimal(1), Decimal(-1))
    with pytest.raises(EntryInvalid, match="bad: an entry needs postings"):
        check_entries([good, an_entry(key="bad")])
    with pytest.raises(EntryUnbalanced, match=r"^bad: "):
        check_entries([good, an_entry(Decimal(2), Decimal(-1), key="bad"), good])
    check_entries([])


def test_a_mirror_takes_back_what_each_account_got() -> None:
    postings = [_posted(ONE, "5"), _posted(OTHER, "-3"), _posted(ONE, "-1"), _posted(THIRD, "-1")]
    assert mirrored(postings) == [
        Posting(ONE, Decimal(-4)),
        Posting(OTHER, Decimal(3)),
        Posting(THIRD, Decimal(1)),
    ]


def test_an_account_that_was_left_as_it_was_has_no_posting_in_the_mirror() -> None:
    postings = [_posted(ONE, "5"), _posted(OTHER, "-5"), _posted(THIRD, "2"), _posted(THIRD, "-2")]
    assert [posting.account_id for posting in mirrored(postings)] == [ONE, OTHER]


def _posted(account: Any, amount: str) -> PostingView:
    return PostingView(
        account_id=account,
        account_name="",
        account_kind="test",
        asset="USD",
        amount=Decimal(amount),
    )
