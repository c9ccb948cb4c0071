"""Operations confirm that a client's deposit has arrived in the staging vault."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from app.domains.investments.books import BookAccount, book_accounts
from app.domains.investments.values import CustodyKind, DepositState
from app.kernel import audit
from app.kernel.clock import local_date
from app.kernel.database import current, fetch_row, fetch_value
from app.kernel.errors import Conflict, InputInvalid
from app.kernel.ids import new_id
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.values import Entry, Posting
from app.kernel.money import plain
from app.kernel.outbox import emit

REFERENCE_LENGTH_MAX = 200


class TransactionKnown(Conflict):
    code = "TRANSACTION_KNOWN"
    title = "This transaction is recorded already, with other particulars"


async def confirm_deposit(
    *, client_id: UUID, staging_account_id: UUID, amount: Decimal, transaction_reference: str
) -> UUID:
    """Record the deposit and owe it to the client until it has units.

    The same transaction is one deposit, whoever tells first and however often: telling it again
    returns the first. Raises `TransactionKnown` where the particulars differ, `InputInvalid` for an
    account that is no staging vault, for a client that is not there, for a reference that is empty
    or too long, or an amount with more decimals than the asset has.
    """
    unit = current()
    transaction_reference = transaction_reference.strip()
    if not 0 < len(transaction_reference) <= REFERENCE_LENGTH_MAX:
        raise InputInvalid.of(
            "transaction_reference", "LENGTH", f"From 1 to {REFERENCE_LENGTH_MAX} characters"
        )
    account = await fetch_row(
        "SELECT a.*, p.book_id, p.places, p.time_zone FROM custody_account a"
        " JOIN product p ON p.id = a.product_id WHERE a.id = $1",
        staging_account_id,
    )
    if account is None or account["kind"] != CustodyKind.staging_vault:
        raise InputInvalid.of("staging_account_id", "NOT_A_STAGING_VAULT", "Choose a staging vault")
    if amount <= 0 or amount != round(amount, account["places"]):
        raise InputInvalid.of(
            "amount", "TOO_MANY_DECIMALS", f"Above zero, at most {account['places']} decimals"
        )
    member = await fetch_value("SELECT membership_id FROM client WHERE id = $1", client_id)
    if member is None:
        raise InputInvalid.of("client_id", "UNKNOWN_CLIENT", "There is no such client")
    deposit_id = await fetch_value(
        "INSERT INTO deposit (id, tenant_id, product_id, client_id, custody_account_id, amount,"
        " transaction_reference, confirmed_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (tenant_id, transaction_reference) DO NOTHING RETURNING id",
        new_id(),
        unit.tenant,
        account["product_id"],
        client_id,
        staging_account_id,
        amount,
        transaction_reference,
        unit.now,
        DepositState.confirmed.value,
    )
    if deposit_id is None:
        return await _known_deposit(client_id, staging_account_id, amount, transaction_reference)
    accounts = await book_accounts(book_id=account["book_id"], asset=account["asset"])
    await post_entries(
        entries=[
            Entry(
                book_id=account["book_id"],
                idempotency_key=f"deposit:{deposit_id}",
                operation="deposit.confirm",
                subject_kind="deposit",
                subject_id=deposit_id,
                effective_on=local_date(unit.now, account["time_zone"]),
                narrative=f"Deposit {transaction_reference}",
                postings=[
                    Posting(account["unallocated_account_id"], amount),
                    Posting(accounts[BookAccount.deposits_owed], -amount),
                ],
            )
        ]
    )
    await audit.record(
        action="deposit.confirm",
        subject_kind="deposit",
        subject_id=deposit_id,
        after={"amount": plain(amount), "transaction": transaction_reference},
    )
    await emit(
        type="deposit.confirmed",
        subject_kind="deposit",
        subject_id=deposit_id,
        payload={"client_id": str(client_id), "amount": plain(amount), "asset": account["asset"]},
        topics=[f"client:{member}", "settlement"],
    )
    return UUID(str(deposit_id))


async def _known_deposit(
    client_id: UUID, staging_account_id: UUID, amount: Decimal, transaction_reference: str
) -> UUID:
    known = await fetch_row(
        "SELECT id, client_id, custody_account_id, amount FROM deposit"
        " WHERE transaction_reference = $1",
        transaction_reference,
    )
    assert known is not None, "the conflict was with a committed row"
    same = (known["client_id"], known["custody_account_id"], known["amount"])
    if same != (client_id, staging_account_id, amount):
        raise TransactionKnown
    return UUID(str(known["id"]))
