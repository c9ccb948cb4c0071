"""A small book for ledger tests: one unfloored house account, and floored ones of clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from app.kernel.ids import new_id
from app.kernel.ledger.operations import open_accounts, open_book
from app.kernel.ledger.values import AccountSpec, Entry, Posting

DAY = date(2026, 3, 2)


@dataclass(frozen=True)
class Book:
    id: UUID
    subject_id: UUID
    house: UUID
    clients: list[UUID]

    def entry(
        self,
        *moves: tuple[UUID, str],
        key: str | None = None,
        on: date = DAY,
    ) -> Entry:
        """An entry of these accounts and amounts."""
        return Entry(
            book_id=self.id,
            idempotency_key=key or new_id().hex,
            operation="test",
            subject_kind="product",
            subject_id=self.subject_id,
            effective_on=on,
            postings=[Posting(account, Decimal(amount)) for account, amount in moves],
        )

    def transfer(
        self, source: UUID, target: UUID, amount: str, *, key: str | None = None, on: date = DAY
    ) -> Entry:
        return self.entry((source, f"-{amount}"), (target, amount), key=key, on=on)


async def a_book(*, clients: int = 2, asset: str = "USD") -> Book:
    """Opened in the current unit of work."""
    subject_id = new_id()
    book_id = await open_book(name="Test book", subject_kind="product", subject_id=subject_id)
    ids = await open_accounts(
        specs=[
            AccountSpec(book_id=book_id, asset=asset, kind="house", floored=False, name="House"),
            *(
                AccountSpec(
                    book_id=book_id,
                    asset=asset,
                    kind="client",
                    owner_id=new_id(),
                    floored=True,
                    name=f"Client {number}",
                )
                for number in range(clients)
            ),
        ]
    )
    return Book(id=book_id, subject_id=subject_id, house=ids[0], clients=ids[1:])
