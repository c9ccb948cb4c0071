"""People who keep writing and reading while something breaks, and remember what they were told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from app.kernel.database import fetch
from app.kernel.ids import new_id
from drills.people import REDEMPTIONS, People
from drills.redeeming import asking

WRITERS, READERS = 4, 4
# A person may ask 300 things a minute; a client's two writers and their reader stay below.
PAUSE_SECONDS = 0.35


@dataclass
class Told:
    """`redemptions` were acknowledged; `statuses` are of all answers; `unanswered` got none."""

    redemptions: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    refusals: dict[int, str] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    longest_seconds: float = 0.0
    last_written_at: float = 0.0
    last_refused_at: float = 0.0

    def hear(self, answer: httpx.Response, took: float) -> None:
        self.statuses[answer.status_code] += 1
        self.longest_seconds = max(self.longest_seconds, took)
        if answer.status_code >= 400:
            self.refusals[answer.status_code] = f"{answer.request.url.path}: {answer.text[:300]}"


@asynccontextmanager
async def under_load(people: People) -> AsyncIterator[Told]:
    """Both clients write and both managers read until the body ends."""
    told, stopping = Told(), asyncio.Event()
    await people.sign_in("member", "member2", "rm", "rm2")
    tasks = [
        asyncio.create_task(_write(people, ("member", "member2")[number % 2], told, stopping))
        for number in range(WRITERS)
    ] + [
        asyncio.create_task(_read(people, ("rm", "rm2")[number % 2], told, stopping))
        for number in range(READERS)
    ]
    try:
        yield told
    finally:
        stopping.set()
        await asyncio.gather(*tasks)


async def _write(people: People, login: str, told: Told, stopping: asyncio.Event) -> None:
    body = asking(people, login, "yield", "1")
    key = new_id().hex
    while not stopping.is_set():
        began = time.monotonic()
        try:
            answer = await people.post(login, REDEMPTIONS, body, key=key)
        except httpx.HTTPError as error:
            told.unanswered.append(f"{type(error).__name__}: {error}")
            continue
        told.hear(answer, time.monotonic() - began)
        if answer.status_code == 201:
            told.redemptions.add(answer.json()["data"]["id"])
            told.last_written_at = time.monotonic()
            # The next wish; one that was not acknowledged is asked for again under its key.
            key = new_id().hex
        else:
            told.last_refused_at = time.monotonic()
        await asyncio.sleep(PAUSE_SECONDS)


async def _read(people: People, login: str, told: Told, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        began = time.monotonic()
        try:
            answer = await people.page(login, "/redemptions")
        except httpx.HTTPError as error:
            told.unanswered.append(f"{type(error).__name__}: {error}")
            continue
        told.hear(answer, time.monotonic() - began)
        await asyncio.sleep(PAUSE_SECONDS)


async def assert_kept(people: People, told: Told) -> None:
    """Every redemption that was acknowledged is there, and every one that is there was asked for
    once: where an answer was lost, its repetition was told of it."""
    async with people.desk.working("ops"):
        there = {str(row["id"]) for row in await fetch("SELECT id FROM redemption")}
    assert told.redemptions <= there, f"missing: {told.redemptions - there}"
    # Each writer may have ended before it was told of its last wish.
    assert len(there - told.redemptions) <= WRITERS, "an effect twice"
