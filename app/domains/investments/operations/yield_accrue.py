"""The daily accrual of a fixed-yield product: what is owed grows by one entry a day."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from app.domains.investments.books import BookAccount, book_accounts
from app.domains.investments.calculations.accrual import accrual_days, yield_accrued
from app.domains.investments.values import ProductKind
from app.kernel.clock import local_date
from app.kernel.database import current, execute, fetch, fetch_row
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.values import Entry, Posting
from app.kernel.money import ZERO


async def accrue_yields(*, product_id: UUID) -> int:
    """Bring every active subscription of the product to today's accrual. Returns how many moved.

    Each day's entry is `accrued(today) − accrued so far`, each rounded, so that the entries sum to
    the accrual; days that were missed are made up. Running twice in a day changes nothing.
    """
    unit = current()
    product = await fetch_row(
        "SELECT * FROM product WHERE id = $1 AND kind = $2",
        product_id,
        ProductKind.fixed_yield.value,
    )
    if product is None:
        return 0
    today = local_date(unit.now, product["time_zone"])
    rows = await fetch(
        "SELECT * FROM subscription WHERE product_id = $1 AND accrued_through < $2"
        " AND principal > 0 ORDER BY id FOR UPDATE",
        product_id,
        today,
    )
    grown: list[tuple[UUID, UUID, Decimal, Decimal]] = []
    for row in rows:
        total = yield_accrued(
            principal=row["principal"],
            apy=row["apy"],
            days=accrual_days(
                activated_on=row["activated_on"], matures_on=row["matures_on"], today=today
            ),
            places=product["places"],
        )
        grown.append((row["id"], row["yield_account_id"], total, total - row["accrued"]))
    if not grown:
        return 0
    await execute(
        "UPDATE subscription s SET accrued = u.total, accrued_through = $3"
        " FROM unnest($1::uuid[], $2::numeric[]) AS u (id, total) WHERE s.id = u.id",
        [subscription_id for subscription_id, _, _, _ in grown],
        [total for _, _, total, _ in grown],
        today,
    )
    moved = [(account, delta) for _, account, _, delta in grown if delta != ZERO]
    if moved:
        book = await book_accounts(book_id=product["book_id"], asset=product["asset"])
        expense = sum((delta for _, delta in moved), ZERO)
        # The key names the day and where the entry starts from, so that a day's second run, after
        # a subscription was opened in between, is an entry of its own.
        first = min(subscription_id for subscription_id, _, _, _ in grown)
        await post_entries(
            entries=[
                Entry(
                    book_id=product["book_id"],
                    idempotency_key=f"accrual:{product_id}:{today.isoformat()}:{first}",
                    operation="yield.accrue",
                    subject_kind="product",
                    subject_id=product_id,
                    effective_on=today,
                    narrative=f"Yield accrued through {today.isoformat()}",
                    postings=[Posting(book[BookAccount.yield_expense], expense)]
                    + [Posting(account, -delta) for account, delta in moved],
                )
            ]
        )
    return len(moved)
