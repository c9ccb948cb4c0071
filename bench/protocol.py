"""How the harness speaks with a contestant: one JSON object a line, each way.

The harness asks `{"do": "round", …}` on standard input, the contestant answers with what its handler
of that name returned. The first line a contestant writes is `{"ready": true}`. It ends with its input.

Only the standard library is imported here: peers run this in an environment of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Handler = Callable[..., Awaitable[dict[str, Any]]]


async def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer questions until the input ends. What a handler raises is answered as `error`."""
    loop = asyncio.get_running_loop()
    _say({"ready": True})
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        question = json.loads(line)
        try:
            answer = await handlers[question.pop("do")](**question)
        except Exception:
            answer = {"error": traceback.format_exc()}
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.__stdout__.write(json.dumps(answer) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` on uvloop where there is one; what is printed meanwhile goes to standard error."""
    try:
        import uvloop
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with contextlib.redirect_stdout(sys.stderr), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())  # type: ignore[arg-type]


async def repeated(
    work: Callable[[], Awaitable[object]], *, clients: int, seconds: float
) -> dict[str, Any]:
    """Let so many clients do `work` again and again for so long; how often, and how long it took."""
    done = 0
    started = time.perf_counter()
    until = started + seconds

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await work()
            done += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    return {"count": done, "seconds": time.perf_counter() - started}


def repeated_in_threads(
    work: Callable[[], object], *, clients: int, seconds: float
) -> dict[str, Any]:
    """The same for what blocks: each client is a thread."""
    from concurrent.futures import ThreadPoolExecutor

    started = time.perf_counter()
    until = started + seconds

    def client(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            work()
            done += 1
        return done

    with ThreadPoolExecutor(clients) as threads:
        done = sum(threads.map(client, range(clients)))
    return {"count": done, "seconds": time.perf_counter() - started}
