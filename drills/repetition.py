"""R4: every unsafe operation and every form of a page sent again: twice, twenty times at once, after a
crash, with another body under the same key."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from app.kernel.database import fetch_value
from app.kernel.ids import new_id
from drills import golden, page_repetition, redeeming
from drills.crashing import crash_web_while
from drills.drill import Drill, Round
from drills.people import REDEMPTIONS, People
from drills.press import Press
from drills.soundness import assert_sound
from drills.stage import Stage
from e2e.rest.world import Golden, World
from tests.support.database import connected

AT_ONCE = 20
CRASHED = 12
CRASH_SECONDS_MAX = 0.06
# A person may ask 300 things a minute: this many are left before an operation's turn.
LEFT_MIN = 60
REUSED = "IDEMPOTENCY_KEY_REUSED"

# Of these a repetition is another request: none of them moves or decides anything.
WITHOUT_KEY = {
    "POST /api/v1/auth/login": "its answer are tokens, which are never stored",
    "POST /api/v1/auth/refresh": "a second use of a refresh token ends its family, as it should",
    "POST /api/v1/auth/logout": "signed out twice is signed out",
    "POST /api/v1/investments/redemptions/quote": "only says what it would come to",
    "PUT /api/v1/notifications/preferences": "set twice is set",
}


@dataclass(frozen=True)
class Ask:
    """One operation, with everything but its key."""

    name: str
    token: str
    method: str
    url: str
    body: Any

    @classmethod
    def of(cls, name: str, wanted: Golden, world: World) -> Ask:
        method, path = name.split(" ", 1)
        return cls(
            name, world.tokens[wanted.login], method, path.format(**wanted.path), wanted.body
        )

    async def send(
        self, http: httpx.AsyncClient, key: str, *, other: bool = False
    ) -> httpx.Response:
        content = b"" if self.body is None else json.dumps(self.body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        if content or other:
            headers["Content-Type"] = "application/json"
        if other:
            # The least there is to change: what was signed or counted may hang on a byte.
            content = content + b" " if content else b"{}"
        return await http.request(self.method, self.url, content=content, headers=headers)


async def run(turn: Round) -> None:
    async with httpx.AsyncClient(base_url=turn.stage.url, trust_env=False, timeout=60) as http:
        await _assert_keyed(http)
        if turn.is_short:
            await _short(turn, http)
        else:
            await _every_operation(turn, http)
            await page_repetition.every_form(turn)


async def _every_operation(turn: Round, http: httpx.AsyncClient) -> None:
    stage = turn.stage
    await golden.seed(stage)
    world = await golden.new_world(stage)
    names = [
        name for name in world.golden if not name.startswith("GET") and name not in WITHOUT_KEY
    ]
    for name in names:
        await _at_once(stage, http, Ask.of(name, world.golden[name], world))
        turn.counted("operations at once", 1)
    # Everything that was used up is needed once more.
    await _tier_decided(http, world)
    world = await golden.new_world(stage)
    for name in turn.dice.sample(names, CRASHED):
        await _crashed(turn, http, Ask.of(name, world.golden[name], world))
        turn.counted("operations crashed", 1)
    await _tier_decided(http, world)


async def _short(turn: Round, http: httpx.AsyncClient) -> None:
    """A request over REST and one by a form at once; their approvals, one by each, after a crash."""
    stage = turn.stage
    async with stage.desk() as desk, stage.people(desk) as people:
        asked = Ask(
            f"POST {REDEMPTIONS}",
            await people.token("member"),
            "POST",
            REDEMPTIONS,
            redeeming.asking(people, "member", "yield", "1"),
        )
        redemption = (await _at_once(stage, http, asked)).json()["data"]["id"]
        asked_by_form = await _asked_by_form(people)
        approve = Ask(
            "approve",
            await people.token("rm"),
            "POST",
            f"{REDEMPTIONS}/{redemption}/approve",
            {"note": ""},
        )
        form = await page_repetition.found(people, Press("rm2", asked_by_form, "Approve"))
        key, began = new_id().hex, await _have_patience(stage, http, approve)
        told, shown = await crash_web_while(
            turn, [lambda: approve.send(http, key), form.press], seconds_max=CRASH_SECONDS_MAX
        )
        await _assert_one(stage, approve, told, began)
        page_repetition.assert_same("approve", shown)
        async with desk.working("ops"):
            votes = await fetch_value("SELECT count(*) FROM approval_decision")
        assert votes == 2, "one each"
        await assert_sound(desk)


async def _asked_by_form(people: People) -> str:
    """The page of a redemption, confirmed by very many clicks."""
    holding = f"/subscriptions/{people.desk.subscriptions['member2', 'yield']}/redeem"
    quote = Press("member2", holding, "Request redemption", {"Units": "1"}, ("Units",))
    confirm = Press("member2", holding, "Confirm redemption", behind=quote)
    form = await page_repetition.found(people, confirm)
    answers = await asyncio.gather(*(form.press() for _ in range(AT_ONCE)))
    page_repetition.assert_same("confirm", list(answers))
    other = await form.press(other="1")
    assert other.status_code == 422, other.text
    async with people.desk.working("ops"):
        asked = await fetch_value("SELECT count(*) FROM redemption")
    assert asked == 2, "one over REST, one by the form"
    return answers[0].headers["location"]


async def _tier_decided(http: httpx.AsyncClient, world: World) -> None:
    """A client's tier has one open change at a time: the next may be asked for again."""
    headers = {"Authorization": f"Bearer {world.tokens['compliance']}"}
    waiting = await http.get("/api/v1/approvals?state=pending&limit=100", headers=headers)
    for approval in waiting.raise_for_status().json()["data"]:
        if approval["subject_kind"] == "tier_change":
            answer = await http.post(
                f"/api/v1/approvals/{approval['id']}/decisions",
                json={"decision": "reject", "note": "For the drill"},
                headers=headers | {"Idempotency-Key": new_id().hex},
            )
            assert answer.is_success, answer.text


