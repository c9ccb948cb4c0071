"""R10: every cell of state × step × person of a redemption, and of the changes of clocks.

What is legal is not read from the portal: the access matrix of tests/security says it once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from app.domains.investments.values import RedemptionState as State
from app.kernel.database import execute, fetch_row, fetch_value
from drills import redeeming
from drills.drill import Drill, Round
from drills.people import API, REDEMPTIONS, People
from drills.soundness import assert_sound, nothing_decided
from drills.stage import Stage, gone, until
from tests.security.matrix import MATRIX, Route, expected

REST = "/api/v1/investments/redemptions/{redemption_id}/"
STEPS = {
    path.removeprefix(REST): (path, route)
    for (method, path), route in MATRIX.items()
    if method == "POST" and path.startswith(REST)
}
STATUSES = {"forbidden": 403, "not there": 404, "conflict": 409}
HOLDER, KEY, UNITS = "member", "yield", "20"
# Who decides on a change of a clock; whoever proposed it does not.
DECIDERS = frozenset({"ops", "compliance"})


async def run(turn: Round) -> None:
    """A state a round; the changes of clocks with the last."""
    stage = turn.stage
    states = list(State)
    state = states[(turn.seed - 1) % len(states)]
    async with stage.desk() as desk, stage.people(desk) as people:
        await people.sign_in(*desk.people)
        redemption = await _brought_to(state, stage, people)
        async with nothing_decided(stage, desk):
            for step, (path, route) in STEPS.items():
                for login in desk.people:
                    wanted = expected("POST", path, login=login, desk=desk, owner=desk, state=state)
                    if wanted != "yes":
                        await _assert_refused(people, login, redemption, step, route, wanted)
                        turn.counted("cells refused", 1)
        await _let_go(state, stage)
        legal = [step for step, (_, route) in STEPS.items() if state in route.legal]
        for step in legal[:1] if turn.is_short else legal:
            await _assert_allowed(turn, state, stage, step)
        if turn.is_short or state is states[-1]:
            await _clocks(turn, people)
        await assert_sound(desk)


async def _assert_refused(
    people: People, login: str, redemption: str, step: str, route: Route, wanted: str
) -> None:
    answer = await people.post(login, f"{REDEMPTIONS}/{redemption}/{step}", _body(people, step))
    cell = (login, step, wanted, answer.status_code, answer.text[:200])
    assert answer.status_code == STATUSES[wanted], cell
    assert answer.headers["content-type"] == "application/problem+json", cell


async def _assert_allowed(turn: Round, state: State, stage: Stage, step: str) -> None:
    """A redemption in this state on a desk of its own: steps and limits of another do not count."""
    path, _ = STEPS[step]
    async with stage.desk() as desk, stage.people(desk) as people:
        await people.sign_in(*desk.people)
        redemption = await _brought_to(state, stage, people)
        may = [
            login
            for login in desk.people
            if expected("POST", path, login=login, desk=desk, owner=desk, state=state) == "yes"
        ]
        assert may, f"nobody may {step} what is {state}"
        await redeeming.stepped(
            people, turn.dice.choice(may), redemption, step, _body(people, step)
        )
        turn.counted("cells allowed", 1)
        await _let_go(state, stage)
        await assert_sound(desk)


def _body(people: People, step: str) -> dict[str, str] | None:
    desk = people.desk
    if step == "ready":
        return {"source_account_id": str(desk.staging[KEY])}
    if step == "reassign":
        return {"to_membership_id": str(desk.people["rm2"].id), "note": "Away"}
    if step in ("cancel", "accept", "retry-payout"):
        return None
    return {"note": "Said so on the telephone"}


async def _brought_to(state: State, stage: Stage, people: People) -> str:
    """A redemption of `member`, by the people and jobs that would bring it there."""
    if state is State.pending_compliance:
        # The third within a day is put before compliance.
        for _ in range(2):
            earlier = await redeeming.requested(people, HOLDER, KEY, "1")
            await redeeming.stepped(people, HOLDER, earlier, "cancel")
    if state in (State.ready, State.in_transit):
        # Its payout must not go on while the cells are tried.
        await _workers_away(stage)
    redemption = await redeeming.requested(people, HOLDER, KEY, UNITS)
    if state is State.awaiting_client:
        async with people.desk.working("ops"):
            # As though the price had moved since: what was asked for is no longer what it comes to.
            await execute(
                "UPDATE redemption SET gross = gross - 10, net = net - 10 WHERE id = $1",
                UUID(redemption),
            )
    note = {"note": "Said so"}
    for login, step in _WAY[state]:
        if step == "ready":
            if state is State.payout_failed:
                stage.sandbox.next("refuse")
            if state is State.in_transit:
                stage.custody.hush()
            await redeeming.ready(people, redemption, KEY)
        else:
            await redeeming.stepped(
                people, login, redemption, step, None if step == "cancel" else note
            )
    if state is State.in_transit:
        await stage.restart(stage.workers[0])

    async def is_there() -> bool:
        async with people.desk.working("ops"):
            found = await fetch_value(
                "SELECT state FROM redemption WHERE id = $1", UUID(redemption)
            )
        return State(found) is state

    await until(is_there, seconds=30, what=f"the redemption to be {state}")
    return redemption


_APPROVED = [("rm", "approve")]
_WAY: dict[State, list[tuple[str, str]]] = {
    State.pending_approval: [],
    State.pending_compliance: _APPROVED,
    State.approved: _APPROVED,
    State.awaiting_client: _APPROVED,
    State.rejected: [("rm", "reject")],
    State.cancelled: [(HOLDER, "cancel")],
    State.on_hold: [("compliance", "hold")],
    State.ready: [*_APPROVED, ("trader", "ready")],
    State.in_transit: [*_APPROVED, ("trader", "ready")],
    State.completed: [*_APPROVED, ("trader", "ready")],
    State.payout_failed: [*_APPROVED, ("trader", "ready")],
}


async def _workers_away(stage: Stage) -> None:
    for worker in stage.workers:
        worker.ask_to_stop()
    for worker in stage.workers:
        await gone(worker)


async def _let_go(state: State, stage: Stage) -> None:
    stage.custody.heal()
    for worker in stage.workers:
        if not worker.is_running:
            await stage.restart(worker)


async def _clocks(turn: Round, people: People) -> None:
    """Each change of a payout's clock is decided by somebody else than who asked for it, or nobody."""
    desk = people.desk
    redemption = await redeeming.approved(people, "member2", "growth", UNITS)
    clock, due_at = await _payout_clock(people, redemption)
    later = (due_at + timedelta(hours=1)).isoformat()
    await _decided(
        turn, people, clock, "extensions", "ops", {"reason": "Slow", "due_at": later}, desk.people
    )
    await redeeming.stepped(people, "compliance", redemption, "hold", {"note": "Sanctions hit"})
    for change in ("pause", "resume"):
        body = {"reason": "The custodian is closed"}
        await _decided(turn, people, clock, change, "compliance", body, desk.people)


