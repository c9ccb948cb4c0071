"""Who hears of what on a desk, and in which words."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domains.investments.operations.client_tier_decide import decide_tier
from app.domains.investments.operations.client_tier_request import request_tier
from app.domains.investments.operations.redemption_hold import hold_redemption
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_reassign import reassign_redemption
from app.domains.investments.public import confirm_deposit
from app.domains.investments.values import ClientTier
from app.kernel.approvals.operations import delegate
from app.kernel.approvals.values import Decision
from app.kernel.database import fetch, fetch_value
from app.kernel.deadlines.schedules import ensure_schedules
from app.kernel.ids import new_id
from app.kernel.notifications import choose_mail, digest_lines
from app.kernel.notifications.digests import order_digests
from app.kernel.notifications.mail import MAIL_JOB
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk, price
from tests.support.drain import advance, drain
from workers.schedules import SCHEDULES


async def told(desk: Desk, login: str, like: str = "%") -> list[Any]:
    async with desk.working(login):
        return await fetch(
            "SELECT event_type, title, body, link FROM notification WHERE recipient_id = $1"
            " AND event_type LIKE $2 ORDER BY id",
            desk.people[login].id,
            like,
        )


async def heard(desk: Desk, event_type: str) -> set[str]:
    """Who was told of it, by login."""
    return {login for login in desk.people if await told(desk, login, event_type)}


async def mails(desk: Desk, login: str, event_type: str) -> list[dict[str, Any]]:
    async with desk.working(login):
        rows = await fetch(
            "SELECT j.payload FROM job j JOIN notification n ON n.id::text = j.key"
            " WHERE j.kind = $1 AND n.recipient_id = $2 AND n.event_type = $3 ORDER BY j.id",
            MAIL_JOB,
            desk.people[login].id,
            event_type,
        )
    return [row["payload"] for row in rows]


async def deposit(desk: Desk, amount: str) -> None:
    async with desk.working("ops"):
        await confirm_deposit(
            client_id=desk.clients["member"],
            staging_account_id=desk.staging["yield"],
            amount=Decimal(amount),
            transaction_reference=f"transaction {new_id()}",
        )
    await drain()


class TestDeposits:
    async def test_are_told_to_their_client_at_once(self, desk: Desk) -> None:
        await deposit(desk, "2500.00")
        row = (await told(desk, "member", "deposit.confirmed"))[-1]
        assert row["title"] == "Deposit confirmed"
        assert row["body"].startswith("2,500.00 USDT for Yield has arrived")
        assert row["link"] == "/holdings"
        assert await heard(desk, "deposit.confirmed") == {"member", "member2"}
        assert len(await told(desk, "member2", "deposit.confirmed")) == 2, "their own two"
        mail = (await mails(desk, "member", "deposit.confirmed"))[-1]
        assert ["Amount", "2,500.00 USDT"] in mail["context"]["figures"]
        assert not [figure for figure in mail["context"]["figures"] if figure[0] == "Client"]

    async def test_are_told_to_the_manager_in_the_evening_together(self, desk: Desk) -> None:
        await ensure_schedules(SCHEDULES)
        await drain()
        assert await told(desk, "rm") == []
        await advance(days=1)
        (row,) = await told(desk, "rm")
        assert (row["event_type"], row["title"]) == (
            "notification.digest_due",
            "Your daily digest",
        )
        digest_id = row["link"].removeprefix("/notifications/digests/")
        async with desk.working("rm"):
            lines = [line.text for line in await digest_lines(digest_id=digest_id)]
        assert sorted(lines) == [
            "Member got 47,024.99995297 units of Growth for 50,000.00 USDC",
            "Member got 50,000 units of Yield for 50,000.00 USDT",
            "Member paid in 50,000.00 USDC for Growth",
            "Member paid in 50,000.00 USDT for Yield",
        ]
        assert not [line for line in lines if "Member2" in line]
        assert (await mails(desk, "rm", "notification.digest_due"))[0]["template"] == "digest"

    async def test_that_are_large_are_told_to_traders_at_once(self, desk: Desk) -> None:
        await deposit(desk, "100000.00")
        assert "trader" not in await heard(desk, "deposit.confirmed"), "above it, not at it"
        await deposit(desk, "100000.01")
        (row,) = await told(desk, "trader", "deposit.confirmed")
        assert row["link"] == "/settlement"
        assert row["body"].startswith("Member, 100,000.01 USDT for Yield")

    async def test_of_unknown_worth_are_large(self, desk: Desk) -> None:
        await drain()
        async with desk.working("ops"):
            await price(USDT="0.5")
        await deposit(desk, "150000.00")
        assert await told(desk, "trader") == []
        async with desk.working("ops"):
            await fetch(
                "UPDATE asset_price SET as_of = as_of - interval '1 hour' WHERE asset = 'USDT'"
                " RETURNING 1"
            )
        await deposit(desk, "1000.00")
        assert len(await told(desk, "trader")) == 1


class TestRedemptions:
    async def test_are_told_to_the_client_and_their_own_manager(self, desk: Desk) -> None:
        await steps.request(desk, portion=Portion(units="100"))
        await drain()
        assert await heard(desk, "redemption.requested") == {"member", "rm"}
        (client,) = await told(desk, "member", "redemption.requested")
        (manager,) = await told(desk, "rm", "redemption.requested")
        assert client["body"].startswith("R-")
        assert manager["body"] == f"Member, {client['body']}"

    async def test_their_mail_has_the_reference_in_its_subject_and_every_figure(
        self, desk: Desk
    ) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="100"))
        await drain()
        view = await steps.seen(desk, redemption_id)
        (mail,) = await mails(desk, "rm", "redemption.requested")
        context = mail["context"]
        assert context["reference"] == view.reference
        assert [label for label, _ in context["figures"]] == [
            "Client",
            "Product",
            "Gross",
            "Early exit penalty",
            "Redemption fee",
            "Net",
        ]
        assert context["figures"][-1][1] == f"{view.amounts.net:,.2f} USDT"

    async def test_reach_a_trader_once_they_are_approved(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        async with desk.working("compliance"):
            await hold_redemption(redemption_id=redemption_id, note="Sanctions hit")
        await drain()
        assert await heard(desk, "redemption.held") == {"member", "rm", "ops", "compliance"}
        approved = await steps.request(desk, login="member2")
        await steps.decide(desk, approved, by="rm2")
        async with desk.working("compliance"):
            await hold_redemption(redemption_id=approved, note="Sanctions hit")
        await drain()
        assert {"trader", "trader2"} <= await heard(desk, "redemption.held")

    async def test_that_fail_reach_everybody_who_must_act(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        sandbox.next("refuse")
        await drain()
        assert await heard(desk, "redemption.payout_failed") == {
            "member",
            "rm",
            "trader",
            "trader2",
            "ops",
        }

    async def test_reassigned_go_to_who_decides_now_and_to_the_clients_own_manager(
        self, desk: Desk
    ) -> None:
        redemption_id = await steps.request(desk)
        to = desk.people["rm2"].id
        assert to is not None
        async with desk.working("ops"):
            await reassign_redemption(redemption_id=redemption_id, to_membership_id=to, note="Away")
        await drain()
        assert await heard(desk, "redemption.reassigned") == {"rm2"}
        await steps.decide(desk, redemption_id, by="rm2")
        await drain()
        assert await heard(desk, "redemption.approved") == {
            "member",
            "rm",
            "rm2",
            "trader",
            "trader2",
        }

    async def test_remind_who_stands_in_as_well(self, desk: Desk) -> None:
        to = desk.people["rm2"].id
        assert to is not None
        async with desk.working("rm") as unit:
            await delegate(
                to_membership_id=to,
                permissions=["redemption:approve"],
                starts_at=unit.now,
                ends_at=unit.now + timedelta(days=2),
            )
        await steps.request(desk)
        await advance(hours=13)
        assert await heard(desk, "redemption.approval_reminder") == {"rm", "rm2"}

    async def test_of_another_tenant_are_heard_of_by_nobody_here(
        self, desk: Desk, stranger: Desk
    ) -> None:
        await steps.request(stranger)
        await drain()
        assert await heard(desk, "redemption.%") == set()
        assert await heard(stranger, "redemption.%") == {"member", "rm"}


class TestClients:
    async def test_a_change_of_tier_goes_to_who_decides_and_then_to_who_must_know(
        self, desk: Desk
    ) -> None:
        async with desk.working("ops"):
            await request_tier(
                client_id=desk.clients["member"], tier=ClientTier.premier, note="Grew"
            )
        await drain()
        assert await heard(desk, "client.tier_requested") == {"compliance"}
        (row,) = await told(desk, "compliance", "client.tier_requested")
        assert row["body"] == "Member, operations ask for premier in place of standard."
        assert row["link"] == f"/clients/{desk.clients['member']}"
        async with desk.working("compliance"):
            await decide_tier(
                client_id=desk.clients["member"], decision=Decision.approve, note="Known"
            )
        await drain()
        assert await heard(desk, "client.tier_approved") == {"rm", "ops"}
        assert await mails(desk, "ops", "client.tier_approved") == []


class TestMail:
    async def test_stops_where_it_was_switched_off_and_the_portal_goes_on(self, desk: Desk) -> None:
        async with desk.working("rm"):
            await choose_mail(by_mail=["digest", "deadlines"])
        redemption_id = await steps.request(desk)
        await advance(hours=13)
        assert len(await told(desk, "rm", "redemption.requested")) == 1
        assert await mails(desk, "rm", "redemption.requested") == []
        # A promise of time is binding.
        assert len(await mails(desk, "rm", "redemption.approval_reminder")) == 1
        assert len(await mails(desk, "member", "redemption.requested")) == 1
        assert (await steps.seen(desk, redemption_id)).state.value == "pending_approval"


async def test_a_digest_that_is_ordered_twice_at_once_is_told_once(desk: Desk) -> None:
    await drain()
    for _ in range(2):
        async with desk.working("ops"):
            await order_digests()
    await drain()
    async with desk.working("ops"):
        count = await fetch_value(
            "SELECT count(*) FROM notification WHERE event_type = 'notification.digest_due'"
            " AND recipient_id = $1",
            desk.people["rm"].id,
        )
    assert count == 1


@pytest.mark.parametrize("login", ["member", "rm", "trader", "ops", "compliance"])
async def test_nobody_is_told_twice_of_one_event(desk: Desk, sandbox: Control, login: str) -> None:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    await steps.ready(desk, redemption_id)
    await drain()
    async with desk.working(login):
        doubled = await fetch(
            "SELECT event_id FROM notification WHERE recipient_id = $1"
            " GROUP BY event_id HAVING count(*) > 1",
            desk.people[login].id,
        )
    assert doubled == []
