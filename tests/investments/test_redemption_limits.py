"""Limits of one request and of a day, by product and tier."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domains.investments.calculations.allowance import day_ends_at
from app.domains.investments.operations.deposit_confirm import confirm_deposit
from app.domains.investments.operations.product_open import open_product
from app.domains.investments.operations.redemption_admit import DailyLimit, SingleLimit
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_quote import Portion, quote_redemption
from app.domains.investments.operations.redemption_request import request_redemption
from app.domains.investments.operations.subscription_open import open_subscription
from app.domains.investments.values import Allowance, ClientTier, QuoteView, TierLimit
from app.kernel.clock import local_date
from app.kernel.database import current, execute, fetch_value, unit_of_work
from app.kernel.errors import DomainError
from app.kernel.money import Money
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import open_seats
from tests.security.traces import nothing_written
from tests.support.database import DatabaseUrls, TestTenant
from tests.support.desk import LIMITS, YIELD, Desk, open_desk
from tests.support.drain import advance
from tests.support.invariants import assert_invariants_hold

SMALL = tuple(
    TierLimit(tier=tier, single=Decimal(single), daily=Decimal(daily))
    for tier, single, daily in (
        (ClientTier.standard, 1_000, 1_500),
        (ClientTier.premier, 2_000, 4_000),
        (ClientTier.institutional, 50_000, 100_000),
    )
)


@pytest.fixture
async def desk(tenant: TestTenant) -> Desk:
    return await open_desk(tenant_id=tenant.id, slug=tenant.slug, limits=SMALL)


def units(number: int | str) -> Portion:
    return Portion(units=str(number))


async def quoted(desk: Desk, portion: Portion, *, login: str = "member") -> QuoteView:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[login]):
        return await quote_redemption(
            subscription_id=desk.subscriptions[login, "yield"], portion=portion
        )


async def left(desk: Desk, *, login: str = "member") -> Decimal | None:
    return (await quoted(desk, units("0.01"), login=login)).allowance.left_today


async def second_subscription(desk: Desk) -> UUID:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        deposit_id = await confirm_deposit(
            client_id=desk.clients["member"],
            staging_account_id=desk.staging["yield"],
            amount=Decimal("50000.00"),
            transaction_reference=str(uuid4()),
        )
        return await open_subscription(deposit_id=deposit_id, term_months=6)


class TestSingleLimit:
    async def test_is_reached_and_not_passed(self, desk: Desk, database: DatabaseUrls) -> None:
        async with nothing_written(database, desk):
            with pytest.raises(SingleLimit) as refused:
                await steps.request(desk, portion=units("1000.01"))
        assert refused.value.detail.startswith(
            "1,000.01 exceeds your limit of 1,000.00 for one request; "
        )
        assert [error.field for error in refused.value.errors] == ["units"]
        await steps.request(desk, portion=units(1000))

    async def test_is_that_of_the_tier(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await execute(
                "UPDATE client SET tier = 'premier' WHERE id = $1", desk.clients["member"]
            )
        await steps.request(desk, portion=units(2000))
        with pytest.raises(SingleLimit):
            await steps.request(desk, login="member2", portion=units(2000))

    async def test_names_the_field_that_was_given(self, desk: Desk) -> None:
        for portion, field in (
            (Portion(), "by"),
            (Portion(fraction="0.5"), "fraction"),
            (Portion(amount=Money("2000.00", "USDT")), "amount"),
        ):
            with pytest.raises(SingleLimit) as refused:
                await quoted(desk, portion)
            assert [error.field for error in refused.value.errors] == [field]


class TestDailyLimit:
    async def test_is_reached_and_not_passed(self, desk: Desk, database: DatabaseUrls) -> None:
        await steps.request(desk, portion=units(900))
        async with nothing_written(database, desk):
            with pytest.raises(DailyLimit) as refused:
                await steps.request(desk, portion=units("600.01"))
        assert refused.value.detail == (
            "600.01 exceeds the 600.00 left of your daily limit of 1,500.00;"
            " the limit resets at 00:00 UTC"
        )
        await steps.request(desk, portion=units(600))
        assert await left(desk, login="member2") == 1500

    async def test_says_the_limit_where_nothing_is_used(self, desk: Desk) -> None:
        allowance = (await quoted(desk, units(1))).allowance
        assert (allowance.single, allowance.daily, allowance.used) == (1000, 1500, 0)
        assert allowance.left_today == 1500
        assert allowance.resets_at > (await steps.seen_now(desk))

    async def test_counts_gross_of_what_was_not_given_up(self, desk: Desk) -> None:
        taken_back = await steps.request(desk, portion=units(1000))
        rejected = await steps.request(desk, portion=units(500))
        assert await quoted_refusal(desk, units(1)) == "DAILY_LIMIT"
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            await cancel_redemption(redemption_id=taken_back)
        assert await left(desk) == 1000
        await steps.decide(desk, rejected, decision="reject", note="No")
        assert await left(desk) == 1500
        approved = await steps.request(desk, portion=units(400))
        await steps.decide(desk, approved)
        assert await left(desk) == 1100

    async def test_is_of_each_product_by_itself(self, desk: Desk) -> None:
        await steps.request(desk, portion=units(1000))
        await steps.request(desk, key="growth", portion=units(900))
        assert await left(desk) == 500

    async def test_a_product_without_limits_has_none(self, tenant: TestTenant) -> None:
        free = await open_desk(tenant_id=tenant.id, slug=tenant.slug, limits=())
        quote = await quoted(free, Portion())
        assert (quote.allowance.daily, quote.allowance.left_today) == (None, None)
        await steps.request(free)

    async def test_fifty_at_once_from_two_subscriptions_stay_within_it(self, desk: Desk) -> None:
        """Each by itself is small, and the units suffice: only the client's lock keeps the sum."""
        held = [desk.subscriptions["member", "yield"], await second_subscription(desk)]

        async def ask(number: int) -> str:
            try:
                async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
                    await request_redemption(
                        subscription_id=held[number % 2],
                        portion=units(100),
                        destination_id=desk.destinations["member", "yield"],
                    )
            except DomainError as refusal:
                return refusal.code
            return "made"

        answers = Counter(await asyncio.gather(*(ask(number) for number in range(50))))
        assert answers == {"made": 15, "DAILY_LIMIT": 35}
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            assert await fetch_value("SELECT sum(gross) FROM redemption") == 1500
        await assert_invariants_hold(desk.tenant_id)

    async def test_a_change_of_tier_that_a_request_waits_for_counts(self, desk: Desk) -> None:
        """The row lock is what it waits for; the limits must not be those of before."""
        changing = asyncio.Event()
        finish = asyncio.Event()

        async def lower() -> None:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
                await execute(
                    "UPDATE client SET tier = 'standard' WHERE id = $1", desk.clients["member"]
                )
                changing.set()
                await finish.wait()

        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await execute(
                "UPDATE client SET tier = 'institutional' WHERE id = $1", desk.clients["member"]
            )
        lowering = asyncio.create_task(lower())
        await changing.wait()
        asking = asyncio.create_task(steps.request(desk, portion=units(40_000)))
        await waits_for_a_lock(desk)
        finish.set()
        await lowering
        with pytest.raises(SingleLimit):
            await asking


