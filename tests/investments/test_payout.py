"""From ready to paid: reservation, the custodian's answers, and that nobody is ever paid twice."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from app.domains.investments.jobs import payouts
from app.domains.investments.operations.payout_retry import retry_payout
from app.domains.investments.operations.payout_settle import (
    begin_payout,
    refuse_payout,
    settle_payout,
)
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_ready import (
    ApproverSettles,
    StagingTooLow,
    mark_ready,
)
from app.domains.investments.operations.redemption_trail import WrongState
from app.domains.investments.public import confirm_deposit
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.queries.redemptions import redemption
from app.domains.investments.values import CustodyAccountView, PayoutState, RedemptionState
from app.kernel.database import fetch_row, fetch_value, unit_of_work
from app.kernel.errors import InputInvalid
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.queries import balance
from app.kernel.ledger.values import Entry, Posting
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk, standing_in
from tests.support.drain import drain
from tests.support.invariants import assert_invariants_hold
from tests.support.waiting import eventually


async def _approved(desk: Desk, *, key: str = "yield", units: str | None = None) -> UUID:
    redemption_id = await steps.request(desk, key=key, portion=Portion(units=units))
    await steps.decide(desk, redemption_id)
    return redemption_id


async def _hurried(desk: Desk, redemption_id: UUID) -> str:
    await drain(hurry=1)
    return (await steps.seen(desk, redemption_id)).state.value


async def _staging(desk: Desk, key: str = "yield") -> CustodyAccountView:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"], read_only=True):
        accounts = await custody_accounts(product_id=desk.products[key])
    return next(account for account in accounts if account.id == desk.staging[key])


class TestReady:
    async def test_sets_net_and_network_fee_aside(self, desk: Desk) -> None:
        before = await _staging(desk)
        redemption_id = await _approved(desk, units="20000")
        await steps.ready(desk, redemption_id)
        net = (await steps.seen(desk, redemption_id)).amounts.net
        after = await _staging(desk)
        assert after.reserved == net + Decimal("2.50")
        assert after.free == before.free - after.reserved
        assert after.expected == before.expected
        await assert_invariants_hold(desk.tenant_id)

    async def test_twenty_at_once_order_one_payout(self, desk: Desk) -> None:
        redemption_id = await _approved(desk)
        answers = await asyncio.gather(
            *(steps.ready(desk, redemption_id) for _ in range(20)), return_exceptions=True
        )
        refused = [answer for answer in answers if answer is not None]
        assert len(refused) == 19
        assert all(isinstance(answer, WrongState) for answer in refused)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            assert await fetch_value("SELECT count(*) FROM payout") == 1

    async def test_needs_a_staging_vault_of_the_product(self, desk: Desk) -> None:
        redemption_id = await _approved(desk)
        with pytest.raises(InputInvalid) as refusal:
            await steps.ready(desk, redemption_id, key="growth")
        assert refusal.value.errors[0].field == "source_account_id"

    async def test_never_takes_a_deposit_that_has_no_units(self, desk: Desk) -> None:
        redemption_id = await _approved(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await _withdraw_capital(desk, leaving=Decimal(10))
            await confirm_deposit(
                client_id=desk.clients["member2"],
                staging_account_id=desk.staging["yield"],
                amount=Decimal("90000.00"),
                transaction_reference="fresh deposit",
            )
        with pytest.raises(StagingTooLow):
            await steps.ready(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved
        assert (await _staging(desk)).expected == Decimal("90010.00")

    async def test_by_whoever_approved_is_refused(self, desk: Desk) -> None:
        redemption_id = await _approved(desk)
        both = standing_in(
            desk.people["rm"],
            permissions=desk.people["rm"].permissions | {"redemption:settle"},
        )
        with pytest.raises(ApproverSettles):
            async with unit_of_work(tenant=desk.tenant_id, actor=both):
                await mark_ready(
                    redemption_id=redemption_id, source_account_id=desk.staging["yield"]
                )

    async def test_before_approval_is_refused(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        with pytest.raises(WrongState):
            await steps.ready(desk, redemption_id)


async def _withdraw_capital(desk: Desk, *, leaving: Decimal) -> None:
    """The sponsor takes out of the staging vault all that is free but `leaving`."""
    row = await fetch_row(
        "SELECT c.available_account_id, a.id AS capital_id, p.book_id FROM custody_account c"
        " JOIN product p ON p.id = c.product_id JOIN ledger_account a ON a.book_id = p.book_id"
        " WHERE c.id = $1 AND a.kind = 'sponsor_capital'",
        desk.staging["yield"],
    )
    assert row is not None
    taken = await balance(account_id=row["available_account_id"]) - leaving
    await post_entries(
        entries=[
            Entry(
                book_id=row["book_id"],
                idempotency_key="withdrawal of the sponsor",
                operation="custody.withdraw",
                subject_kind="custody_account",
                subject_id=desk.staging["yield"],
                effective_on=date(2026, 1, 1),
                postings=[
                    Posting(row["available_account_id"], -taken),
                    Posting(row["capital_id"], taken),
                ],
            )
        ]
    )


class TestPayout:
    @pytest.mark.parametrize("key", ["yield", "growth"])
    async def test_confirmed_burns_the_units_and_settles_the_debt(
        self, desk: Desk, sandbox: Control, key: str
    ) -> None:
        redemption_id = await _approved(desk, key=key)
        await steps.ready(desk, redemption_id, key=key)
        await drain()
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.completed
        assert [event.event for event in view.timeline] == [
            "requested",
            "approved",
            "ready",
            "sent",
            "completed",
        ]
        assert [timer.state for timer in view.deadlines] == ["met", "met"]
        paid = sandbox.withdrawals()
        assert [Decimal(item["amount"]) for item in paid] == [view.amounts.net]
        staging = await _staging(desk, key)
        assert staging.reserved == 0
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            state = await fetch_value(
                "SELECT state FROM subscription WHERE id = $1",
                desk.subscriptions["member", key],
            )
        assert state == "redeemed_early"
        await assert_invariants_hold(desk.tenant_id)

    async def test_refused_changes_no_balance_and_can_be_retried(
        self, desk: Desk, sandbox: Control
    ) -> None:
        sandbox.next("refuse")
        redemption_id = await _approved(desk)
        await steps.ready(desk, redemption_id)
        reserved = (await _staging(desk)).reserved
        await drain()
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.payout_failed
        assert view.payout is not None and view.payout.state is PayoutState.refused
        assert (await _staging(desk)).reserved == reserved
        assert sandbox.withdrawals() == []
        await assert_invariants_hold(desk.tenant_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["trader"]):
            await retry_payout(redemption_id=redemption_id)
        await drain()
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        assert len(sandbox.withdrawals()) == 1
        await assert_invariants_hold(desk.tenant_id)

    @pytest.mark.parametrize("outcome", ["unknown", "time_out", "server_error"])
    async def test_unknown_outcome_is_asked_about_and_paid_once(
        self, desk: Desk, sandbox: Control, outcome: str
    ) -> None:
        sandbox.next(outcome)
        redemption_id = await _approved(desk)
        await steps.ready(desk, redemption_id)
        # How often it has to ask depends on how slow the machine is; what comes of it does not.
        await eventually(lambda: _hurried(desk, redemption_id), "completed", within_seconds=30)
        view = await steps.seen(desk, redemption_id)
        assert "payout_unknown" in [event.event for event in view.timeline]
        assert len(sandbox.withdrawals()) == 1
        await assert_invariants_hold(desk.tenant_id)

    async def test_that_fails_after_it_was_taken_on_can_be_retried(
        self, desk: Desk, sandbox: Control
    ) -> None:
        sandbox.next("fail_later")
        redemption_id = await _approved(desk)
        await steps.ready(desk, redemption_id)
        await drain(hurry=2)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.payout_failed
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await retry_payout(redemption_id=redemption_id)
        await drain(hurry=2)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        await assert_invariants_hold(desk.tenant_id)

    async def test_that_takes_the_custodian_long_is_asked_about_until_it_is_confirmed(
        self, desk: Desk, sandbox: Control, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Meanwhile it is on its way, and the worker is free for others."""
        monkeypatch.setattr(payouts, "POLL_SECONDS", 0.0)
        monkeypatch.setattr(payouts, "POLLING_SECONDS", 0.0)
        redemption_id = await _approved(desk)
        await steps.ready(desk, redemption_id)
        await drain()
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.in_transit
        assert view.payout is not None and view.payout.state is PayoutState.sent
        assert await _hurried(desk, redemption_id) == "completed"
        assert len(sandbox.withdrawals()) == 1
        # Another worker heard the same answer, or the custodian takes its word back.
        before = await steps.seen(desk, redemption_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            payout_id = await fetch_value("SELECT id FROM payout")
            await settle_payout(payout_id=payout_id, reference="again", network_fee=Decimal(9))
            await refuse_payout(payout_id=payout_id, reason="on second thoughts")
        assert await steps.seen(desk, redemption_id) == before
        await assert_invariants_hold(desk.tenant_id)

    async def test_refused_after_an_earlier_sending_is_not_taken_for_dead(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await _approved(desk)
        await steps.ready(desk, redemption_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            payout_id = await fetch_value("SELECT id FROM payout")
            # As a worker leaves it that died while its request was under way.
            await begin_payout(payout_id=payout_id)
        # Now the custodian knows no such vault, and refuses without keeping that for the key.
        sandbox.reset()
        await drain(hurry=1)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.in_transit
        assert view.payout is not None and view.payout.state is PayoutState.unknown
        sandbox.fund(vault=desk.references["yield"], balance="300000.00", asset="USDT")
        await eventually(lambda: _hurried(desk, redemption_id), "completed", within_seconds=30)
        assert len(sandbox.withdrawals()) == 1
        await assert_invariants_hold(desk.tenant_id)

    async def test_that_cost_more_than_was_set_aside_is_settled_all_the_same(
        self, desk: Desk, sandbox: Control
    ) -> None:
        sandbox.fund(
            vault=desk.references["yield"], balance="300000.00", asset="USDT", network_fee="40"
        )
        redemption_id = await _approved(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            # All that is left beyond the reservation is 10; the network takes 37.50 more than that.
            net = (await redemption(redemption_id=redemption_id)).amounts.net
            await _withdraw_capital(desk, leaving=net + Decimal("12.50"))
        await steps.ready(desk, redemption_id)
        await drain()
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        staging = await _staging(desk)
        assert (staging.free, staging.reserved) == (Decimal(0), Decimal(0))
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            short = await fetch_value(
                "SELECT sum(g.amount) FROM ledger_posting g JOIN ledger_account a"
                " ON a.id = g.account_id WHERE a.kind = 'network_fees_short'"
            )
        assert short == Decimal("-27.50")
        await assert_invariants_hold(desk.tenant_id)
