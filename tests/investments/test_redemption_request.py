"""Asking to redeem: what is accepted, what is refused, and what is written."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from app.domains.investments.forms import portion_of
from app.domains.investments.operations.redemption_quote import (
    NothingToRedeem,
    Portion,
    quote_redemption,
)
from app.domains.investments.operations.redemption_request import QuoteExpired, request_redemption
from app.domains.investments.public import publish_nav
from app.domains.investments.queries.positions import PriceMissing
from app.domains.investments.queries.subscriptions import own_subscription
from app.domains.investments.values import RedemptionState
from app.kernel.database import execute, fetch_value, unit_of_work
from app.kernel.errors import DomainError, InputInvalid, NotFound
from app.kernel.money import Money
from tests.investments.steps import request, seen
from tests.support.desk import Desk


class TestQuote:
    async def test_of_a_fixed_yield_names_all_four_amounts(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            quote = await quote_redemption(
                subscription_id=desk.subscriptions["member", "yield"],
                portion=Portion(fraction="0.5"),
            )
        amounts = quote.amounts
        # On the day of activation: no yield, the whole penalty.
        assert amounts.units == Decimal(25000)
        assert amounts.gross == Decimal("25000.00")
        assert amounts.early_exit_penalty == Decimal("500.00")
        assert amounts.redemption_fee == Decimal("25.00")
        assert amounts.net == Decimal("24475.00")
        assert quote.remaining_seconds == 60

    async def test_of_nav_units_is_units_times_nav(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            quote = await quote_redemption(
                subscription_id=desk.subscriptions["member", "growth"],
                portion=Portion(units="1000"),
            )
        # 1000 × 1.05263158; penalty on the principal of those units, fee 0.2%.
        assert quote.amounts.gross == Decimal("1052.63")
        assert quote.amounts.redemption_fee == Decimal("2.11")
        assert quote.amounts.net == (
            quote.amounts.gross - quote.amounts.early_exit_penalty - quote.amounts.redemption_fee
        )

    async def test_by_amount_is_gross_to_within_rounding(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            quote = await quote_redemption(
                subscription_id=desk.subscriptions["member", "growth"],
                portion=Portion(amount=Money("10000.00", "USDC")),
            )
        assert abs(quote.amounts.gross - Decimal(10000)) <= Decimal("0.01")

    async def test_by_the_amount_of_everything_leaves_no_unit_behind(self, desk: Desk) -> None:
        subscription_id = desk.subscriptions["member", "growth"]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            everything = await quote_redemption(subscription_id=subscription_id, portion=Portion())
            quote = await quote_redemption(
                subscription_id=subscription_id,
                portion=Portion(amount=Money(str(everything.amounts.gross), "USDC")),
            )
        assert quote.amounts.units == everything.amounts.units

    async def test_before_there_is_a_price_is_refused(self, desk: Desk) -> None:
        """A NAV of later than now prices nothing."""
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]) as unit:
            earlier = unit.now - timedelta(hours=1)
        with pytest.raises(PriceMissing):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"], at=earlier):
                await quote_redemption(
                    subscription_id=desk.subscriptions["member", "growth"], portion=Portion()
                )

    async def test_of_another_client_is_not_there(self, desk: Desk) -> None:
        with pytest.raises(NotFound):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member2"]):
                await quote_redemption(
                    subscription_id=desk.subscriptions["member", "yield"], portion=Portion()
                )


@pytest.mark.parametrize(
    ("portion", "field", "code"),
    [
        (Portion(units="0"), "units", "NOT_POSITIVE"),
        (Portion(units="-1"), "units", "NOT_POSITIVE"),
        (Portion(units="NaN"), "units", "NOT_A_NUMBER"),
        (Portion(units="Infinity"), "units", "NOT_A_NUMBER"),
        (Portion(units="1e3"), "units", "NOT_A_NUMBER"),
        (Portion(units="1_000"), "units", "NOT_A_NUMBER"),
        (Portion(units="١٢"), "units", "NOT_A_NUMBER"),
        (Portion(units="1.123456789"), "units", "TOO_MANY_DECIMALS"),
        (Portion(units="50000.00000001"), "units", "INSUFFICIENT_UNITS"),
        (Portion(fraction="1.00000001"), "fraction", "MORE_THAN_ALL"),
        (Portion(fraction="0"), "fraction", "NOT_POSITIVE"),
        (Portion(amount=Money("100.001", "USDT")), "amount", "TOO_MANY_DECIMALS"),
        (Portion(amount=Money("999999.00", "USDT")), "amount", "INSUFFICIENT_UNITS"),
        (Portion(amount=Money("100.00", "USDC")), "amount", "WRONG_CURRENCY"),
        (Portion(units="1", fraction="1"), "units", "ONLY_ONE"),
    ],
)
async def test_bad_portion_is_refused_naming_field_and_rule(
    desk: Desk, portion: Portion, field: str, code: str
) -> None:
    with pytest.raises(InputInvalid) as refusal:
        await request(desk, portion=portion)
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        assert await fetch_value("SELECT count(*) FROM redemption") == 0
        assert await fetch_value("SELECT count(*) FROM approval") == 0


class TestRequest:
    async def test_locks_the_units_and_starts_the_approval_clock(self, desk: Desk) -> None:
        redemption_id = await request(desk, portion=Portion(units="20000"))
        view = await seen(desk, redemption_id)
        assert view.state is RedemptionState.pending_approval
        assert [(timer.kind, timer.total_seconds) for timer in view.deadlines] == [
            ("approval", 24 * 3600)
        ]
        assert view.reference.endswith("-000001")
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            held = await own_subscription(subscription_id=desk.subscriptions["member", "yield"])
        assert (held.units, held.units_locked) == (Decimal(30000), Decimal(20000))

    async def test_takes_the_quote_it_names(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            quote = await quote_redemption(
                subscription_id=desk.subscriptions["member", "yield"], portion=Portion()
            )
        redemption_id = await request(desk, quote_id=quote.id)
        assert (await seen(desk, redemption_id)).amounts.net == quote.amounts.net

    async def test_refuses_an_expired_quote(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]) as unit:
            quote = await quote_redemption(
                subscription_id=desk.subscriptions["member", "yield"], portion=Portion()
            )
            # As though a minute had passed; quotes are never changed by the portal itself.
            late = unit.now
        assert quote.valid_until > late
        with pytest.raises(QuoteExpired):
            async with unit_of_work(
                tenant=desk.tenant_id,
                actor=desk.people["member"],
                at=late + timedelta(seconds=60),
            ):
                await request_redemption(
                    subscription_id=desk.subscriptions["member", "yield"],
                    portion=Portion(),
                    destination_id=desk.destinations["member", "yield"],
                    quote_id=quote.id,
                )

    async def test_refuses_a_quote_for_another_amount(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            quote = await quote_redemption(
                subscription_id=desk.subscriptions["member", "yield"], portion=Portion(units="5")
            )
        with pytest.raises(InputInvalid) as refusal:
            await request(desk, portion=Portion(units="6"), quote_id=quote.id)
        assert refusal.value.errors[0].code == "OTHER_QUOTE"

    async def test_refuses_a_quote_that_a_new_price_has_overtaken(self, desk: Desk) -> None:
        subscription_id = desk.subscriptions["member", "growth"]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            quote = await quote_redemption(subscription_id=subscription_id, portion=Portion())
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]) as unit:
            await publish_nav(
                product_id=desk.products["growth"], nav_per_unit=Decimal("1.06"), as_of=unit.now
            )
        with pytest.raises(QuoteExpired, match="price moved"):
            await request(desk, key="growth", quote_id=quote.id)

    async def test_refuses_what_would_pay_out_nothing(self, desk: Desk) -> None:
        with pytest.raises(InputInvalid) as refusal:
            await request(desk, portion=Portion(units="0.004"))
        assert [(one.field, one.code) for one in refusal.value.errors] == [
            ("units", "NOTHING_LEFT")
        ]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            assert not await fetch_value("SELECT count(*) FROM redemption")

    @pytest.mark.parametrize(
        ("owner", "key", "code"),
        [("member2", "yield", "NOT_YOUR_DESTINATION"), ("member", "growth", "WRONG_ASSET")],
    )
    async def test_refuses_a_foreign_destination(
        self, desk: Desk, owner: str, key: str, code: str
    ) -> None:
        with pytest.raises(InputInvalid) as refusal:
            await request(desk, destination_id=desk.destinations[owner, key])
        assert refusal.value.errors[0].code == code

    async def test_refuses_a_wallet_on_another_network(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await execute("UPDATE destination SET network = 'tron'")
        with pytest.raises(InputInvalid) as refusal:
            await request(desk)
        assert refusal.value.errors[0].code == "WRONG_NETWORK"

    @pytest.mark.parametrize(
        "change", ["revoked_at = app_now()", "usable_from = app_now() + interval '1 hour'"]
    )
    async def test_refuses_a_destination_that_is_revoked_or_too_new(
        self, desk: Desk, change: str
    ) -> None:
        destination_id = desk.destinations["member", "yield"]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await execute(f"UPDATE destination SET {change} WHERE id = $1", destination_id)
        with pytest.raises(InputInvalid) as refusal:
            await request(desk)
        assert refusal.value.errors[0].code == "NOT_USABLE"


class TestForm:
    @pytest.mark.parametrize(
        ("form", "asked"),
        [
            ({}, Portion()),
            ({"by": "all", "units": "3"}, Portion()),
            ({"units": "3"}, Portion(units="3")),
            ({"by": "fraction", "units": "3", "fraction": "0.5"}, Portion(fraction="0.5")),
            ({"by": "amount", "amount": "9"}, Portion(amount=Money("9", "USDT"))),
            ({"by": "units"}, Portion(units="")),
        ],
    )
    def test_takes_the_field_that_was_chosen_alone(
        self, form: dict[str, str], asked: Portion
    ) -> None:
        """Never everything for want of what was meant: an empty field is refused as a number."""
        assert portion_of(form, "USDT") == asked

    def test_refuses_a_way_that_there_is_not(self) -> None:
        with pytest.raises(InputInvalid):
            portion_of({"by": "half"}, "USDT")


class TestTheSameUnits:
    async def test_fifty_requests_at_once_lock_them_once(self, desk: Desk) -> None:
        answers = await asyncio.gather(*(request(desk) for _ in range(50)), return_exceptions=True)
        accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len(accepted) == 1
        assert all(isinstance(answer, NothingToRedeem) for answer in refused)

    async def test_what_is_gone_is_refused_while_others_have_the_lock(
        self, desk: Desk, superuser: asyncpg.Connection
    ) -> None:
        await request(desk, portion=Portion(units="49999"))
        async with superuser.transaction(), asyncio.timeout(5):
            await superuser.execute(
                "SELECT FROM subscription WHERE tenant_id = $1 FOR UPDATE", desk.tenant_id
            )
            with pytest.raises(InputInvalid) as refusal:
                await request(desk, portion=Portion(units="2"))
            assert refusal.value.errors[0].code == "INSUFFICIENT_UNITS"
            waiting = asyncio.create_task(request(desk, portion=Portion(units="1")))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
        await waiting

    async def test_overlapping_requests_at_once_never_exceed_what_is_held(self, desk: Desk) -> None:
        portion = Portion(units="20000")
        answers = await asyncio.gather(
            *(request(desk, portion=portion) for _ in range(10)), return_exceptions=True
        )
        assert sum(not isinstance(answer, BaseException) for answer in answers) == 2
        assert all(
            isinstance(answer, DomainError)
            for answer in answers
            if isinstance(answer, BaseException)
        )