async def quoted_refusal(desk: Desk, portion: Portion) -> str:
    with pytest.raises(DomainError) as refused:
        await quoted(desk, portion)
    return refused.value.code


async def waits_for_a_lock(desk: Desk) -> None:
    for _ in range(200):
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            if await fetch_value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


class TestDay:
    async def test_begins_anew_at_midnight_in_the_products_zone(self, tenant: TestTenant) -> None:
        desk = await open_desk(
            tenant_id=tenant.id, slug=tenant.slug, limits=SMALL, time_zone="Pacific/Auckland"
        )
        await steps.request(desk, portion=units(1000))
        allowance = (await quoted(desk, units(1))).allowance
        now = await steps.seen_now(desk)
        until = allowance.resets_at - now
        today = local_date(now, "Pacific/Auckland")
        assert local_date(allowance.resets_at, "Pacific/Auckland") > today
        assert allowance.resets in ("00:00 NZST", "00:00 NZDT")
        if until.total_seconds() > 5:
            await advance(until.total_seconds() - 3)
            assert await left(desk) == 500
        await advance(5)
        assert await left(desk) == 1500

    @pytest.mark.parametrize(
        ("day", "zone", "ends", "hours"),
        [
            # Summer time begins, ends, and begins at midnight itself.
            (date(2026, 3, 29), "Europe/Berlin", "2026-03-29T22:00:00", 23),
            (date(2026, 10, 25), "Europe/Berlin", "2026-10-25T23:00:00", 25),
            (date(2026, 4, 23), "Africa/Cairo", "2026-04-23T22:00:00", 24),
            (date(2026, 4, 24), "Africa/Cairo", "2026-04-24T21:00:00", 23),
            (date(2026, 2, 28), "UTC", "2026-03-01T00:00:00", 24),
        ],
    )
    def test_is_as_long_as_its_zone_makes_it(
        self, day: date, zone: str, ends: str, hours: int
    ) -> None:
        end = day_ends_at(day=day, zone=zone)
        assert end == datetime.fromisoformat(ends).replace(tzinfo=UTC)
        begin = day_ends_at(day=date.fromordinal(day.toordinal() - 1), zone=zone)
        assert (end - begin).total_seconds() == hours * 3600
        assert local_date(end, zone) == date.fromordinal(day.toordinal() + 1)

    @pytest.mark.parametrize(
        ("hours", "used"),
        # 25 October 2026 has 25 hours in Berlin: its first minute is more than 24 before its last.
        [(0, 700), (24.9, 700), (25.1, 0)],
    )
    async def test_of_25_hours_counts_its_first_minute(
        self, tenant: TestTenant, hours: float, used: int
    ) -> None:
        desk = await open_desk(
            tenant_id=tenant.id, slug=tenant.slug, limits=SMALL, time_zone="Europe/Berlin"
        )
        first_minute = datetime(2026, 10, 24, 22, 1, tzinfo=UTC)
        member = desk.people["member"]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await execute("UPDATE subscription SET matures_on = '2090-01-01'")
            await execute("UPDATE destination SET usable_from = '2020-01-01'")
            await execute("UPDATE client SET kyc_expires_at = '2090-01-01'")
        async with unit_of_work(tenant=desk.tenant_id, actor=member, at=first_minute):
            await request_redemption(
                subscription_id=desk.subscriptions["member", "yield"],
                portion=units(700),
                destination_id=desk.destinations["member", "yield"],
            )
            assert current().now == first_minute
        later = datetime.fromtimestamp(first_minute.timestamp() + hours * 3600, UTC)
        async with unit_of_work(tenant=desk.tenant_id, actor=member, at=later):
            quote = await quote_redemption(
                subscription_id=desk.subscriptions["member", "yield"], portion=units(1)
            )
        # Gross, which has a little yield by then.
        assert round(quote.allowance.used, -1) == used


