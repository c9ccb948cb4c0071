"""KYC and standing of clients: recorded, run out, and what they hold up on a redemption's way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.domains.investments.client_values import ScreeningFilter, ScreeningView
from app.domains.investments.operations.client_kyc_record import record_kyc
from app.domains.investments.operations.client_standing_record import record_standing
from app.domains.investments.operations.client_trail import ClientChanged
from app.domains.investments.operations.payout_settle import begin_payout
from app.domains.investments.operations.redemption_accept import accept_redemption
from app.domains.investments.operations.redemption_admit import ClientBarred, KycLapsed
from app.domains.investments.operations.redemption_hold import (
    StillBlocked,
    cancel_held_redemption,
    hold_redemption,
    resume_redemption,
)
from app.domains.investments.operations.redemption_quote import Portion, quote_redemption
from app.domains.investments.policy import barriers, kyc_at
from app.domains.investments.queries.client_book import client
from app.domains.investments.queries.desks import compliance_page
from app.domains.investments.queries.screening import screened, screening
from app.domains.investments.values import (
    KycState,
    PayoutState,
    RedemptionState,
    RedemptionView,
    Standing,
)
from app.integrations.custody import custody
from app.integrations.custody.hex_safe import HexSafe
from app.kernel.approvals.operations import decide
from app.kernel.approvals.values import Decision
from app.kernel.database import execute, fetch, fetch_value, unit_of_work
from app.kernel.errors import InputInvalid, NotFound
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import open_seats
from tests.security.traces import nothing_written
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk, balance_of
from tests.support.drain import advance, drain
from tests.support.invariants import assert_invariants_hold

HELD = RedemptionState.on_hold


async def today(desk: Desk) -> date:
    return (await steps.seen_now(desk)).date()


async def kyc(
    desk: Desk, state: str = "lapsed", *, days: int | None = None, login: str = "member"
) -> None:
    valid_until = None if days is None else await today(desk) + timedelta(days=days)
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
        await record_kyc(
            client_id=desk.clients[login],
            kyc=KycState(state),
            valid_until=valid_until,
            note="Report 17",
        )


async def standing(desk: Desk, state: str, *, login: str = "member") -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
        await record_standing(
            client_id=desk.clients[login], standing=Standing(state), note="List of today"
        )


async def revoke(desk: Desk) -> None:
    """Without the hold that the client's own revocation brings at once."""
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        await execute(
            "UPDATE destination SET revoked_at = app_now() WHERE id = $1",
            desk.destinations["member", "yield"],
        )


async def pending(desk: Desk) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        await execute("UPDATE client SET kyc = 'pending', kyc_expires_at = NULL")


BARS: dict[str, tuple[Callable[[Desk], Awaitable[None]], str]] = {
    "kyc never passed": (pending, "KYC has not been passed"),
    "kyc lapsed": (lambda desk: kyc(desk, "lapsed"), "KYC has lapsed"),
    "kyc refused": (lambda desk: kyc(desk, "refused"), "KYC was refused"),
    "death": (lambda desk: standing(desk, "deceased"), "The client has died"),
    "sanctions hit": (lambda desk: standing(desk, "sanctioned"), "Compliance has to look at it"),
    "destination revoked": (revoke, "Its destination was revoked by the client"),
}


async def lift(desk: Desk) -> None:
    await kyc(desk, "passed", days=100)
    await standing(desk, "good")


async def resume(desk: Desk, redemption_id: UUID) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
        await resume_redemption(redemption_id=redemption_id, note="Cleared up")


def reason(view: RedemptionView) -> str:
    return [event.note for event in view.timeline if event.event == "held"][-1]


async def screen(desk: Desk, *, by: str = "compliance", login: str = "member") -> ScreeningView:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by]):
        return await screening(client_id=desk.clients[login])


