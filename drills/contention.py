"""R5: many hands on the same thing: the last units, one decision, a decision against a cancellation."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from decimal import Decimal
from statistics import quantiles

import httpx

from app.embedded.ports import HOST
from app.kernel.database import fetch_value
from app.kernel.ids import new_id
from bench.contestants.visitors import Answer, Connection
from drills import redeeming
from drills.drill import Drill, Round
from drills.people import API, REDEMPTIONS, People
from drills.soundness import assert_sound

HANDS = 200
LAST_UNITS = 10
VOTES = 10


async def run(turn: Round) -> None:
    hands = 40 if turn.is_short else HANDS
    async with turn.stage.desk() as desk, turn.stage.people(desk) as people:
        await people.sign_in("member", "member2", "rm", "rm2")
        await _last_units(turn, people, hands)
        await _approve_against_approve(people)
        await _approve_against_cancel(turn, people)
        await assert_sound(desk)


async def _last_units(turn: Round, people: People, hands: int) -> None:
    """All but ten units are spoken for; everybody wants one of those."""
    subscription = people.desk.subscriptions["member", "growth"]
    held = await people.get("member", f"{API}/investments/subscriptions/{subscription}")
    free = Decimal(held.json()["data"]["units"])
    await redeeming.requested(people, "member", "growth", format(free - LAST_UNITS, "f"))
    body = redeeming.asking(people, "member", "growth", "1")
    took: list[float] = []

    # A client that costs little: two hundred of httpx's on the portal's own two processors would be
    # a third of what is measured.
    headers = people.bearer("member") | {"Content-Type": "application/json"}
    sent = json.dumps(body).encode()

    async def ask(number: int) -> Answer:
        connection = Connection(HOST, turn.stage.port, number)
        key = {"Idempotency-Key": new_id().hex}
        began = time.monotonic()
        answer = await connection.ask(REDEMPTIONS, headers | key, method="POST", body=sent)
        took.append(time.monotonic() - began)
        connection.close()
        return answer

    used = turn.stage.web_processor_seconds()
    answers = await asyncio.gather(*(ask(number) for number in range(hands)))
    turn.measured("of processor in web s", turn.stage.web_processor_seconds() - used)
    statuses = Counter(status for status, _, _ in answers)
    won = statuses.pop(201)
    assert won == LAST_UNITS, f"{won} of the last {LAST_UNITS} units were sold"
    # Whoever waits for a connection for five seconds is told to come again: slow, but the truth.
    assert set(statuses) <= {409, 422, 503}, [a for a in answers if a[0] >= 500][:1]
    turn.counted("answers of 503", statuses[503])
    turn.measured("99th percentile s", quantiles(took, n=100)[-1])
    turn.measured("all answered s", max(took))
    turn.counted("asked at once", hands)


async def _approve_against_approve(people: People) -> None:
    redemption = await redeeming.requested(people, "member2", "yield")
    answers = await _at_once(people, [("rm2", redemption, "approve")] * VOTES)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: VOTES - 1}
    async with people.desk.working("ops"):
        votes = await fetch_value(
            "SELECT count(*) FROM approval_decision d JOIN redemption r"
            " ON r.tenant_id = d.tenant_id AND r.approval_id = d.approval_id WHERE r.id = $1",
            redemption,
        )
    assert votes == 1


async def _approve_against_cancel(turn: Round, people: People) -> None:
    redemption = await redeeming.requested(people, "member2", "growth")
    hands = [("rm2", redemption, "approve")] * VOTES + [("member2", redemption, "cancel")] * VOTES
    turn.dice.shuffle(hands)
    answers = await _at_once(people, hands)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 2 * VOTES - 1}
    state = (await redeeming.seen(people, redemption))["state"]
    won = next(answer for answer in answers if answer.status_code == 200)
    assert won.json()["data"]["state"] == state
    assert state in ("approved", "cancelled")
    turn.counted(f"{state} won", 1)


async def _at_once(people: People, hands: list[tuple[str, str, str]]) -> list[httpx.Response]:
    return await asyncio.gather(
        *(
            people.post(
                login,
                f"{REDEMPTIONS}/{redemption}/{step}",
                {"note": ""} if step == "approve" else None,
            )
            for login, redemption, step in hands
        )
    )


DRILL = Drill(
    name="R5",
    injects=f"{HANDS} redemptions of the last {LAST_UNITS} units at once; approve against approve,"
    " against cancel",
    to_reach="nothing oversold, no deadlock reaches a user, 99th percentile under 1 s",
    rounds=100,
    run=run,
)