class TestOpenProduct:
    async def test_refuses_limits_that_leave_a_tier_out(self, desk: Desk) -> None:
        values = {name: getattr(YIELD, name) for name in type(YIELD).__struct_fields__}
        for limits in (LIMITS[:2], (LIMITS[0], LIMITS[0], LIMITS[1])):
            with pytest.raises(ValueError, match="each tier"):
                async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
                    await open_product(
                        spec=type(YIELD)(**(values | {"name": "Other", "limits": limits}))
                    )


class TestAllowance:
    def allowance(self, **changes: Any) -> Allowance:
        values = {
            "asset": "USDT",
            "places": 2,
            "tier": ClientTier.standard,
            "single": Decimal(10),
            "daily": Decimal(10),
            "used": Decimal(0),
            "resets_at": datetime(2026, 3, 1, tzinfo=UTC),
            "time_zone": "UTC",
        }
        return Allowance(**(values | changes))

    def test_is_never_below_zero(self) -> None:
        assert self.allowance(used=Decimal(11)).left_today == 0

    def test_names_a_zone_without_letters_in_full(self) -> None:
        there = self.allowance(
            time_zone="America/Sao_Paulo", resets_at=datetime(2026, 3, 1, 3, tzinfo=UTC)
        )
        assert there.resets == "00:00 America/Sao_Paulo"


class TestPagesAndRest:
    async def test_say_what_is_left_and_refuse_in_the_same_words(
        self, desk: Desk, portal: Portal
    ) -> None:
        await steps.request(desk, portion=units(1000))
        subscription = desk.subscriptions["member", "yield"]
        path = f"/subscriptions/{subscription}/redeem"
        destination = str(desk.destinations["member", "yield"])
        words = (
            "800.00 exceeds the 500.00 left of your daily limit of 1,500.00;"
            " the limit resets at 00:00 UTC"
        )
        async with open_seats(portal) as seats:
            member = await seats.of(desk, "member")
            page = (await member.get(path)).text
            assert "Left of your limit today" in page
            assert 'title="500 USDT"' in page
            form = {"by": "units", "units": "800", "destination_id": destination}
            refused = await member.post(path, form)
            assert refused.status_code == 409
            assert words in refused.text
            assert 'value="800"' in refused.text
            rest = "/api/v1/investments/redemptions"
            body = {"subscription_id": str(subscription), "units": "800"}
            answer = await member.post(f"{rest}/quote", body)
            assert (answer.status_code, answer.json()["code"]) == (409, "DAILY_LIMIT")
            assert answer.json()["detail"] == words
            answer = await member.post(rest, body | {"destination_id": destination})
            assert (answer.status_code, answer.json()["code"]) == (409, "DAILY_LIMIT")
            answer = await member.post(f"{rest}/quote", body | {"units": "1000.5"})
            assert (answer.status_code, answer.json()["code"]) == (422, "SINGLE_LIMIT")
            quote = (await member.post(f"{rest}/quote", body | {"units": "1"})).json()["data"]
            assert quote["allowance"]["tier"] == "standard"
            assert quote["allowance"]["left_today"] == {"amount": "500.00", "currency": "USDT"}
            products = (await member.get("/api/v1/investments/products")).json()["data"]
            limits = next(one for one in products if one["asset"] == "USDT")["limits"]
            assert [(one["tier"], one["daily"]["amount"]) for one in limits] == [
                ("standard", "1500.00"),
                ("premier", "4000.00"),
                ("institutional", "100000.00"),
            ]
