"""Payouts through the real client, over HTTP, against the sandbox: every way one can end."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from app.integrations.custody.hex_safe import HexSafe
from app.integrations.custody.port import (
    KeyTaken,
    OutcomeUnknown,
    PayoutProgress,
    PayoutRefused,
    VaultUnknown,
)
from tests.support.custody_sandbox import API_KEY, Control, payout, sandbox_at


async def balance(client: HexSafe, vault: str = "staging") -> Decimal:
    return (await client.read_balances(reference=vault))[0].balance


class TestReadBalances:
    async def test_gives_every_asset_of_a_vault_exactly(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.fund(vault="staging", asset="ETH", balance="12345678901234567.890123456789012345")
        held = await client.read_balances(reference="staging")
        assert {one.asset: one.balance for one in held} == {
            "ETH": Decimal("12345678901234567.890123456789012345"),
            "USDC": Decimal("1000.00"),
        }
        assert held[0].read_at.tzinfo is not None

    async def test_says_so_when_there_is_no_such_vault(self, client: HexSafe) -> None:
        with pytest.raises(VaultUnknown):
            await client.read_balances(reference="no such vault?")

    async def test_sees_a_credit(self, client: HexSafe, sandbox: Control) -> None:
        sandbox.credit(vault="staging", amount="0.000000000000000001")
        assert await balance(client) == Decimal("1000.000000000000000001")


class TestSendPayout:
    async def test_moves_amount_and_fee_and_is_confirmed(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.fund(vault="staging", balance="1000.00", network_fee="1.50")
        sent = await client.send_payout(instruction=payout("key-1"))
        assert sent.state is PayoutProgress.submitted
        assert sent.network_fee == Decimal("1.50")
        now = await client.payout_status(reference=sent.reference)
        assert now is not None
        assert (now.state, now.reason) == (PayoutProgress.confirmed, "")
        assert await balance(client) == Decimal("898.50")

    async def test_stays_submitted_until_the_network_confirms(self) -> None:
        with sandbox_at(":memory:", confirm_seconds=3600) as control:
            control.fund(vault="staging", balance="1000")
            slow = HexSafe(url=control.address, api_key=API_KEY)
            sent = await slow.send_payout(instruction=payout("key-1"))
            status = await slow.payout_status(reference=sent.reference)
            assert status is not None
            assert status.state is PayoutProgress.submitted
            await slow.close()

    async def test_is_refused_when_the_vault_holds_too_little(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.fund(vault="staging", balance="100.00", network_fee="0.01")
        with pytest.raises(PayoutRefused) as refused:
            await client.send_payout(instruction=payout("key-1"))
        assert refused.value.reason.startswith("INSUFFICIENT_BALANCE")
        assert await balance(client) == Decimal("100.00")
        assert sandbox.withdrawals() == []

    async def test_is_refused_from_a_vault_that_is_not_there(self, client: HexSafe) -> None:
        with pytest.raises(PayoutRefused, match="VAULT_UNKNOWN"):
            await client.send_payout(instruction=payout("key-1", source_reference="nowhere"))

    @pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity"])
    async def test_never_sends_what_is_no_amount(
        self, client: HexSafe, sandbox: Control, amount: str
    ) -> None:
        with pytest.raises(ValueError, match="positive"):
            await client.send_payout(instruction=payout("key-1", amount))
        assert sandbox.withdrawals() == []

    async def test_writes_small_amounts_without_an_exponent(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        await client.send_payout(instruction=payout("key-1", "1E-8"))
        assert sandbox.withdrawals()[0]["amount"] == "0.00000001"

    async def test_stays_refused_under_the_same_key_whatever_changes(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.next("refuse")
        with pytest.raises(PayoutRefused, match="REFUSED_BY_POLICY"):
            await client.send_payout(instruction=payout("key-1"))
        with pytest.raises(PayoutRefused, match="INSUFFICIENT_BALANCE"):
            await client.send_payout(instruction=payout("key-2", "5000"))
        assert await client.lookup_payout(idempotency_key="key-1") is None
        sandbox.credit(vault="staging", amount="10000")
        with pytest.raises(PayoutRefused, match="REFUSED_BY_POLICY"):
            await client.send_payout(instruction=payout("key-1"))
        with pytest.raises(PayoutRefused, match="INSUFFICIENT_BALANCE"):
            await client.send_payout(instruction=payout("key-2", "5000"))
        with pytest.raises(KeyTaken):
            await client.send_payout(instruction=payout("key-2", "1"))
        await client.send_payout(instruction=payout("key-3", "5000"))
        assert [one["idempotency_key"] for one in sandbox.withdrawals()] == ["key-3"]

    async def test_can_fail_after_it_was_submitted_and_gives_the_assets_back(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.fund(vault="staging", balance="1000.00", network_fee="2")
        sandbox.next("fail_later")
        sent = await client.send_payout(instruction=payout("key-1"))
        assert sent.state is PayoutProgress.submitted
        status = await client.payout_status(reference=sent.reference)
        assert status is not None
        assert status.state is PayoutProgress.failed
        assert status.reason.startswith("REJECTED_BY_NETWORK")
        assert status.network_fee == 0
        assert await balance(client) == Decimal("1000.00")

    async def test_plans_wait_for_the_withdrawal_they_name(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.next("refuse", destination_address="0xother")
        await client.send_payout(instruction=payout("key-1"))
        with pytest.raises(PayoutRefused):
            await client.send_payout(instruction=payout("key-2", destination_address="0xother"))

    async def test_plans_hold_for_as_many_as_they_say_and_can_be_forgotten(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.next("refuse", count=2)
        for key in ("key-1", "key-2"):
            with pytest.raises(PayoutRefused):
                await client.send_payout(instruction=payout(key))
        await client.send_payout(instruction=payout("key-3"))
        sandbox.next("refuse", count=5)
        sandbox.reset(plans_only=True)
        await client.send_payout(instruction=payout("key-4"))
        assert len(sandbox.withdrawals()) == 2


class TestIdempotencyKey:
    async def test_twenty_sendings_at_once_pay_once(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sent = await asyncio.gather(
            *(client.send_payout(instruction=payout("key-1")) for _ in range(20))
        )
        assert len({one.reference for one in sent}) == 1
        assert len(sandbox.withdrawals()) == 1
        assert await balance(client) == Decimal("900.00")

    async def test_never_stands_for_two_instructions(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        await client.send_payout(instruction=payout("key-1"))
        with pytest.raises(KeyTaken, match="KEY_REUSED"):
            await client.send_payout(instruction=payout("key-1", "100.01"))
        assert len(sandbox.withdrawals()) == 1

    async def test_finds_the_payout_again(self, client: HexSafe) -> None:
        sent = await client.send_payout(instruction=payout("key/1 + &x=y"))
        found = await client.lookup_payout(idempotency_key="key/1 + &x=y")
        assert found is not None
        assert found.reference == sent.reference
        assert await client.lookup_payout(idempotency_key="key/1") is None
        assert await client.payout_status(reference="wd_nothing") is None


class TestUnknownOutcome:
    async def test_of_a_payout_that_was_executed_is_found_and_paid_once(
        self, short_patience: None, sandbox: Control
    ) -> None:
        client = HexSafe(url=sandbox.address, api_key=API_KEY)
        sandbox.next("unknown")
        with pytest.raises(OutcomeUnknown):
            await client.send_payout(instruction=payout("key-1"))
        found = await client.lookup_payout(idempotency_key="key-1")
        assert found is not None
        assert found.state is PayoutProgress.confirmed
        again = await client.send_payout(instruction=payout("key-1"))
        assert again.reference == found.reference
        assert len(sandbox.withdrawals()) == 1
        await client.close()

    async def test_of_a_payout_that_was_not_executed_is_looked_up_and_sent_again(
        self, short_patience: None, sandbox: Control
    ) -> None:
        client = HexSafe(url=sandbox.address, api_key=API_KEY)
        sandbox.next("time_out")
        with pytest.raises(OutcomeUnknown):
            await client.send_payout(instruction=payout("key-1"))
        assert await client.lookup_payout(idempotency_key="key-1") is None
        await client.send_payout(instruction=payout("key-1"))
        assert len(sandbox.withdrawals()) == 1
        await client.close()

    async def test_is_what_a_server_error_leaves(self, client: HexSafe, sandbox: Control) -> None:
        sandbox.next("server_error")
        with pytest.raises(OutcomeUnknown, match="HTTP 500"):
            await client.send_payout(instruction=payout("key-1"))
        assert await client.lookup_payout(idempotency_key="key-1") is not None