async def _decided(
    turn: Round,
    people: People,
    clock: str,
    change: str,
    proposer: str,
    body: dict[str, str],
    logins: Iterable[str],
) -> None:
    path = f"{API}/deadlines/{clock}/{change}"
    for login in logins:
        if login != proposer:
            answer = await people.post(login, path, body)
            cell = (login, change, answer.status_code, answer.text[:200])
            # Operations extend, compliance lets stand still and run on; nobody does both.
            assert answer.status_code in (403, 404), cell
            turn.counted("cells refused", 1)
    asked = await people.post(proposer, path, body)
    assert asked.status_code in (200, 201), (change, asked.text)
    approval = f"{API}/approvals/{asked.json()['data']['approval_id']}/decisions"
    decision = {"decision": "approve", "note": ""}
    for login in logins:
        if login not in DECIDERS - {proposer}:
            answer = await people.post(login, approval, decision)
            cell = (login, change, answer.status_code, answer.text[:200])
            assert answer.status_code in (403, 404), cell
            turn.counted("cells refused", 1)
            if login == proposer:
                assert answer.json()["code"] == "OWN_REQUEST", cell
    (decider,) = DECIDERS - {proposer}
    answer = await people.post(decider, approval, decision)
    assert answer.status_code == 200, (change, answer.text)
    turn.counted("cells allowed", 1)
    again = await people.post(decider, approval, decision)
    assert again.status_code == 409, (change, again.text)


async def _payout_clock(people: People, redemption: str) -> tuple[str, datetime]:
    async with people.desk.working("ops"):
        row = await fetch_row(
            "SELECT id, due_at FROM deadline WHERE subject_id = $1 AND kind = 'payout'",
            UUID(redemption),
        )
    assert row is not None
    return str(row["id"]), row["due_at"]


DRILL = Drill(
    name="R10",
    injects="every step by every person in each state of a redemption; changes of clocks",
    to_reach="every illegal one refused; nobody approves their own",
    rounds=len(State),
    run=run,
)
