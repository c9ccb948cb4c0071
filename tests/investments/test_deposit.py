"""A deposit is recorded once, whoever tells of it, and becomes units once, where it may."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.domains.investments.operations.custody_fund import fund_custody_account
from app.domains.investments.operations.deposit_confirm import TransactionKnown, confirm_deposit
from app.domains.investments.operations.subscription_open import (
    DepositUsed,
    ProductNotOpen,
    open_subscription,
)
from app.kernel.database import execute, fetch_value
from app.kernel.errors import InputInvalid, NotFound
from app.kernel.ids import new_id
from tests.support.desk import Desk
from tests.support.invariants import assert_invariants_hold


async def _confirm(desk: Desk, **changes: Any) -> UUID:
    given = {
        "client_id": desk.clients["member"],
        "staging_account_id": desk.staging["yield"],
        "amount": Decimal("1500.00"),
        "transaction_reference": "0xfeed",
    }
    return await confirm_deposit(**given | changes)


async def test_the_same_transaction_is_one_deposit_and_never_another(desk: Desk) -> None:
    counted = "SELECT count(*) FROM deposit"
    owed = "SELECT count(*) FROM ledger_entry WHERE operation = 'deposit.confirm'"
    async with desk.working("ops"):
        before = await fetch_value(counted), await fetch_value(owed)
        deposit_id = await _confirm(desk)
        assert await _confirm(desk, transaction_reference=" 0xfeed ") == deposit_id
        for other in (
            {"amount": Decimal("1500.01")},
            {"client_id": desk.clients["member2"]},
            {"staging_account_id": desk.staging["growth"]},
        ):
            with pytest.raises(TransactionKnown):
                await _confirm(desk, **other)
        assert (await fetch_value(counted), await fetch_value(owed)) == (
            before[0] + 1,
            before[1] + 1,
        )
    await assert_invariants_hold(desk.tenant_id)


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"transaction_reference": "  "}, "transaction_reference", "LENGTH"),
    ({"staging_account_id": new_id()}, "staging_account_id", "NOT_A_STAGING_VAULT"),
    ({"amount": Decimal("0.001")}, "amount", "TOO_MANY_DECIMALS"),
    ({"amount": Decimal(-1)}, "amount", "TOO_MANY_DECIMALS"),
    ({"client_id": new_id()}, "client_id", "UNKNOWN_CLIENT"),
]


async def test_is_refused_naming_field_and_rule_with_nothing_written(desk: Desk) -> None:
    async with desk.working("ops"):
        for changes, field, code in REFUSED:
            with pytest.raises(InputInvalid) as refusal:
                await _confirm(desk, **changes)
            assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]
        assert not await fetch_value(
            "SELECT count(*) FROM deposit WHERE transaction_reference = '0xfeed'"
        )


async def test_becomes_units_once_and_only_within_the_products_limits(desk: Desk) -> None:
    async with desk.working("ops"):
        small = await _confirm(desk, amount=Decimal("999.99"), transaction_reference="small")
        with pytest.raises(InputInvalid) as refusal:
            await open_subscription(deposit_id=small, term_months=6)
        assert refusal.value.errors[0].code == "OUTSIDE_LIMITS"
        deposit_id = await _confirm(desk)
        with pytest.raises(InputInvalid) as refusal:
            await open_subscription(deposit_id=deposit_id, term_months=7)
        assert refusal.value.errors[0].code == "NOT_OFFERED"
        await execute("UPDATE product SET state = 'suspended'")
        with pytest.raises(ProductNotOpen):
            await open_subscription(deposit_id=deposit_id, term_months=6)
        await execute("UPDATE product SET state = 'active'")
        await open_subscription(deposit_id=deposit_id, term_months=6)
        with pytest.raises(DepositUsed):
            await open_subscription(deposit_id=deposit_id, term_months=6)
        with pytest.raises(NotFound):
            await open_subscription(deposit_id=new_id(), term_months=6)
    await assert_invariants_hold(desk.tenant_id)


async def test_capital_goes_into_an_account_that_is_there(desk: Desk) -> None:
    async with desk.working("ops"):
        with pytest.raises(NotFound):
            await fund_custody_account(
                custody_account_id=new_id(), amount=Decimal(1), reference="capital"
            )