class TestRequest:
    @pytest.mark.parametrize("bar", [bar for bar in BARS if bar != "destination revoked"])
    async def test_is_refused_and_writes_nothing(
        self, desk: Desk, database: DatabaseUrls, bar: str
    ) -> None:
        await BARS[bar][0](desk)
        wanted = KycLapsed if bar.startswith("kyc") else ClientBarred
        async with nothing_written(database, desk):
            with pytest.raises(wanted) as refused:
                await steps.request(desk)
            with pytest.raises(wanted):
                async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
                    await quote_redemption(
                        subscription_id=desk.subscriptions["member", "yield"], portion=Portion()
                    )
        assert "relationship manager" in refused.value.detail
        assert "sanction" not in refused.value.detail.lower()
        if bar.startswith("kyc"):
            await kyc(desk, "passed", days=1)
        else:
            await standing(desk, "good")
        await steps.request(desk)

    async def test_of_another_client_is_not_touched(self, desk: Desk) -> None:
        await standing(desk, "sanctioned")
        await steps.request(desk, login="member2")

    async def test_is_refused_from_the_day_after_the_last(self, desk: Desk) -> None:
        """By the day's end in business time; nobody has to record it."""
        await kyc(desk, "passed", days=0)
        await steps.request(desk, portion=Portion(units="1"))
        expires_at = (await screen(desk)).screening.kyc_expires_at
        assert expires_at is not None
        left = (expires_at - await steps.seen_now(desk)).total_seconds()
        await advance(left + 1)
        with pytest.raises(KycLapsed) as refused:
            await steps.request(desk, portion=Portion(units="1"))
        assert f"lapsed on {expires_at.day} {expires_at:%B %Y}" in refused.value.detail
        assert (await screen(desk)).screening.kyc is KycState.lapsed


