"""Of R9: a web process, a worker and the relay have clocks an hour off, each its own way, and the
others' and the database's are right."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import fetch, fetch_value, unit_of_work
from app.kernel.ids import new_id
from drills import redeeming
from drills.drill import Round
from drills.load import assert_kept, under_load
from drills.payouts import approved, assert_completed, assert_paid_once, order
from drills.people import REDEMPTIONS, People
from drills.redis_away import marks_late
from drills.soundness import assert_sound
from drills.stage import until
from drills.worker_killed import assert_accrued_once
from tests.support.desk import Desk
from tests.support.drill_work import MARKS, effect_counts, marks_fired, start_deadlines
from tests.support.faketime import find_faketime

HOUR = 3600.0
DAY_SECONDS = 24 * 3600
TOKENS_MIN, TOKENS_MAX = 4, 40
QUOTES, TIMERS, AT_ONCE = 4, 60, 20
LATE_SECONDS_MAX = 5.0
# A client's first requests: from the third within a day on compliance is asked.
HOLDINGS = (("member", "growth"), ("member2", "growth"))


async def clocks_off(turn: Round, people: People) -> None:
    library = await asyncio.to_thread(find_faketime)
    if library is None:
        turn.counted("left out: no libfaketime", 1)
        return
    stage, desk = turn.stage, people.desk
    names = (stage.web[0].name, stage.workers[0].name, stage.relay.name)
    wrong = {name: turn.dice.choice((HOUR, -HOUR)) for name in names}
    async with stage.with_clocks_off(wrong, library):
        began = await _database_time(desk)
        await _tokens_hold(turn, people)
        redemptions = await approved(people, HOLDINGS)
        asked = {await _one_for_all(people), *await _quotes_hold(people)}
        due = [timedelta(seconds=turn.dice.randint(4, 10)) for _ in range(TIMERS)]
        await start_deadlines(desk.tenant_id, TIMERS, due_in=due)
        async with under_load(people) as told:
            await order(people, redemptions)
            turn.measured("payouts s", await assert_completed(people))
            await _marks_in_time(turn, desk)
        assert set(told.statuses) <= {200, 201}, told.refusals
        assert not told.unanswered, told.unanswered[:5]
        turn.counted("answers", sum(told.statuses.values()))
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await advance_clock(seconds=DAY_SECONDS)
        await assert_accrued_once(people)
        await assert_sound(desk)
        await _written_at_the_right_time(turn, desk, began)
    told.redemptions |= asked
    await assert_paid_once(stage, people, list(redemptions))
    await assert_kept(people, told)


async def _tokens_hold(turn: Round, people: People) -> None:
    """Whichever process issues a token, every one takes it; by its Date one sees who has answered."""
    issuers: Counter[int] = Counter()
    readers: Counter[int] = Counter()
    for number in range(TOKENS_MAX):
        answer = await people.refresh("ops")
        assert answer.status_code == 200, (_hours_off(answer), answer.text)
        issuers[_hours_off(answer)] += 1
        for _ in range(4):
            answer = await people.get("ops", "/api/v1/me")
            assert answer.status_code == 200, (_hours_off(answer), answer.text)
            readers[_hours_off(answer)] += 1
        if number >= TOKENS_MIN and len(issuers) == len(readers) == 2:
            break
    # One's clock is right, the other's is not: else this drill shows nothing.
    for answered in (issuers, readers):
        assert {abs(hours) for hours in answered} == {0, 1}, answered
    turn.counted("tokens", sum(issuers.values()))


def _hours_off(answer: httpx.Response) -> int:
    stamped = parsedate_to_datetime(answer.headers["date"]).timestamp()
    return round((stamped - time.time()) / HOUR)


async def _one_for_all(people: People) -> str:
    """One key at every process at once: one request, of one answer."""
    body, key = redeeming.asking(people, "member", "yield", "1"), new_id().hex
    answers = await asyncio.gather(
        *(people.post("member", REDEMPTIONS, body, key=key) for _ in range(AT_ONCE))
    )
    assert {answer.status_code for answer in answers} == {201}, answers[0].text
    (redemption,) = {answer.json()["data"]["id"] for answer in answers}
    return str(redemption)


async def _quotes_hold(people: People) -> list[str]:
    """Quoted by one process, asked for at any."""
    asked = []
    for _ in range(QUOTES):
        body = redeeming.asking(people, "member2", "yield", "1")
        wanted = {name: body[name] for name in ("subscription_id", "units")}
        quote = await people.post("member2", f"{REDEMPTIONS}/quote", wanted)
        assert quote.is_success, quote.text
        body["quote_id"] = quote.json()["data"]["quote_id"]
        answer = await people.post("member2", REDEMPTIONS, body)
        assert answer.status_code == 201, answer.text
        asked.append(str(answer.json()["data"]["id"]))
    return asked


async def _marks_in_time(turn: Round, desk: Desk) -> None:
    """Every mark of every timer once, none before it stood."""

    async def all_fired() -> bool:
        return await marks_fired(desk.tenant_id) == TIMERS * len(MARKS)

    await until(all_fired, seconds=30, what="every mark")
    assert await effect_counts(desk.tenant_id) == {1}
    earliest, latest = await marks_late(desk)
    assert earliest >= 0, f"a mark was fired {-earliest:.1f} s early"
    turn.measured("mark late s", latest, at_most=LATE_SECONDS_MAX)


async def _database_time(desk: Desk) -> datetime:
    async with desk.working("ops"):
        now: datetime = await fetch_value("SELECT clock_timestamp()")
    return now


async def _written_at_the_right_time(turn: Round, desk: Desk, began: datetime) -> None:
    """The moments in the trail, in identifiers and of readings are the database's."""
    async with desk.working("ops"):
        for table in ("audit_record", "outbox_event"):
            (row,) = await fetch(
                "SELECT count(*) AS rows, min(recorded_at) AS first, max(recorded_at) AS last,"
                " max(abs(extract(epoch FROM uuid_extract_timestamp(id) - recorded_at))) AS apart"
                f" FROM {table} WHERE recorded_at >= $1",
                began,
            )
            assert row["rows"] > 0, table
            assert row["last"] <= await fetch_value("SELECT clock_timestamp()"), (table, row)
            turn.measured("identifier beside its time s", float(row["apart"]), at_most=60.0)
        ages = await fetch(
            "SELECT extract(epoch FROM clock_timestamp() - read_at)::float8 AS age"
            " FROM custody_account WHERE read_at IS NOT NULL"
        )
    assert ages, "nothing has been read"
    assert all(-1 < row["age"] < HOUR / 2 for row in ages), [row["age"] for row in ages]
