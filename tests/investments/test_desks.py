"""What each of those who serve clients sees first, and that each number on it is real."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domains.investments.operations.custody_read import record_readings
from app.domains.investments.operations.payout_settle import begin_payout
from app.domains.investments.operations.redemption_hold import hold_redemption
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.public import confirm_deposit, custody_accounts, publish_nav
from app.kernel import upkeep
from app.kernel.audit.checkpoints import checkpoint_tenant
from app.kernel.audit.sealer import seal_tenant
from app.kernel.audit.values import AuditReport
from app.kernel.database import execute, fetch_value
from app.kernel.jobs import enqueue
from app.web.shell import Portal
from tests.investments import steps
from tests.operations.test_dashboard import read_exactly
from tests.security.seats import Seats, open_seats
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import advance, drain
from tests.support.horizon import everything_settled

CARD = re.compile(
    r'<p class="figure-label">([^<]+)</p>(.*?)<p class="figure-note[^"]*">(.*?)</p>', re.S
)
TAG = re.compile(r"<[^>]+>")


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


def cards(page: str) -> dict[str, tuple[list[str], str]]:
    """What each card says, line by line, and its note."""
    return {
        label: (
            [line.strip() for line in TAG.sub("\n", value).split("\n") if line.strip()],
            " ".join(TAG.sub(" ", note).split()),
        )
        for label, value, note in CARD.findall(page)
    }


async def _page(seats: Seats, desk: Desk, login: str, path: str) -> str:
    answer = await (await seats.of(desk, login)).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


class TestTheManagersDesk:
    async def test_adds_up_the_book_and_what_moved_today(
        self, seats: Seats, desk: Desk, sandbox: Control
    ) -> None:
        async with desk.working("ops"):
            # Of another day.
            await execute("UPDATE deposit SET confirmed_at = confirmed_at - interval '2 days'")
            for login, amount in (("member", "1500.00"), ("member2", "9000.00")):
                await confirm_deposit(
                    client_id=desk.clients[login],
                    staging_account_id=desk.staging["growth"],
                    amount=Decimal(amount),
                    transaction_reference=f"today-{desk.slug}-{login}",
                )
        paid = await steps.request(desk, portion=Portion(units="100"))
        await steps.decide(desk, paid)
        await steps.ready(desk, paid)
        await drain()
        net = (await steps.seen(desk, paid)).amounts.net
        shown = cards(await _page(seats, desk, "rm", "/approvals"))
        assert shown["In today"][0] == ["1,500.00", "USDC"]
        assert shown["Out today"][0] == [f"{net:,.2f}", "USDT"]
        assert shown["Your clients' total"][0][2:] == ["49,900.00", "USDT"]
        other = cards(await _page(seats, desk, "rm2", "/approvals"))
        assert other["In today"][0] == ["9,000.00", "USDC"]
        assert other["Out today"][0] == ["Nothing"]

    async def test_counts_what_waits_and_what_was_decided(self, seats: Seats, desk: Desk) -> None:
        await steps.decide(desk, await steps.request(desk, portion=Portion(units="1")))
        waiting = await steps.request(desk, portion=Portion(units="50"))
        await steps.request(desk, login="member2")
        net = (await steps.seen(desk, waiting)).amounts.net
        shown = cards(await _page(seats, desk, "rm", "/approvals"))
        assert shown["Waiting for you"] == (["1"], "none due within the hour")
        for text in ("1 decided by you today", f"{net:,.2f}"):
            assert text in await _page(seats, desk, "rm", "/approvals")
        await advance(hours=23.5)
        shown = cards(await _page(seats, desk, "rm", "/approvals"))
        assert shown["Waiting for you"][1] == "1 due within the hour or late"

    async def test_lists_what_was_rejected_and_what_was_escalated(
        self, seats: Seats, desk: Desk
    ) -> None:
        rejected = await steps.request(desk, portion=Portion(units="1"))
        await steps.decide(desk, rejected, decision="reject", note="Not <now>")
        late = await steps.request(desk, portion=Portion(units="2"))
        await advance(hours=25)
        page = await _page(seats, desk, "rm", "/approvals")
        troubles = page[page.index('id="troubles"') : page.index('id="clients"')]
        for text in (str(rejected), str(late), "Not &lt;now&gt;", "Approval overdue"):
            assert text in troubles, text
        other = await _page(seats, desk, "rm2", "/approvals")
        assert "Nothing rejected, nothing escalated" in other
        await advance(hours=15 * 24)
        assert "Nothing rejected" in await _page(seats, desk, "rm", "/approvals")

    async def test_leads_to_the_largest_clients(self, seats: Seats, desk: Desk) -> None:
        page = await _page(seats, desk, "rm", "/approvals")
        assert f'href="/clients/{desk.clients["member"]}"' in page
        assert f'href="/clients/{desk.clients["member2"]}"' not in page

    async def test_gives_each_region_alone(self, seats: Seats, desk: Desk) -> None:
        browser = (await seats.of(desk, "rm")).browser
        for block in ("glance", "moves", "queue", "troubles", "clients"):
            answer = await browser.get("/approvals", headers={"X-Block": block})
            assert answer.status_code == 200
            assert re.findall(r'data-live-block="(\w+)"', answer.text) == [block]


class TestTheTradersDesk:
    async def test_sets_what_is_free_against_what_is_due(self, seats: Seats, desk: Desk) -> None:
        note = "nothing is still to be set aside"
        assert await self._free(seats, desk) == f"300,000.00 USDT {note}"
        redemption_id = await steps.request(desk, portion=Portion(units="100"))
        await steps.decide(desk, redemption_id)
        net = (await steps.seen(desk, redemption_id)).amounts.net
        free = await self._free(seats, desk)
        assert free == f"300,000.00 USDT covers the {net:,.2f} still to set aside"
        assert cards(await _page(seats, desk, "trader", "/settlement"))["To be settled"] == (
            ["1"],
            "1 waits for you",
        )
        await steps.ready(desk, redemption_id)
        left = Decimal(300_000) - net - Decimal("2.50")
        assert await self._free(seats, desk) == f"{left:,.2f} USDT {note}"

    async def test_says_how_much_is_missing(self, seats: Seats, desk: Desk) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="100"))
        await steps.decide(desk, redemption_id)
        async with desk.working("ops"):
            # As though the vault had been emptied, which no operation does.
            await execute(
                "UPDATE ledger_balance SET balance = 10 WHERE account_id ="
                " (SELECT available_account_id FROM custody_account WHERE id = $1)",
                desk.staging["yield"],
            )
        net = (await steps.seen(desk, redemption_id)).amounts.net
        free = await self._free(seats, desk)
        assert free == f"10.00 USDT {net - 10:,.2f} short of what is due"

    async def _free(self, seats: Seats, desk: Desk, what: str = "free-USDT") -> str:
        page = await _page(seats, desk, "trader", "/settlement")
        line = page[page.index(f'id="{what}"') :].partition(">")[2].partition("</p>")[0]
        return " ".join(TAG.sub(" ", line).split())

    async def test_counts_differences_and_readings_that_say_little(
        self, seats: Seats, desk: Desk
    ) -> None:
        said = await self._free(seats, desk, "differences")
        assert said == "No custody differences; 3 of 3 readings stale or missing"
        await read_exactly(desk)
        said = await self._free(seats, desk, "differences")
        assert said == "1 custody difference; every reading is fresh"

    @pytest.mark.parametrize(
        ("taken", "differing"),
        [
            ("0.00", "No custody differences"),
            ("1.80", "No custody differences"),
            ("2.50", "No custody differences"),
            ("2.51", "1 custody difference"),
        ],
    )
    async def test_takes_a_payout_on_its_way_for_no_difference(
        self, seats: Seats, desk: Desk, taken: str, differing: str
    ) -> None:
        """The custodian may have taken net and fee already, but no more than was set aside."""
        redemption_id = await steps.request(desk, portion=Portion(units="100"))
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        async with desk.working("ops"):
            payout_id = await fetch_value("SELECT id FROM payout")
            assert isinstance(await begin_payout(payout_id=payout_id), tuple)
            net = await fetch_value("SELECT net FROM redemption")
            readings = [(account.id, account.expected) for account in await custody_accounts()]
            taking = net + Decimal(taken) if Decimal(taken) else Decimal(0)
            await record_readings(
                readings=[
                    (id_, held - taking if id_ == desk.staging["yield"] else held)
                    for id_, held in readings
                ],
                read_at=datetime.now(UTC),
            )
        said = await self._free(seats, desk, "differences")
        assert said == f"{differing}; every reading is fresh"
        page = await _page(seats, desk, "trader", "/settlement")
        assert f"{net + Decimal('2.50'):,.2f}" in page
        assert "on its way" in page

    async def test_says_how_old_a_reading_is_in_real_time(self, seats: Seats, desk: Desk) -> None:
        await read_exactly(desk)
        page = await _page(seats, desk, "trader", "/settlement")
        assert re.search(r"just now|seconds? ago", page)
        async with desk.working("ops"):
            await execute("UPDATE custody_account SET read_at = read_at - interval '5 minutes'")
        await advance(hours=48)
        page = await _page(seats, desk, "trader", "/settlement")
        assert "5 minutes ago, stale" in page
        assert "2 days ago" not in page

    async def test_lists_payouts_until_they_are_certain(
        self, seats: Seats, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="100"))
        await steps.decide(desk, redemption_id)
        assert "No payout is under way" in await _page(seats, desk, "trader", "/settlement")
        await steps.ready(desk, redemption_id)
        page = await _page(seats, desk, "trader", "/settlement")
        payouts = page[page.index('id="payouts"') : page.index('id="balances"')]
        assert f"/redemptions/{redemption_id}" in payouts and "Ordered</div>" in payouts
        sandbox.next("server_error")
        await drain()
        assert "Not confirmed, being looked up" in await _page(seats, desk, "trader", "/settlement")

    async def test_gives_each_region_alone(self, seats: Seats, desk: Desk) -> None:
        browser = (await seats.of(desk, "trader")).browser
        for block in ("glance", "coverage", "queue", "payouts", "balances"):
            answer = await browser.get("/settlement", headers={"X-Block": block})
            assert answer.status_code == 200
            assert re.findall(r'data-live-block="(\w+)"', answer.text) == [block]


class TestCompliancesDesk:
    async def test_has_what_is_on_hold_and_what_is_flagged_elsewhere(
        self, seats: Seats, desk: Desk
    ) -> None:
        waiting = await steps.at_compliance(desk, portion=Portion(units="3"))
        flagged = await steps.request(desk, portion=Portion(units="4"))
        held = await steps.request(desk, login="member2", portion=Portion(units="5"))
        async with desk.working("compliance"):
            await hold_redemption(redemption_id=held, note="Sanctions <hit>")
        page = await _page(seats, desk, "compliance", "/approvals")
        shown = cards(page)
        assert shown["Waiting for you"][0] == ["1"]
        assert shown["On hold"][0] == ["1"]
        assert shown["Flagged elsewhere"][0] == ["1"]
        assert f'id="row-{waiting}"' in page
        assert f'id="held-{held}"' in page and "Sanctions &lt;hit&gt;" in page
        assert f'id="flagged-{flagged}"' in page and "Request number 4" in page

    async def test_says_how_the_audit_chain_stands(self, seats: Seats, desk: Desk) -> None:
        page = await _page(seats, desk, "compliance", "/approvals")
        assert "not checked lately" in page and "Not signed and exported yet" in page
        await everything_settled()
        await seal_tenant(tenant_id=desk.tenant_id)
        await checkpoint_tenant(tenant_id=desk.tenant_id)
        await self._check(desk)
        page = await _page(seats, desk, "compliance", "/approvals")
        assert "Audit chain: unbroken." in page and "Last signed and exported" in page
        assert "no records waiting" in page
        await steps.request(desk)
        assert "no records waiting" not in await _page(seats, desk, "compliance", "/approvals")

    async def test_says_that_the_chain_is_broken_until_it_is_found_whole(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await everything_settled()
        await seal_tenant(tenant_id=desk.tenant_id)

        async def broken(**_: object) -> AuditReport:
            return AuditReport(
                tenant=desk.tenant_id,
                ok=False,
                records=0,
                unsealed=0,
                batches=0,
                checkpoints=0,
                first_break="batch 1",
            )

        monkeypatch.setattr(upkeep, "verify_audit", broken)
        await self._check(desk)
        page = await _page(seats, desk, "compliance", "/approvals")
        assert "Audit chain: broken." in page
        monkeypatch.undo()
        await self._check(desk)
        assert "Audit chain: unbroken." in await _page(seats, desk, "compliance", "/approvals")

    async def _check(self, desk: Desk) -> None:
        async with desk.working("ops"):
            await enqueue(kind=upkeep.VERIFY_AUDIT_JOB, payload={})
        await drain()

    async def test_gives_each_region_alone(self, seats: Seats, desk: Desk) -> None:
        browser = (await seats.of(desk, "compliance")).browser
        for block in ("queue", "chain"):
            answer = await browser.get("/approvals", headers={"X-Block": block})
            assert answer.status_code == 200
            assert re.findall(r'data-live-block="(\w+)"', answer.text) == [block]


class TestTheClientsDesk:
    async def test_says_what_waits_for_the_clients_answer(self, seats: Seats, desk: Desk) -> None:
        redemption_id = await steps.request(desk, key="growth", portion=Portion(units="100"))
        shown = cards(await _page(seats, desk, "member", "/holdings"))
        assert shown["In progress"] == (["1"], "nothing waits for you")
        async with desk.working("ops") as unit:
            await publish_nav(
                product_id=desk.products["growth"], nav_per_unit=Decimal("1.07"), as_of=unit.now
            )
        await steps.decide(desk, redemption_id)
        page = await _page(seats, desk, "member", "/holdings")
        assert cards(page)["In progress"][1] == "1 waits for your answer"
        assert f'id="offer-{redemption_id}"' in page
        net = (await steps.seen(desk, redemption_id)).amounts.net
        assert f"{net:,.2f}" in page[page.index("Your answer is needed") :][:400]
        assert "Your answer is needed" not in await _page(seats, desk, "member2", "/holdings")
