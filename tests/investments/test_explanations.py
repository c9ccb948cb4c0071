"""Every computed amount can be explained, and computed once more it is what was recorded."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from app.domains.investments.operations.custody_read import record_readings
from app.domains.investments.operations.payout_settle import begin_payout
from app.domains.investments.operations.redemption_hold import (
    cancel_held_redemption,
    hold_redemption,
)
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.yield_accrue import accrue_yields
from app.domains.investments.public import publish_nav
from app.domains.investments.queries.explanations import holdings, vaults
from app.domains.investments.queries.explanations.accounts import explain_account
from app.domains.investments.queries.explanations.allowances import explain_allowance
from app.domains.investments.queries.explanations.clients import explain_client
from app.domains.investments.queries.explanations.explanation import Explanation
from app.domains.investments.queries.explanations.holdings import explain_holding
from app.domains.investments.queries.explanations.redemptions import explain_redemption
from app.domains.investments.queries.explanations.totals import explain_totals
from app.domains.investments.queries.explanations.vaults import explain_vault
from app.domains.investments.values import RedemptionState as State
from app.kernel.database import execute, fetch, fetch_value, unit_of_work
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.kernel.ledger.values import StatementPosition
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import Seats, open_seats
from tests.security.stages import redemption_at
from tests.support.custody_sandbox import Control
from tests.support.database import TestTenant
from tests.support.desk import Desk, open_desk, price
from tests.support.drain import advance, drain

REST = "/api/v1/investments/explanations"
NAV = ("gross", "penalty", "fee", "deductions", "net", "units")
FIXED = ("principal", "yield", *NAV)


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def of_redemption(
    desk: Desk, redemption_id: UUID, amount: str, *, by: str = "ops"
) -> Explanation:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by], read_only=True):
        return await explain_redemption(redemption_id=redemption_id, amount=amount)


async def of_holding(desk: Desk, key: str, amount: str, *, by: str = "member") -> Explanation:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by], read_only=True):
        return await explain_holding(
            subscription_id=desk.subscriptions["member", key], amount=amount
        )


async def of_vault(desk: Desk, key: str, amount: str, *, by: str = "trader") -> Explanation:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by], read_only=True):
        return await explain_vault(account_id=desk.staging[key], amount=amount)


async def everything_agrees(desk: Desk) -> int:
    """Every amount of every redemption, quote, subscription, vault, client and ledger account of the
    desk; how many there were."""
    wrong, seen = [], 0
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"], read_only=True):
        asked = await fetch(
            "SELECT r.id, p.kind FROM redemption r JOIN product p ON p.id = r.product_id"
        )
        held = await fetch(
            "SELECT s.id, p.kind FROM subscription s JOIN product p ON p.id = s.product_id"
        )
        stored = await fetch("SELECT id, balance FROM custody_account")
        found: list[Explanation] = []
        for row in asked:
            names = FIXED if row["kind"] == "fixed_yield" else NAV
            found += [
                await explain_redemption(redemption_id=row["id"], amount=name) for name in names
            ]
        for row in held:
            names = [
                name
                for name in holdings.AMOUNTS
                if row["kind"] == "fixed_yield" or name not in holdings.FIXED_ALONE
            ]
            found += [
                await explain_holding(subscription_id=row["id"], amount=name) for name in names
            ]
        for row in stored:
            names = [
                name
                for name in vaults.AMOUNTS
                if name != "short" and (name != "difference" or row["balance"] is not None)
            ]
            found += [await explain_vault(account_id=row["id"], amount=name) for name in names]
        for client_id in desk.clients.values():
            found.append(await explain_client(client_id=client_id, amount="usd"))
            found += [
                await explain_client(client_id=client_id, amount=name, asset=asset)
                for name in ("worth", "gained")
                for asset in ("USDC", "USDT")
            ]
        for row in await fetch("SELECT id FROM ledger_account"):
            found.append(await explain_account(account_id=row["id"]))
        for explanation in found:
            seen += 1
            if not explanation.agrees:
                wrong.append(
                    (
                        explanation.subject,
                        explanation.title,
                        explanation.amount,
                        explanation.recomputed,
                    )
                )
    assert wrong == []
    return seen


class TestItAlwaysEquals:
    @pytest.mark.parametrize("state", [s for s in State if s is not State.awaiting_client])
    async def test_in_every_state(self, desk: Desk, sandbox: Control, state: State) -> None:
        await redemption_at(state, desk=desk, sandbox=sandbox, units="1234.5678")
        assert await everything_agrees(desk) > 20

    async def test_after_days_and_a_part_and_another_part(
        self, desk: Desk, sandbox: Control
    ) -> None:
        for key, units in (("yield", "17000.12345678"), ("growth", "9000.87654321")):
            first = await steps.request(desk, key=key, portion=Portion(units=units))
            await steps.decide(desk, first)
        await advance(days=33)
        async with desk.working("ops") as unit:
            await accrue_yields(product_id=desk.products["yield"])
            await publish_nav(
                product_id=desk.products["growth"],
                nav_per_unit=Decimal("1.10987654"),
                as_of=unit.now,
            )
        await everything_agrees(desk)
        for key in ("yield", "growth"):
            second = await steps.request(desk, key=key, portion=Portion(fraction="0.333"))
            await everything_agrees(desk)
            await steps.decide(desk, second)
            await steps.ready(desk, second, key=key)
        await drain()
        await everything_agrees(desk)

    async def test_past_maturity(self, desk: Desk) -> None:
        await advance(days=400)
        async with desk.working("ops"):
            await accrue_yields(product_id=desk.products["yield"])
            # Their KYC would have run out before.
            await execute("UPDATE client SET kyc_expires_at = app_now() + interval '1 day'")
        redemption_id = await steps.request(desk)
        await everything_agrees(desk)
        penalty = await of_redemption(desk, redemption_id, "penalty")
        assert penalty.amount == 0

    async def test_after_a_strike_was_undone(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, portion=Portion(fraction="0.4"))
        await advance(days=3)
        await steps.decide(desk, redemption_id)
        async with desk.working("compliance"):
            await hold_redemption(redemption_id=redemption_id, note="Look at it")
            await cancel_held_redemption(redemption_id=redemption_id, note="Not to be paid")
        await everything_agrees(desk)

    async def test_whatever_nav_is_published_afterwards(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, key="growth")
        before = await of_redemption(desk, redemption_id, "gross")
        async with desk.working("ops") as unit:
            await publish_nav(
                product_id=desk.products["growth"], nav_per_unit=Decimal(2), as_of=unit.now
            )
        after = await of_redemption(desk, redemption_id, "gross")
        assert before.agrees and after.agrees and before.amount == after.amount
        units = await of_holding(desk, "growth", "units")
        assert units.agrees and units.amount == Decimal("47024.99995297")


class TestARedemption:
    async def test_says_formula_inputs_rounding_and_entries(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="1000"))
        net = await of_redemption(desk, redemption_id, "net")
        assert net.words == "Gross − early exit penalty − redemption fee"
        assert [given.label for given in net.inputs] == [
            "Gross",
            "Early exit penalty",
            "Redemption fee",
        ]
        values = [given.value for given in net.inputs]
        assert values[0] - values[1] - values[2] == net.amount
        assert all(given.explained_at for given in net.inputs)
        assert [line.narrative for line in net.entries] == ["Units locked"]
        penalty = await of_redemption(desk, redemption_id, "penalty")
        rate = next(given for given in penalty.inputs if given.label == "Penalty rate")
        assert (rate.value, rate.source.split(",")[0]) == (Decimal("0.02"), "the term of 6 months")
        assert penalty.rounding == "To 2 decimals; a tie goes to the even neighbour"
        await steps.decide(desk, redemption_id)
        struck = await of_redemption(desk, redemption_id, "net")
        assert [line.narrative for line in struck.entries] == ["Redemption struck", "Units locked"]

    async def test_names_the_nav_that_it_was_priced_with(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, key="growth", portion=Portion(units="1000"))
        gross = await of_redemption(desk, redemption_id, "gross")
        assert gross.amount == Decimal("1052.63")
        nav = gross.inputs[1]
        assert (nav.value, nav.label) == (Decimal("1.05263158"), "NAV per unit")
        assert nav.source.startswith("the NAV published for 20")

    @pytest.mark.parametrize("amount", ["principal", "yield"])
    async def test_of_nav_units_has_no_principal_and_no_yield(
        self, desk: Desk, amount: str
    ) -> None:
        redemption_id = await steps.request(desk, key="growth")
        with pytest.raises(NotFound):
            await of_redemption(desk, redemption_id, amount)

    async def test_that_was_changed_is_said_not_to_agree(self, desk: Desk, seats: Seats) -> None:
        redemption_id = await steps.request(desk)
        async with desk.working("ops"):
            await execute(
                "UPDATE redemption SET gross = gross - 1, net = net - 1 WHERE id = $1",
                redemption_id,
            )
        explanation = await of_redemption(desk, redemption_id, "net")
        assert explanation.recomputed == explanation.amount + 1
        assert not explanation.agrees
        member = await seats.of(desk, "member")
        page = await member.get(f"/explain/redemptions/{redemption_id}?amount=net")
        assert "which is not what was recorded" in page.text
        data = (await member.get(f"{REST}/redemptions/{redemption_id}?amount=net")).json()["data"]
        assert data["agrees"] is False
        assert Decimal(data["recomputed"]) == Decimal(data["amount"]) + 1

    async def test_whose_inputs_were_not_kept_says_so(self, desk: Desk, seats: Seats) -> None:
        redemption_id = await steps.request(desk)
        async with desk.working("ops"):
            await execute(
                "UPDATE redemption SET steps = (SELECT jsonb_agg(step - 'inputs')"
                " FROM jsonb_array_elements(steps) AS step) WHERE id = $1",
                redemption_id,
            )
        explanation = await of_redemption(desk, redemption_id, "fee")
        assert explanation.recomputed is None
        page = await (await seats.of(desk, "ops")).get(f"/explain/redemptions/{redemption_id}")
        assert "Its inputs were not kept" in page.text

    async def test_is_told_to_whoever_may_see_it_alone(self, desk: Desk, stranger: Desk) -> None:
        redemption_id = await steps.request(desk)
        for who, by in [
            (desk, "member2"),
            (desk, "rm2"),
            (desk, "trader"),
            (stranger, "member"),
            (stranger, "ops"),
        ]:
            with pytest.raises(NotFound):
                await of_redemption(who, redemption_id, "net", by=by)
        await steps.decide(desk, redemption_id)
        for by in ("member", "rm", "trader", "ops", "compliance"):
            assert (await of_redemption(desk, redemption_id, "net", by=by)).agrees

    async def test_opens_its_entries_to_whom_they_are_open(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        for by, may in (("member", True), ("ops", True), ("rm", False)):
            explanation = await of_redemption(desk, redemption_id, "net", by=by)
            assert [line.may_open for line in explanation.entries] == [may]

    async def test_says_to_compliance_what_it_was_worth_in_dollars(
        self, desk: Desk, seats: Seats
    ) -> None:
        async with desk.working("ops"):
            await price(USDT="12.345678")
        redemption_id = await steps.request(desk, portion=Portion(units="41000"))
        async with desk.working("ops"):
            await price(USDT="7")
        await advance(days=1)
        await steps.decide(desk, redemption_id)
        told = await of_redemption(desk, redemption_id, "usd", by="compliance")
        assert told.figures == "41000 × 12.345678"
        assert told.amount == told.recomputed == Decimal("506172.80")
        assert told.inputs[1].source.startswith("The desk, for 20")
        page = await (await seats.of(desk, "compliance")).get(f"/redemptions/{redemption_id}")
        assert f"/explain/redemptions/{redemption_id}?amount=usd" in page.text
        for by in ("member", "rm", "ops"):
            with pytest.raises(NotFound):
                await of_redemption(desk, redemption_id, "usd", by=by)
        async with desk.working("ops"):
            await execute("DELETE FROM price_reading")
        later = await of_redemption(desk, redemption_id, "usd", by="compliance")
        assert later.recomputed is None and later.amount == told.amount

    @pytest.mark.parametrize("amount", ["", "x", "Net", "nav_per_unit", "__class__"])
    async def test_has_no_other_amount(self, desk: Desk, seats: Seats, amount: str) -> None:
        redemption_id = await steps.request(desk)
        member = await seats.of(desk, "member")
        path = f"/redemptions/{redemption_id}?amount={amount}"
        assert (await member.get(f"/explain{path}")).status_code == 404
        assert (await member.get(f"{REST}{path}")).status_code == 404


class TestAHolding:
    async def test_of_a_fixed_yield_is_principal_and_yield(self, desk: Desk) -> None:
        await advance(days=73)
        value = await of_holding(desk, "yield", "value")
        accrued = await of_holding(desk, "yield", "yield")
        # 50,000 × (1.08^(73 / 365) − 1) = 50,000 × 0.0155112784…
        assert accrued.amount == Decimal("775.56")
        assert value.amount == Decimal("50775.56")
        assert [given.value for given in accrued.inputs] == [
            Decimal("50000.00"),
            Decimal("0.08"),
            Decimal(73),
        ]

    async def test_of_nav_units_is_units_at_the_latest_nav(self, desk: Desk) -> None:
        value = await of_holding(desk, "growth", "value")
        assert value.figures == "47024.99995297 × 1.05263158"
        with pytest.raises(NotFound):
            await of_holding(desk, "growth", "yield")

    async def test_says_what_its_deposit_became(self, desk: Desk) -> None:
        units = await of_holding(desk, "growth", "units")
        assert units.figures == "(50000 − 500) ÷ 1.05263158"
        assert [line.narrative for line in units.entries] == ["Deposit becomes units"]
        assert units.inputs[0].source.startswith("transaction member-growth-")

    async def test_counts_the_entries_that_are_not_shown(self, desk: Desk) -> None:
        for _ in range(25):
            redemption_id = await steps.request(desk, portion=Portion(units="1"))
            await steps.decide(desk, redemption_id, decision="reject", note="No")
        value = await of_holding(desk, "yield", "value")
        assert (len(value.entries), value.entry_count) == (20, 51)

    async def test_is_told_to_whoever_may_see_it_alone(self, desk: Desk, stranger: Desk) -> None:
        for who, by in [(desk, "member2"), (desk, "rm2"), (stranger, "member"), (stranger, "ops")]:
            async with unit_of_work(tenant=who.tenant_id, actor=who.people[by], read_only=True):
                with pytest.raises(NotFound):
                    await explain_holding(subscription_id=desk.subscriptions["member", "yield"])
        for by in ("rm", "ops", "compliance"):
            assert (await of_holding(desk, "yield", "value", by=by)).agrees


class TestAVault:
    async def test_is_what_was_posted(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="1000"))
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        net = (await steps.seen(desk, redemption_id)).amounts.net
        expected = await of_vault(desk, "yield", "expected")
        reserved = await of_vault(desk, "yield", "reserved")
        free = await of_vault(desk, "yield", "free")
        assert reserved.amount == net + Decimal("2.50")
        assert expected.amount == free.amount + reserved.amount == Decimal(300000)
        assert all(found.agrees for found in (expected, reserved, free))
        assert [given.label for given in expected.inputs] == [
            "Free",
            "Reserved",
            "Deposits without units",
        ]

    async def test_differs_from_what_was_read(self, desk: Desk) -> None:
        with pytest.raises(NotFound):
            await of_vault(desk, "yield", "difference")
        async with desk.working("ops"):
            await record_readings(
                readings=[(desk.staging["yield"], Decimal("299999.25"))],
                read_at=datetime.now(UTC),
            )
        difference = await of_vault(desk, "yield", "difference")
        assert difference.amount == Decimal("-0.75")
        assert difference.agrees
        assert difference.figures == "299999.25 − 300000"

    async def test_does_not_differ_by_what_is_on_its_way(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="1000"))
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        async with desk.working("ops"):
            payout_id = await fetch_value("SELECT id FROM payout")
            assert isinstance(await begin_payout(payout_id=payout_id), tuple)
            net = await fetch_value("SELECT net FROM redemption")
            left = Decimal(300_000) - net - Decimal("1.80")
            await record_readings(
                readings=[(desk.staging["yield"], left)], read_at=datetime.now(UTC)
            )
        difference = await of_vault(desk, "yield", "difference")
        assert difference.amount == 0
        assert difference.agrees
        assert difference.figures.endswith("of it on its way")

    async def test_of_another_tenant_is_not_there(self, desk: Desk, stranger: Desk) -> None:
        async with unit_of_work(
            tenant=stranger.tenant_id, actor=stranger.people["trader"], read_only=True
        ):
            with pytest.raises(NotFound):
                await explain_vault(account_id=desk.staging["yield"])

    async def test_is_short_only_for_a_redemption_of_its_own_product(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, key="growth")
        await steps.decide(desk, redemption_id)
        async with desk.working("trader"):
            for key, is_told in (("growth", True), ("yield", False)):
                asked = explain_vault(
                    account_id=desk.staging[key], amount="short", redemption_id=redemption_id
                )
                if is_told:
                    assert (await asked).agrees
                else:
                    with pytest.raises(NotFound):
                        await asked


class TestWhatIsNotThere:
    async def test_has_no_explanation(self, tenant: TestTenant) -> None:
        """A limit where there is none, a total in an asset that nobody holds, dollars where one
        asset has no price, a posting that is not in the account's statement."""
        desk = await open_desk(tenant_id=tenant.id, slug=tenant.slug, limits=())
        async with desk.working("member"):
            with pytest.raises(NotFound):
                await explain_allowance(subscription_id=desk.subscriptions["member", "yield"])
        client_id = desk.clients["member"]
        async with desk.working("ops"):
            account_id = await fetch_value("SELECT id FROM ledger_account LIMIT 1")
            with pytest.raises(NotFound):
                await explain_account(account_id=account_id, at=StatementPosition(1, new_id(), 0))
            with pytest.raises(NotFound):
                await explain_client(client_id=client_id, amount="worth", asset="EUR")
            await explain_client(client_id=client_id, amount="usd")
            await execute("UPDATE asset_price SET asset = 'other' WHERE asset = 'USDC'")
            with pytest.raises(NotFound):
                await explain_client(client_id=client_id, amount="usd")


