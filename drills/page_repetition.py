"""Of R4, the pages: every form that writes, sent again as double clicks, impatient people and
browsers that lost the answer send it.

What one press of the button leaves behind is measured first, on a desk of its own; every other way of
pressing it is held to that.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from lxml import html

from app.kernel.database import fetch
from drills.crashing import crash_web_while
from drills.drill import Round
from drills.page_forms import FORMS, NO_FORMS, WITHOUT_KEY, page_writes
from drills.people import People
from drills.press import Press
from drills.soundness import open_work
from drills.stage import Stage, until
from tests.security.traces import digests
from tests.support.database import connected
from tests.support.desk import Desk
from tests.support.plain_form import PlainForm

AT_ONCE = 20
WINDOWS = 5
# So many forms are under way when the web processes die.
CRASHED_TOGETHER = 10
CRASH_SECONDS_MAX = 0.4
# Who has two windows asks for both: each shows a quote of its own, and both are confirmed.
ASKS_PER_WINDOW = frozenset({"/redemptions"})
# These go their own way meanwhile: work and readings of the portal itself.
_ITS_OWN = frozenset(
    {
        "audit_batch", "audit_checkpoint", "audit_epoch", "custody_account", "job", "price_reading",
        "schedule", "session",
    }
)  # fmt: skip
# Of the trail this person's; what the custodian holds is read every few seconds.
_ONLY = {
    "audit_record": " AND actor_id = $2",
    "outbox_event": " AND type <> 'custody.balances_moved'",
}

Effects = Counter[str]


@dataclass(frozen=True)
class Form:
    """One that somebody has before them, its button ready to be pressed."""

    people: People
    login: str
    address: str
    fields: dict[str, str]

    @property
    def key(self) -> str:
        return self.fields.get("idempotency_key", "")

    async def press(self, **changes: str) -> httpx.Response:
        return await self.people.form(self.login, self.address, self.fields | changes)


@dataclass(frozen=True)
class Scene:
    """A desk in the state in which the form can be sent, before anybody has."""

    route: str
    stage: Stage
    desk: Desk
    people: People
    press: Press
    before: Effects

    async def form(self) -> Form:
        """In a window of its own."""
        form = await found(self.people, self.press)
        path = re.sub(r"\{[^}]+\}", "[^/]+", self.route)
        assert re.fullmatch(path, form.address), (self.route, form.address)
        return form

    async def effects(self) -> Effects:
        """What there is more of than before, once everything has been done that follows."""
        after = await _settled(self.stage, self.desk, self.press.login)
        more = {name: count - self.before[name] for name, count in after.items()}
        return Counter({name: count for name, count in more.items() if count})


async def every_form(turn: Round) -> None:
    assert_complete()
    singles: dict[str, Effects] = {}
    for route in FORMS:
        singles[route] = await _once(turn.stage, route)
        await _at_once(turn.stage, route, singles[route])
        await _in_windows(turn.stage, route, singles[route])
        turn.counted("forms at once", 1)
    routes = list(FORMS)
    turn.dice.shuffle(routes)
    for first in range(0, len(routes), CRASHED_TOGETHER):
        await _crashed(turn, {route: singles[route] for route in routes[first:][:CRASHED_TOGETHER]})
    for route in WITHOUT_KEY:
        await _without_key(turn.stage, route)
        turn.counted("forms without a key", 1)


def assert_complete() -> None:
    """Every page route that writes is here, and where its key says."""
    writes = page_writes()
    assert set(FORMS) == {path for path, has_key in writes.items() if has_key}
    assert set(WITHOUT_KEY) | NO_FORMS == {path for path, has_key in writes.items() if not has_key}


@asynccontextmanager
async def _scene(stage: Stage, route: str) -> AsyncIterator[Scene]:
    async with stage.desk() as desk, stage.people(desk) as people:
        prepare = FORMS[route] if route in FORMS else WITHOUT_KEY[route].prepare
        press = await prepare(stage, desk)
        if press.login:
            await people.sign_in(press.login)
        yield Scene(route, stage, desk, people, press, await _settled(stage, desk, press.login))


async def found(people: People, press: Press) -> Form:
    """The form as it is served to them, filled in."""
    if press.behind is None:
        answer = await people.page(press.login, press.page)
    else:
        answer = await (await found(people, press.behind)).press()
    assert answer.status_code == 200, (press, answer.status_code, answer.text[:500])
    form = PlainForm(html.document_fromstring(answer.text), press.button, to=press.to)
    for label in press.choose:
        form.choose(label)
    form.fill(press.write)
    assert form.complaints() == [], (press, form.complaints())
    return Form(people, press.login, form.address, dict(form.pairs()))


async def _once(stage: Stage, route: str) -> Effects:
    async with _scene(stage, route) as scene:
        answer = await (await scene.form()).press()
        assert answer.status_code == 303, (route, answer.status_code, answer.text[:2000])
        effects = await scene.effects()
    assert effects["acts"] == 1, (route, "has left no trace", effects)
    return effects


async def _at_once(stage: Stage, route: str, single: Effects) -> None:
    """Twenty times at once, and twice more; then with something else in it."""
    async with _scene(stage, route) as scene:
        form = await scene.form()
        assert form.key, (route, "its form has no key")
        answers = list(await asyncio.gather(*(form.press() for _ in range(AT_ONCE))))
        answers += [await form.press() for _ in range(2)]
        assert_same(route, answers)
        _assert_one(route, await scene.effects(), single)
        other = await form.press(other="1")
        assert other.status_code == 422, (route, other.status_code, other.text[:500])
        _assert_one(route, await scene.effects(), single)


async def _in_windows(stage: Stage, route: str, single: Effects) -> None:
    """Open in several windows, and its button pressed in each at once: under keys of their own."""
    if route in ASKS_PER_WINDOW:
        return
    async with _scene(stage, route) as scene:
        forms = [await scene.form() for _ in range(WINDOWS)]
        assert len({form.key for form in forms}) == WINDOWS, (route, "windows share a key")
        answers = await asyncio.gather(*(form.press() for form in forms))
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses[303] >= 1 and set(statuses) <= {303, 409, 422}, (route, statuses)
        kept = {"idempotency_key": statuses[303]}
        _assert_one(route, await scene.effects(), Counter(single | kept))


async def _crashed(turn: Round, singles: dict[str, Effects]) -> None:
    """Every web process dies while they may be at these; whoever lost the answer presses again."""
    async with AsyncExitStack() as stack:
        scenes = {
            route: await stack.enter_async_context(_scene(turn.stage, route)) for route in singles
        }
        forms = [await scene.form() for scene in scenes.values()]
        told = await crash_web_while(
            turn, [form.press for form in forms], seconds_max=CRASH_SECONDS_MAX
        )
        for (route, scene), answers in zip(scenes.items(), told, strict=True):
            assert_same(route, answers)
            _assert_one(route, await scene.effects(), singles[route])
            turn.counted("forms crashed", 1)


async def _without_key(stage: Stage, route: str) -> None:
    """After the first, a repetition changes nothing that anybody would notice."""
    exempt = WITHOUT_KEY[route]
    async with _scene(stage, route) as scene:
        form = await scene.form()
        first = await form.press()
        assert first.status_code in (200, 303), (route, first.status_code, first.text[:500])
        before = await _rows(scene, leave_out=exempt.grows)
        answers = await asyncio.gather(*(form.press() for _ in range(AT_ONCE)))
        assert all(answer.status_code < 500 for answer in answers), (route, answers)
        if exempt.same_answer:
            told = {(one.status_code, one.headers.get("location")) for one in [first, *answers]}
            assert len(told) == 1, (route, told)
        assert await _rows(scene, leave_out=exempt.grows) == before, route


async def _rows(scene: Scene, *, leave_out: Iterable[str]) -> dict[str, str]:
    """A digest of every table, of events their number: they are told meanwhile."""
    counts = await _settled(scene.stage, scene.desk, scene.press.login)
    found = await digests(scene.stage.urls, scene.desk)
    found["outbox_event"] = str(counts["outbox_event"])
    return {name: rows for name, rows in found.items() if name not in {*_ITS_OWN, *leave_out}}


def assert_same(route: str, answers: list[httpx.Response]) -> None:
    """Each sends the browser on to the same place."""
    told = {(one.status_code, one.headers.get("location", ""), one.content) for one in answers}
    assert len(told) == 1, (route, sorted(told)[:3])
    assert answers[0].status_code == 303, (route, answers[0].text[:2000])


def _assert_one(route: str, effects: Effects, single: Effects) -> None:
    assert effects == single, (route, "more or less than once", effects, "not", single)


async def _settled(stage: Stage, desk: Desk, login: str) -> Effects:
    """The number of rows in each table, when nothing is left to be done; as `acts` how many requests
    of this person have left any, and what the custodian has paid."""

    async def is_done() -> bool:
        async with desk.working("ops"):
            on_its_way = await fetch(
                "SELECT FROM redemption WHERE state IN ('ready', 'in_transit') LIMIT 1"
            )
        # A dead letter is what some forms are about.
        return not on_its_way and all(" dead " in one for one in await open_work(desk))

    await until(is_done, seconds=60, what="the work to be done")
    actor_id = desk.people[login].id if login else None
    async with connected(stage.urls.admin) as admin:
        names = [
            row["table_name"]
            for row in await admin.fetch(
                "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND column_name = 'tenant_id' ORDER BY table_name"
            )
            if row["table_name"] not in _ITS_OWN
        ]
        counts = " UNION ALL ".join(
            f"SELECT '{name}' AS name, count(*) AS rows FROM {name} WHERE tenant_id = $1"
            + _ONLY.get(name, "")
            for name in names
        )
        acts = " UNION ".join(
            f"SELECT request_id FROM {name} WHERE tenant_id = $1 AND actor_id = $2"
            for name in ("audit_record", "outbox_event")
        )
        rows = await admin.fetch(
            f"{counts} UNION ALL SELECT 'acts', count(*) FROM ({acts}) AS of",
            desk.tenant_id,
            actor_id,
        )
    paid = [
        one
        for one in await asyncio.to_thread(stage.sandbox.withdrawals)
        if one["source_reference"] in desk.references.values()
    ]
    return Counter({row["name"]: row["rows"] for row in rows} | {"withdrawals": len(paid)})
