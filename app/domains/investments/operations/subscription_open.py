"""Open a subscription from a confirmed deposit: the deposit becomes units."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domains.investments.books import BookAccount, book_accounts, units_asset
from app.domains.investments.calculations.issue import Issue, issue_units
from app.domains.investments.calculations.term import matures_on
from app.domains.investments.values import DepositState, ProductKind, ProductState
from app.kernel import audit
from app.kernel.clock import local_date
from app.kernel.database import current, execute, fetch_row, fetch_value
from app.kernel.errors import Conflict, InputInvalid, NotFound
from app.kernel.ids import new_id
from app.kernel.ledger.operations import open_accounts, post_entries
from app.kernel.ledger.values import AccountSpec, Entry, Posting
from app.kernel.money import ZERO, plain
from app.kernel.outbox import emit


class DepositUsed(Conflict):
    code = "DEPOSIT_USED"
    title = "This deposit has become a subscription already"


class ProductNotOpen(Conflict):
    code = "PRODUCT_NOT_OPEN"
    title = "This product takes no new subscriptions"


async def open_subscription(*, deposit_id: UUID, term_months: int) -> UUID:
    """Turn the deposit into units at the latest NAV, for one of the product's terms.

    Raises `NotFound`, `DepositUsed`, `ProductNotOpen`, and `InputInvalid` for a term that is not
    offered or a deposit outside the product's limits.
    """
    unit = current()
    deposit = await _lock_deposit(deposit_id)
    term = await fetch_row(
        "SELECT apy, penalty_rate FROM product_term WHERE product_id = $1 AND months = $2",
        deposit["product_id"],
        term_months,
    )
    if term is None:
        raise InputInvalid.of("term_months", "NOT_OFFERED", "The product does not offer this term")
    if not deposit["minimum"] <= deposit["amount"] <= deposit["maximum"]:
        raise InputInvalid.of(
            "deposit_id",
            "OUTSIDE_LIMITS",
            f"A subscription is from {plain(deposit['minimum'])} to {plain(deposit['maximum'])}",
        )
    fixed = deposit["kind"] == ProductKind.fixed_yield
    nav = Decimal(1) if fixed else await _latest_nav(deposit["product_id"])
    issue = issue_units(
        deposit=deposit["amount"],
        entry_fee_rate=deposit["entry_fee_rate"],
        nav_per_unit=nav,
        places=deposit["places"],
    )
    today = local_date(unit.now, deposit["time_zone"])
    subscription_id = new_id()
    owned = await _open_own_accounts(subscription_id, deposit)
    await _insert(subscription_id, deposit, term, term_months, issue, today, owned)
    await _post_issue(subscription_id, deposit, issue, today, owned)
    await execute(
        "UPDATE deposit SET state = $2 WHERE id = $1", deposit_id, DepositState.subscribed.value
    )
    await audit.record(
        action="subscription.open",
        subject_kind="subscription",
        subject_id=subscription_id,
        after={"deposit": str(deposit_id), "units": plain(issue.units), "months": term_months},
    )
    await emit(
        type="subscription.opened",
        subject_kind="subscription",
        subject_id=subscription_id,
        payload={"client_id": str(deposit["client_id"]), "units": plain(issue.units)},
        topics=[f"client:{deposit['membership_id']}"],
    )
    return subscription_id


async def _lock_deposit(deposit_id: UUID) -> Any:
    deposit = await fetch_row(
        "SELECT d.*, p.kind, p.asset, p.places, p.time_zone, p.book_id, p.minimum, p.maximum,"
        " p.entry_fee_rate, p.state AS product_state, c.membership_id, a.unallocated_account_id,"
        " a.available_account_id FROM deposit d JOIN product p ON p.id = d.product_id"
        " JOIN custody_account a ON a.id = d.custody_account_id JOIN client c ON c.id = d.client_id"
        " WHERE d.id = $1 FOR UPDATE OF d",
        deposit_id,
    )
    if deposit is None:
        raise NotFound
    if deposit["state"] != DepositState.confirmed:
        raise DepositUsed
    if deposit["product_state"] != ProductState.active:
        raise ProductNotOpen
    return deposit


async def _latest_nav(product_id: UUID) -> Decimal:
    """The NAV in force; the first deposits price at 1."""
    found: Decimal | None = await fetch_value(
        "SELECT nav_per_unit FROM published_nav WHERE product_id = $1 AND as_of <= $2"
        " ORDER BY as_of DESC LIMIT 1",
        product_id,
        current().now,
    )
    return found or Decimal(1)


async def _open_own_accounts(subscription_id: UUID, deposit: Any) -> dict[str, UUID]:
    """Units free, locked and struck; and, for a fixed yield, what is owed to this subscription."""
    units = units_asset(deposit["book_id"])
    wanted = [("free", units, True), ("locked", units, True), ("struck", units, True)]
    if deposit["kind"] == ProductKind.fixed_yield:
        wanted += [("claim", deposit["asset"], False), ("yield", deposit["asset"], False)]
    ids = await open_accounts(
        specs=[
            AccountSpec(
                book_id=deposit["book_id"],
                asset=asset,
                kind=f"subscription_{kind}",
                owner_id=subscription_id,
                floored=floored,
                name=f"Subscription, {kind}",
            )
            for kind, asset, floored in wanted
        ]
    )
    accounts = {kind: account for (kind, _, _), account in zip(wanted, ids, strict=True)}
    book = await book_accounts(book_id=deposit["book_id"], asset=deposit["asset"])
    accounts.setdefault("claim", book[BookAccount.unitholders_equity])
    return accounts


async def _insert(
    subscription_id: UUID,
    deposit: Any,
    term: Any,
    term_months: int,
    issue: Issue,
    today: date,
    owned: dict[str, UUID],
) -> None:
    await execute(
        "INSERT INTO subscription (id, tenant_id, product_id, client_id, deposit_id, term_months,"
        " apy, penalty_rate, principal, accrued, accrued_through, activated_on, matures_on, state,"
        " free_account_id, locked_account_id, struck_account_id, claim_account_id,"
        " yield_account_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $10, $11, 'active',"
        " $12, $13, $14, $15, $16)",
        subscription_id,
        current().tenant,
        deposit["product_id"],
        deposit["client_id"],
        deposit["id"],
        term_months,
        term["apy"],
        term["penalty_rate"],
        deposit["amount"] - issue.entry_fee,
        today,
        matures_on(activated_on=today, months=term_months),
        owned["free"],
        owned["locked"],
        owned["struck"],
        owned["claim"],
        owned.get("yield"),
    )


async def _post_issue(
    subscription_id: UUID, deposit: Any, issue: Issue, today: date, owned: dict[str, UUID]
) -> None:
    """The deposit is owed no longer; its assets count, its units exist. One entry."""
    book = await book_accounts(book_id=deposit["book_id"], asset=deposit["asset"])
    postings = [
        Posting(deposit["unallocated_account_id"], -deposit["amount"]),
        Posting(deposit["available_account_id"], deposit["amount"]),
        Posting(book[BookAccount.deposits_owed], deposit["amount"]),
        Posting(owned["claim"], -issue.invested),
        Posting(book[BookAccount.entry_fee_income], -issue.entry_fee),
        Posting(book[BookAccount.rounding], -issue.remainder),
        Posting(owned["free"], issue.units),
        Posting(book[BookAccount.units_issued], -issue.units),
    ]
    await post_entries(
        entries=[
            Entry(
                book_id=deposit["book_id"],
                idempotency_key=f"subscription:{subscription_id}",
                operation="subscription.open",
                subject_kind="subscription",
                subject_id=subscription_id,
                effective_on=today,
                narrative="Deposit becomes units",
                postings=[posting for posting in postings if posting.amount != ZERO],
            )
        ]
    )