class TestAtApproval:
    @pytest.mark.parametrize("bar", BARS)
    async def test_holds_it_in_place_of_the_vote(self, desk: Desk, bar: str) -> None:
        redemption_id = await steps.request(desk)
        await BARS[bar][0](desk)
        await steps.decide(desk, redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert view.state is HELD
        assert reason(view) == f"{BARS[bar][1]}. Found by the portal at approval"
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            assert await fetch_value("SELECT count(*) FROM approval_decision") == 0
            assert await fetch_value("SELECT held_from FROM redemption") == "pending_approval"
        await assert_invariants_hold(desk.tenant_id)

    async def test_by_the_approvals_interface_as_well(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await kyc(desk)
        approval_id = (await steps.seen(desk, redemption_id)).approval_id
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]):
            outcome = await decide(approval_id=approval_id, decision=Decision.approve, note="")
        assert outcome is None
        assert (await steps.seen(desk, redemption_id)).state is HELD

    async def test_goes_on_to_a_decision_once_it_is_resumed(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await kyc(desk)
        await steps.decide(desk, redemption_id)
        await lift(desk)
        await resume(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.pending_approval
        await steps.decide(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved

    async def test_does_not_stop_a_rejection(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await kyc(desk)
        await steps.decide(desk, redemption_id, decision="reject", note="KYC")
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.rejected

    async def test_is_not_to_be_had_by_who_may_not_decide(
        self, desk: Desk, database: DatabaseUrls
    ) -> None:
        redemption_id = await steps.request(desk)
        await kyc(desk)
        async with nothing_written(database, desk):
            with pytest.raises(NotFound):
                await steps.decide(desk, redemption_id, by="rm2")

    async def test_by_compliance_holds_it_from_there(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        await standing(desk, "deceased")
        await steps.clear(desk, redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert (view.state, reason(view)) == (
            HELD,
            "The client has died. Found by the portal at approval",
        )
        await standing(desk, "good")
        await resume(desk, redemption_id)
        await steps.clear(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved

    async def test_when_the_client_accepts_a_new_net(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            await execute("UPDATE redemption SET gross = gross - 500, net = net - 500")
        await steps.decide(desk, redemption_id)
        await kyc(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            assert await accept_redemption(redemption_id=redemption_id) is HELD
        assert (await steps.seen(desk, redemption_id)).state is HELD
        await assert_invariants_hold(desk.tenant_id)


class TestAtReady:
    @pytest.mark.parametrize("bar", BARS)
    async def test_holds_it_and_reserves_nothing(self, desk: Desk, bar: str) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await BARS[bar][0](desk)
        await steps.ready(desk, redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert (view.state, reason(view)) == (HELD, f"{BARS[bar][1]}. Found by the portal at ready")
        assert view.payout is None
        assert view.accounts[0].reserved == 0
        await assert_invariants_hold(desk.tenant_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await cancel_held_redemption(redemption_id=redemption_id, note="Given up")
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.cancelled
        await assert_invariants_hold(desk.tenant_id)


class TestAtSending:
    @pytest.mark.parametrize("bar", BARS)
    async def test_sends_nothing_and_keeps_the_reservation(
        self, desk: Desk, sandbox: Control, bar: str
    ) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        # Between ready and sending: the payout is ordered, and no worker has it yet.
        await BARS[bar][0](desk)
        await drain(hurry=3)
        view = await steps.seen(desk, redemption_id)
        assert (view.state, reason(view)) == (
            HELD,
            f"{BARS[bar][1]}. Found by the portal when it was to be sent",
        )
        assert view.payout is not None and view.payout.state is PayoutState.pending
        assert sandbox.withdrawals() == []
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            reserved = await fetch_value("SELECT reserved FROM redemption")
            account = await fetch_value(
                "SELECT reserved_account_id FROM custody_account WHERE id = $1",
                desk.staging["yield"],
            )
        assert reserved == await balance_of(desk, account) > Decimal(0)
        await assert_invariants_hold(desk.tenant_id)

    async def test_sends_it_once_when_it_is_resumed(self, desk: Desk, sandbox: Control) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        await kyc(desk)
        await drain(hurry=1)
        await lift(desk)
        await drain(hurry=1)
        assert sandbox.withdrawals() == []
        await resume(desk, redemption_id)
        await drain(hurry=2)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        assert len(sandbox.withdrawals()) == 1
        await assert_invariants_hold(desk.tenant_id)

    async def test_cancelled_from_there_frees_what_was_set_aside(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        await standing(desk, "deceased")
        await drain(hurry=1)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await cancel_held_redemption(redemption_id=redemption_id, note="Heirs are sought")
        await drain(hurry=2)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.cancelled
        assert view.accounts[0].reserved == 0
        assert sandbox.withdrawals() == []
        await assert_invariants_hold(desk.tenant_id)

    async def test_comes_before_or_after_what_is_recorded_at_the_same_moment(
        self, desk: Desk
    ) -> None:
        """The record's transaction is open while the payout begins: the payout waits, and sees it."""
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        recorded, finish = asyncio.Event(), asyncio.Event()

        async def record() -> None:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
                await record_standing(
                    client_id=desk.clients["member"], standing=Standing.sanctioned, note="Hit"
                )
                recorded.set()
                await finish.wait()

        async def begin() -> Any:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
                payout_id = await fetch_value("SELECT id FROM payout")
                return await begin_payout(payout_id=payout_id)

        recording = asyncio.create_task(record())
        await recorded.wait()
        beginning = asyncio.create_task(begin())
        await asyncio.sleep(0)
        done, _ = await asyncio.wait({beginning}, timeout=0.3)
        assert not done, "it waits for the record"
        finish.set()
        await recording
        assert str(await beginning) == "Halt.held"
        assert (await steps.seen(desk, redemption_id)).state is HELD

    async def test_of_what_may_have_been_sent_does_not_send_it_again(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            payout_id = await fetch_value("SELECT id FROM payout")
            # As a worker leaves it that died before, or after, the custodian was asked.
            await begin_payout(payout_id=payout_id)
        await standing(desk, "deceased")
        await drain(hurry=3)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.in_transit
        assert [event.event for event in view.timeline].count("payout_withheld") == 1
        assert sandbox.withdrawals() == []
        await standing(desk, "good")
        await drain(hurry=2)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        assert len(sandbox.withdrawals()) == 1
        await assert_invariants_hold(desk.tenant_id)

    async def test_of_what_was_paid_already_settles_it(
        self, desk: Desk, sandbox: Control, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The custodian has it; the record comes after. What left is on the books."""
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        send = HexSafe.send_payout

        async def send_then_record(self: Any, **given: Any) -> Any:
            status = await send(self, **given)
            await standing(desk, "sanctioned")
            return status

        assert isinstance(custody(), HexSafe)
        monkeypatch.setattr(HexSafe, "send_payout", send_then_record)
        await drain(hurry=2)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        assert len(sandbox.withdrawals()) == 1
        await assert_invariants_hold(desk.tenant_id)


class TestResume:
    @pytest.mark.parametrize("bar", [bar for bar in BARS if bar != "destination revoked"])
    async def test_is_refused_while_the_reason_lasts(
        self, desk: Desk, database: DatabaseUrls, bar: str
    ) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await BARS[bar][0](desk)
        await steps.ready(desk, redemption_id)
        async with nothing_written(database, desk):
            with pytest.raises(StillBlocked):
                await resume(desk, redemption_id)
        await lift(desk)
        await resume(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved

    async def test_is_refused_whatever_it_was_held_for(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await hold_redemption(redemption_id=redemption_id, note="Asked for papers")
        await kyc(desk)
        with pytest.raises(StillBlocked):
            await resume(desk, redemption_id)


class TestRecord:
    async def test_leaves_what_was_and_what_is(self, desk: Desk) -> None:
        await kyc(desk, "lapsed")
        await kyc(desk, "passed", days=90)
        await standing(desk, "sanctioned")
        await standing(desk, "good")
        view = await screen(desk)
        assert [(one.what, one.before, one.after.split()[0]) for one in view.history] == [
            ("Standing", "sanctioned", "good"),
            ("Standing", "good", "sanctioned"),
            ("KYC", "lapsed", "passed"),
            ("KYC", "passed", "lapsed"),
        ]
        assert view.bars == []
        assert view.screening.kyc_last_day == await today(desk) + timedelta(days=90)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            events = await fetch(
                "SELECT type, payload FROM outbox_event WHERE type LIKE 'client.%' ORDER BY id"
            )
        assert {str(event["payload"].keys()) for event in events} == {"dict_keys(['client_id'])"}
        await drain()

    @pytest.mark.parametrize(
        ("state", "days", "note", "field"),
        [
            ("passed", None, "Why", "valid_until"),
            ("passed", -1, "Why", "valid_until"),
            ("passed", 3654, "Why", "valid_until"),
            ("lapsed", 5, "Why", "valid_until"),
            ("pending", None, "Why", "kyc"),
            ("lapsed", None, " ", "note"),
            ("lapsed", None, "x" * 2001, "note"),
        ],
    )
    async def test_of_kyc_that_cannot_be_writes_nothing(
        self,
        desk: Desk,
        database: DatabaseUrls,
        state: str,
        days: int | None,
        note: str,
        field: str,
    ) -> None:
        valid_until = None if days is None else await today(desk) + timedelta(days=days)
        async with nothing_written(database, desk):
            with pytest.raises(InputInvalid) as refused:
                async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
                    await record_kyc(
                        client_id=desk.clients["member"],
                        kyc=KycState(state),
                        valid_until=valid_until,
                        note=note,
                    )
        assert [error.field for error in refused.value.errors] == [field]

    async def test_of_what_somebody_recorded_meanwhile_is_refused(
        self, desk: Desk, database: DatabaseUrls, portal: Portal
    ) -> None:
        path = f"/clients/{desk.clients['member']}"
        rest = f"/api/v1/investments{path}"
        async with open_seats(portal) as seats:
            seat = await seats.of(desk, "compliance")
            version = (await screen(desk)).version
            tag = (await seat.get(f"{rest}/standing")).headers["etag"]
            await kyc(desk, "refused")
            body = {"kyc": "lapsed", "note": "As I saw it"}
            async with nothing_written(database, desk):
                page = await seat.post(f"{path}/kyc", body | {"version": str(version)})
                assert (page.status_code, "As I saw it" in page.text) == (409, True)
                headers = {"If-Match": tag, "Idempotency-Key": "one"}
                answer = await seat.rest.post(f"{rest}/kyc", json=body, headers=headers)
                assert answer.status_code == 412
            headers["If-Match"] = (await seat.get(f"{rest}/standing")).headers["etag"]
            answer = await seat.rest.post(f"{rest}/kyc", json=body, headers=headers)
            assert (answer.status_code, answer.json()["data"]["kyc"]) == (200, "lapsed")

    async def test_twenty_at_once_of_one_version_have_one_effect(self, desk: Desk) -> None:
        version = (await screen(desk)).version

        async def record() -> None:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
                await record_standing(
                    client_id=desk.clients["member"],
                    standing=Standing.deceased,
                    note="Certificate",
                    version=version,
                )

        answers = await asyncio.gather(*(record() for _ in range(20)), return_exceptions=True)
        assert answers.count(None) == 1
        assert sum(isinstance(answer, ClientChanged) for answer in answers) == 19
        assert len((await screen(desk)).history) == 1

    async def test_of_another_tenants_client_is_not_there(self, desk: Desk, stranger: Desk) -> None:
        for operation, given in (
            (record_kyc, {"kyc": KycState.lapsed, "valid_until": None}),
            (record_standing, {"standing": Standing.sanctioned}),
        ):
            with pytest.raises(NotFound):
                async with unit_of_work(
                    tenant=stranger.tenant_id, actor=stranger.people["compliance"]
                ):
                    await operation(client_id=desk.clients["member"], note="Why", **given)


class TestLists:
    async def test_find_clients_by_what_their_kyc_is_now(self, desk: Desk) -> None:
        await kyc(desk, "passed", days=40)
        await kyc(desk, "passed", days=31, login="member2")

        async def found(by: str, who: str = "compliance") -> list[UUID]:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[who]):
                rows = await screened(chosen=ScreeningFilter(by))
                page = await screened(chosen=ScreeningFilter(by), limit=1)
                after = (
                    await screened(chosen=ScreeningFilter(by), after=page.place)
                    if page.place
                    else []
                )
            assert [row.id for row in [*page, *after]] == [row.id for row in rows]
            return [row.id for row in rows]

        first, second = desk.clients["member"], desk.clients["member2"]
        assert await found("expiring") == []
        await advance(days=12)
        assert await found("expiring") == [second, first]
        assert await found("expiring", "rm") == [first]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            assert (await compliance_page(time_zone="UTC")).kyc[ScreeningFilter.expiring] == 2
        await advance(days=21)
        assert await found("expiring") == [first]
        assert await found("lapsed") == [second]
        await kyc(desk, "refused")
        assert (await found("refused"), await found("expiring")) == ([first], [])
        await standing(desk, "deceased")
        assert await found("barred") == [first]
        await pending(desk)
        assert sorted(await found("pending")) == sorted([first, second])

    async def test_compliance_sees_what_is_held_and_why(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await kyc(desk)
        await steps.decide(desk, redemption_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            page = await compliance_page(time_zone="UTC")
        assert page.waiting.rows == []
        assert [(held.row.id, held.reasons) for held in page.held] == [
            (redemption_id, ["KYC has lapsed. Found by the portal at approval"])
        ]

    @pytest.mark.parametrize("who", ["rm", "ops"])
    async def test_of_a_sanctions_hit_only_compliance_reads(self, desk: Desk, who: str) -> None:
        await standing(desk, "sanctioned")
        view = await screen(desk, by=who)
        assert view.screening.standing == "under_review"
        assert view.bars == ["Compliance has to look at it"]
        view = await screen(desk)
        assert (view.screening.standing, view.bars) == ("sanctioned", ["Sanctions hit"])
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[who]):
            rows = await screened(chosen=ScreeningFilter.barred)
            assert [row.screening.standing for row in rows] == ["under_review"]
            shown = await client(client_id=desk.clients["member"])
        assert shown.screening.standing == "under_review"

    async def test_a_manager_sees_their_own_clients_alone(self, desk: Desk) -> None:
        assert (await screen(desk, by="rm")).history == []
        with pytest.raises(NotFound):
            await screen(desk, by="rm2")


class TestPagesAndRest:
    async def test_record_show_and_undo(self, desk: Desk, portal: Portal) -> None:
        redemption_id = await steps.request(desk)
        path = f"/clients/{desk.clients['member']}"
        rest = f"/api/v1/investments{path}"
        day = (await today(desk) + timedelta(days=20)).isoformat()
        async with open_seats(portal) as seats:
            compliance, member = await seats.of(desk, "compliance"), await seats.of(desk, "member")
            manager = await seats.of(desk, "rm")
            refused = await compliance.post(
                f"{path}/kyc", {"kyc": "passed", "valid_until": "2020-01-01", "note": "Kept words"}
            )
            assert refused.status_code == 422
            assert "Kept words" in refused.text and 'value="2020-01-01"' in refused.text
            form = {"kyc": "passed", "valid_until": day, "note": "Renewed"}
            assert (await compliance.post(f"{path}/kyc", form)).status_code == 303
            listed = (await compliance.get("/kyc")).text
            assert "Ends within 30 days (1)" in listed and f"{path}/standing" in listed
            body = {"standing": "sanctioned", "note": "Hit on the list of today"}
            answer = await compliance.post(f"{rest}/standing", body)
            assert answer.json()["data"]["bars"] == ["Sanctions hit"]
            assert answer.json()["data"]["kyc_valid_until"] == day
            # The manager approves, and it is held; its client reads nothing of why.
            approved = await manager.post(f"/redemptions/{redemption_id}/approve", {"note": ""})
            assert approved.status_code == 303
            for seat in (member, manager):
                page = (await seat.get(f"/redemptions/{redemption_id}")).text
                assert "On hold" in page and "Compliance has to look at it" in page
                assert "anction" not in page
            seen = (
                await member.get(f"/subscriptions/{desk.subscriptions['member', 'yield']}/redeem")
            ).text
            assert "Nothing can be redeemed from this account at present" in seen
            page = (await compliance.get(f"/redemptions/{redemption_id}")).text
            assert "sanctions hit" in page and "Resume</button>" not in page
            still = await compliance.post(
                f"/api/v1/investments/redemptions/{redemption_id}/resume", {"note": "Go"}
            )
            assert (still.status_code, still.json()["code"]) == (409, "STILL_BLOCKED")
            assert (await compliance.get("/approvals")).text.count("Compliance has to look") == 1
            undo = {"standing": "good", "note": "Another person of that name"}
            assert (await compliance.post(f"{path}/standing", undo)).status_code == 303
            page = (await compliance.get(f"{path}/standing")).text
            assert "Another person of that name" in page and "Sanctioned → Good" in page
            rows = (await compliance.get("/api/v1/investments/kyc?by=expiring")).json()["data"]
            assert [(row["name"], row["kyc_valid_until"]) for row in rows] == [("Member", day)]


class TestPolicy:
    def test_a_check_that_was_passed_lapses_at_its_instant(self) -> None:
        end = datetime(2026, 3, 2, tzinfo=UTC)
        at = {
            moment: kyc_at(recorded=KycState.passed, expires_at=end, now=end + timedelta(seconds=s))
            for moment, s in (("before", -1), ("at", 0), ("after", 1))
        }
        assert at == {"before": "passed", "at": "lapsed", "after": "lapsed"}
        assert kyc_at(recorded=KycState.refused, expires_at=None, now=end) is KycState.refused

    def test_everything_that_bars_is_named(self) -> None:
        found = barriers(kyc=KycState.lapsed, standing=Standing.deceased, destination_revoked=True)
        assert found == ["kyc_lapsed", "deceased", "destination_revoked"]
        assert (
            barriers(kyc=KycState.passed, standing=Standing.good, destination_revoked=False) == []
        )