class TestTotals:
    async def totals(self, desk: Desk, by: str, **named: str) -> dict[str, Explanation]:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by], read_only=True):
            return {found.title: found for found in await explain_totals(**named)}

    async def test_are_the_sums_of_their_parts(self, desk: Desk) -> None:
        await steps.request(desk, portion=Portion(units="100"))
        approved = await steps.request(desk, login="member2", portion=Portion(units="200"))
        await steps.decide(desk, approved, by="rm2")
        of_member = await self.totals(desk, "member")
        assert set(of_member) == {
            "Worth today in USDC",
            "Worth today in USDT",
            "Gained since the start in USDC",
            "Gained since the start in USDT",
        }
        of_manager = await self.totals(desk, "rm")
        assert set(of_manager) == {
            "Your clients' total in USDC",
            "Your clients' total in USDT",
            "Value waiting in USDT",
            "In today in USDC",
            "In today in USDT",
        }
        assert of_manager["Your clients' total in USDT"].amount == Decimal("50000.00")
        of_trader = await self.totals(desk, "trader")
        net = (await steps.seen(desk, approved)).amounts.net
        assert of_trader["Due to clients in USDT"].amount == net
        for totals in (of_member, of_manager, of_trader):
            assert all(found.agrees for found in totals.values())
            assert all(
                given.explained_at or given.source.startswith("the deposit")
                for total in totals.values()
                for given in total.inputs
            )

    async def test_are_ones_own_dashboards(self, desk: Desk) -> None:
        assert await self.totals(desk, "ops") == {}
        with pytest.raises(NotFound):
            await self.totals(desk, "member", total="due")
        with pytest.raises(NotFound):
            await self.totals(desk, "rm", total="book", asset="EUR")
        assert list(await self.totals(desk, "rm", total="book", asset="USDC")) == [
            "Your clients' total in USDC"
        ]


