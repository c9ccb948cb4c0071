"""Requests that are under way when the web processes die, and are sent again by whoever sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import httpx

from drills.drill import Round
from drills.stage import gone, kill, until

AGAIN = 2
Send = Callable[[], Awaitable[httpx.Response]]


async def crash_web_while(
    turn: Round, sends: Sequence[Send], *, seconds_max: float
) -> list[list[httpx.Response]]:
    """Of each its answers: to the first time, unless it was lost, and to two times afterwards.

    SIGKILL reaches every web process at a moment of the first `seconds_max`.
    """
    stage = turn.stage
    first = [asyncio.ensure_future(send()) for send in sends]
    await asyncio.sleep(turn.dice.uniform(0, seconds_max))
    for child in stage.web:
        kill(child)
    # Those whose connection nobody had taken yet are answered by the next processes.
    for child in stage.web:
        await gone(child)
        child.start()
    await until(stage.is_ready, seconds=60, what="the portal")
    answers = []
    for told, send in zip(await asyncio.gather(*first, return_exceptions=True), sends, strict=True):
        if isinstance(told, httpx.HTTPError):
            turn.counted("answers lost", 1)
            answers.append([])
        elif isinstance(told, BaseException):
            raise told
        else:
            answers.append([told])
        answers[-1] += [await send() for _ in range(AGAIN)]
    return answers