async def _assert_keyed(http: httpx.AsyncClient) -> None:
    """Every unsafe operation of the document takes a key, or has its reason above."""
    paths = (await http.get("/api/v1/openapi.json")).json()["paths"]
    without = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method != "get"
        and not any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", []))
    }
    assert without == set(WITHOUT_KEY), without ^ set(WITHOUT_KEY)


async def _at_once(stage: Stage, http: httpx.AsyncClient, ask: Ask) -> httpx.Response:
    key = new_id().hex
    began = await _have_patience(stage, http, ask)
    answers = list(await asyncio.gather(*(ask.send(http, key) for _ in range(AT_ONCE))))
    answers += [await ask.send(http, key) for _ in range(2)]
    await _assert_one(stage, ask, answers, began)
    other = await ask.send(http, key, other=True)
    assert (other.status_code, other.json()["code"]) == (422, REUSED), (ask.name, other.text)
    return answers[0]


async def _crashed(turn: Round, http: httpx.AsyncClient, ask: Ask) -> None:
    """Every web process dies while it may be at it; whoever asked asks again under the same key."""
    key = new_id().hex
    began = await _have_patience(turn.stage, http, ask)
    (answers,) = await crash_web_while(
        turn, [lambda: ask.send(http, key)], seconds_max=CRASH_SECONDS_MAX
    )
    await _assert_one(turn.stage, ask, answers, began)


@dataclass(frozen=True)
class Began:
    """Whose turn it is, and since when: nobody else does anything meanwhile."""

    membership_id: str
    at: datetime


async def _assert_one(stage: Stage, ask: Ask, answers: list[httpx.Response], began: Began) -> None:
    """Every answer is the first one's, and at most one of the requests has left a trace."""
    told = {(a.status_code, a.content, a.headers.get("etag", "")) for a in answers}
    assert len(told) == 1, (ask.name, sorted(told)[:3])
    assert answers[0].is_success, (ask.name, answers[0].text)
    async with connected(stage.urls.admin) as admin:
        acted = await admin.fetch(
            "SELECT request_id FROM audit_record WHERE actor_id = $1 AND recorded_at >= $2"
            " UNION SELECT request_id FROM outbox_event WHERE actor_id = $1 AND recorded_at >= $2",
            began.membership_id,
            began.at,
        )
    assert len(acted) <= 1, (ask.name, "has had its effect more than once", acted)


async def _have_patience(stage: Stage, http: httpx.AsyncClient, ask: Ask) -> Began:
    """Wait for the next minute where this person has asked for nearly all they may."""
    answer = await http.get("/api/v1/me", headers={"Authorization": f"Bearer {ask.token}"})
    said = dict(
        part.strip().split("=") for part in answer.headers.get("ratelimit", "").split(";")[1:]
    )
    if int(said.get("r", LEFT_MIN)) < LEFT_MIN:
        await asyncio.sleep(int(said["t"]))
    async with connected(stage.urls.admin) as admin:
        now = await admin.fetchval("SELECT clock_timestamp()")
    return Began(answer.json()["data"]["user"]["id"], now)


DRILL = Drill(
    name="R4",
    injects=f"every unsafe operation and every form twice, {AT_ONCE} at once, with another body;"
    f" {CRASHED} operations and every form after a crash of every web process",
    to_reach="one effect, the same answer; 422 on another body",
    rounds=20,
    run=run,
    seconds_max=1800,
)