class TestPages:
    @pytest.mark.parametrize(
        ("login", "path"),
        [
            ("member", "/holdings"),
            ("member", "{redemption}"),
            ("rm", "/approvals"),
            ("rm", "/redemptions"),
            ("rm", "{client}"),
            ("trader", "/settlement"),
            ("trader", "{redemption}"),
            ("ops", "/operations"),
            ("ops", "/search?q=R-"),
        ],
    )
    async def test_link_their_amounts_to_explanations_that_are_there(
        self, desk: Desk, seats: Seats, login: str, path: str
    ) -> None:
        await steps.request(desk, key="growth")
        redemption_id = await steps.request(desk, portion=Portion(units="100"))
        await steps.decide(desk, redemption_id)
        async with desk.working("ops"):
            await record_readings(
                readings=[(desk.staging["yield"], Decimal(1))], read_at=datetime.now(UTC)
            )
        seat = await seats.of(desk, login)
        page = await seat.get(
            path.format(
                redemption=f"/redemptions/{redemption_id}",
                client=f"/clients/{desk.clients['member']}",
            )
        )
        links = set(re.findall(r'href="(/explain/[^"]+)" data-explain', page.text))
        assert links, page.text
        for link in links:
            answer = await seat.get(link.replace("&amp;", "&"))
            assert answer.status_code == 200, link
            assert "Computed once more just now, with the same result" in answer.text, link

    async def test_are_whole_without_scripts_and_a_block_with_them(
        self, desk: Desk, seats: Seats
    ) -> None:
        redemption_id = await steps.request(desk)
        member = await seats.of(desk, "member")
        address = f"/explain/redemptions/{redemption_id}?amount=penalty"
        whole = await member.get(address)
        assert "<html" in whole.text
        assert f'href="/redemptions/{redemption_id}"' in whole.text
        block = await member.browser.get(address, headers={"X-Block": "explanation"})
        assert "<html" not in block.text
        assert "data-explanation-title" in block.text
        assert "Early exit penalty" in block.text

    async def test_say_what_will_appear_where_there_is_no_total(
        self, desk: Desk, seats: Seats
    ) -> None:
        page = await (await seats.of(desk, "ops")).get("/explain/totals")
        assert page.status_code == 200
        assert "No totals yet" in page.text


