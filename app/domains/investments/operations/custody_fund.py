"""The sponsor puts assets of its own into a vault or venue of a product."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from app.domains.investments.books import BookAccount, book_accounts
from app.kernel import audit
from app.kernel.clock import local_date
from app.kernel.database import current, fetch_row
from app.kernel.errors import NotFound
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.values import Entry, Posting
from app.kernel.money import plain


async def fund_custody_account(
    *, custody_account_id: UUID, amount: Decimal, reference: str
) -> None:
    """Record `amount` as the sponsor's capital in the account. `reference` makes it happen once."""
    unit = current()
    account = await fetch_row(
        "SELECT a.*, p.book_id, p.time_zone FROM custody_account a"
        " JOIN product p ON p.id = a.product_id WHERE a.id = $1",
        custody_account_id,
    )
    if account is None:
        raise NotFound
    book = await book_accounts(book_id=account["book_id"], asset=account["asset"])
    await post_entries(
        entries=[
            Entry(
                book_id=account["book_id"],
                idempotency_key=f"fund:{reference}",
                operation="custody.fund",
                subject_kind="custody_account",
                subject_id=custody_account_id,
                effective_on=local_date(unit.now, account["time_zone"]),
                narrative=f"Sponsor's capital, {reference}",
                postings=[
                    Posting(account["available_account_id"], amount),
                    Posting(book[BookAccount.sponsor_capital], -amount),
                ],
            )
        ]
    )
    await audit.record(
        action="custody.fund",
        subject_kind="custody_account",
        subject_id=custody_account_id,
        after={"amount": plain(amount), "reference": reference},
    )
