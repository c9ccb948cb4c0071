"""A worker or a relay as a process of its own, with jobs that tests can count: `python -m` this.

The jobs leave one effect a run; `drill.outside` also writes a line for every call of the outside.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from app.kernel.database import execute
from app.kernel.deadlines import FiredMark, on_mark
from app.kernel.jobs import OutsideCall, job, outside_job
from tests.support import work
from workers import main as worker
from workers import relay

PAUSE_SECONDS = 0.02


@job("drill.inside")
async def inside(*, payload: dict[str, Any]) -> None:
    await work.leave_effect(payload["name"])
    await execute("SELECT pg_sleep($1)", random.uniform(0, PAUSE_SECONDS))


@outside_job("drill.outside")
async def outside(call: OutsideCall) -> None:
    async with call.unit_of_work():
        pass
    await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))
    with Path(os.environ["DRILL_CALLS"]).open("a") as calls:
        calls.write(f"{call.id}\n")
    await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))
    async with call.completing():
        await work.leave_effect(call.payload["name"])


@job("drill.thread")
async def thread(*, payload: dict[str, Any]) -> None:
    """Leaves a thread behind that is busy for a minute, as a library might."""
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)


@on_mark("drill")
async def mark(fired: FiredMark) -> None:
    await work.leave_effect(f"{fired.subject_id}:{fired.fraction.normalize()}")


def main(part: str) -> None:
    parts = {"worker": worker, "relay": relay}
    parts[part].main()


if __name__ == "__main__":
    main(sys.argv[1])