class TestRest:
    async def test_says_the_same(self, desk: Desk, seats: Seats) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="1000"))
        member = await seats.of(desk, "member")
        data = (await member.get(f"{REST}/redemptions/{redemption_id}?amount=fee")).json()["data"]
        assert data["formula"] == "Gross × fee rate"
        assert data["amount"] == data["recomputed"] == "1.00"
        assert data["agrees"] is True
        gross, rate = data["inputs"]
        assert rate == {
            "label": "Fee rate",
            "value": "0.001",
            "unit": "rate",
            "source": "the product, when this was computed",
            "explanation": None,
        }
        assert (await member.get(gross["explanation"])).json()["data"]["title"] == "Gross"
        units = (
            await member.get(
                f"{REST}/holdings/{desk.subscriptions['member', 'growth']}?amount=units"
            )
        ).json()["data"]
        assert (units["unit"], units["amount"]) == ("units", "47024.99995297")
        trader = await seats.of(desk, "trader")
        vault = (await trader.get(f"{REST}/vaults/{desk.staging['yield']}")).json()["data"]
        assert (vault["title"], vault["amount"]) == ("Expected", "300000.00")
        totals = (await member.get(f"{REST}/totals?total=worth")).json()["data"]["totals"]
        assert [total["asset"] for total in totals] == ["USDC", "USDT"]
        assert (await member.get(f"{REST}/totals?total=due")).status_code == 404
