"""What is on an account of the ledger: the sum of everything that was posted to it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from app.domains.investments.queries.explanations.entries import entries_on
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    EntryLine,
    Explanation,
    Input,
    Unit,
)
from app.kernel.database import current, fetch_row, fetch_value
from app.kernel.errors import NotFound
from app.kernel.ledger.queries import account, balances
from app.kernel.ledger.statement import statement
from app.kernel.ledger.values import AccountView, StatementLine, StatementPosition
from app.kernel.money import plain

UNITS = "units:"


async def explain_account(*, account_id: UUID, at: StatementPosition | None = None) -> Explanation:
    """Its balance now, or the one after the posting at `at`; added up from the postings, not taken
    from the balance that is kept.

    Raises `NotFound` for an account or a posting that is not there.
    """
    view = await account(account_id=account_id)
    if at is not None:
        return await _after(view, at)
    held = (await balances(account_ids=[account_id]))[account_id]
    row = await fetch_row(
        "SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debits,"
        " coalesce(sum(amount) FILTER (WHERE amount < 0), 0) AS credits"
        " FROM ledger_posting WHERE tenant_id = $1 AND account_id = $2",
        current().tenant,
        account_id,
    )
    assert row is not None, "adding up always answers"
    entries, count = await entries_on(account_ids=[account_id])
    return _explanation(
        view,
        title="Balance now",
        amount=held,
        recomputed=row["debits"] + row["credits"],
        words="Sum of all debits (positive) and credits (negative) on the account",
        parts=[("Debits", row["debits"]), ("Credits", row["credits"])],
        entries=(entries, count),
    )


async def _after(view: AccountView, at: StatementPosition) -> Explanation:
    """The balance that the statement runs back to, against the sum of what was posted until then."""
    line = await _line(view.id, at)
    until = await fetch_value(
        "SELECT sum(amount) FROM ledger_posting WHERE tenant_id = $1 AND account_id = $2"
        " AND (xid, entry_id, position) <= ($3::text::xid8, $4::uuid, $5::integer)",
        current().tenant,
        view.id,
        str(at.transaction),
        at.entry_id,
        at.position,
    )
    before = line.balance - line.amount
    return _explanation(
        view,
        title="Balance after this posting",
        amount=line.balance,
        recomputed=until,
        words="Balance before it + the posting",
        parts=[("Balance before it", before), (line.narrative or line.operation, line.amount)],
        entries=([], 0),
    )


async def _line(account_id: UUID, at: StatementPosition) -> StatementLine:
    """The statement's own line. It begins behind a position, so at the one just above."""
    above = StatementPosition(at.transaction, at.entry_id, at.position + 1)
    found = await statement(account_id=account_id, after=above, limit=1)
    if not found or found[0].at != at:
        raise NotFound
    return found[0]


def _explanation(
    view: AccountView,
    *,
    title: str,
    amount: Decimal,
    recomputed: Decimal,
    words: str,
    parts: list[tuple[str, Decimal]],
    entries: tuple[list[EntryLine], int],
) -> Explanation:
    """An account has no places of its own: figures are told to their last digit."""
    is_units = view.asset.startswith(UNITS)
    lines, count = entries
    return Explanation(
        title=title,
        subject=f"{view.name}, {view.book_name}",
        back=f"/ledger/accounts/{view.id}",
        asset="" if is_units else view.asset,
        places=places_of(amount, recomputed, *(value for _, value in parts)),
        amount=amount,
        recomputed=recomputed,
        words=words,
        figures=" + ".join(plain(value) for _, value in parts),
        rounding=EXACT_SUM,
        inputs=[
            Input(
                label=label,
                value=value,
                unit=Unit.units if is_units else Unit.money,
                source="the ledger",
            )
            for label, value in parts
        ],
        entries=lines,
        entry_count=count,
        unit=Unit.units if is_units else Unit.money,
    )


def places_of(*amounts: Decimal) -> int:
    """As many decimals as the one with the most of them has."""
    return max(len(plain(amount).partition(".")[2]) for amount in amounts)
