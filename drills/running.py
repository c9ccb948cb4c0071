"""Take drills through their rounds: one line a round, and the portal verified after each drill."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import time
import traceback
from contextlib import AsyncExitStack
from pathlib import Path

from drills.drill import Drill, Round
from drills.report import RoundResult
from drills.stage import Stage, open_stage

ERROR_CHARACTERS_MAX = 600


async def run_drills(
    drills: list[Drill],
    *,
    count: int,
    seed: int,
    is_short: bool,
    folder: Path,
    found: list[RoundResult],
) -> None:
    """`count` rounds of each, with the seeds from `seed` on, added to `found` one by one."""
    async with AsyncExitStack() as stack:
        stage = None
        on_stage = [drill for drill in drills if drill.is_on_stage]
        if on_stage:
            _say("starting the portal …")
            stage = await stack.enter_async_context(
                open_stage(
                    folder / "stage",
                    own_disk=not is_short and any(drill.needs_disk for drill in drills),
                )
            )
        for drill in drills:
            _say(f"{drill.name}: {drill.injects}")
            for number in range(seed, seed + count):
                # Said before it runs: whatever happens now, this is what repeats it.
                _say(f"  {drill.name} SEED={number}", end="  ")
                found.append(await _round(drill, number, is_short, folder, stage))
                _say(found[-1].line())
            # Of short rounds one verification after all of them has to do.
            is_last = drill in on_stage[-1:]
            if stage is not None and drill.is_on_stage and (is_last or not is_short):
                found.append(await _verified(drill, stage))
                _say(f"  {drill.name} {found[-1].line()}")


async def _round(
    drill: Drill, seed: int, is_short: bool, folder: Path, stage: Stage | None
) -> RoundResult:
    own = folder / f"{drill.name}-{seed}"
    own.mkdir()
    turn = Round(
        seed=seed,
        dice=random.Random(f"{drill.name} {seed}"),
        is_short=is_short,
        folder=own,
        on=stage if drill.is_on_stage else None,
    )
    began = time.monotonic()
    error = ""
    try:
        async with asyncio.timeout(drill.seconds_max):
            await drill.run(turn)
    except Exception as failure:
        error = _told(failure)
        (folder / f"{drill.name}-{seed}.txt").write_text(traceback.format_exc())
    if stage is not None and drill.is_on_stage:
        try:
            await stage.recover()
        except Exception as failure:
            error = error or f"did not come back: {_told(failure)}"
    shutil.rmtree(own, ignore_errors=True)
    return RoundResult(
        drill=drill.name,
        seed=seed,
        error=error,
        seconds=time.monotonic() - began,
        figures=turn.figures,
        is_short=is_short,
    )


def _told(failure: Exception) -> str:
    text = " ".join(f"{type(failure).__name__}: {failure}".split())
    return text[:ERROR_CHARACTERS_MAX]


async def _verified(drill: Drill, stage: Stage) -> RoundResult:
    """`stakehold verify` as operations run it: every invariant and the audit chain of every tenant."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "verify"),
        env=os.environ | {"DATABASE_URL": stage.urls.app},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    broken = [line for line in said.decode().splitlines() if not line.startswith("ok")]
    return RoundResult(
        drill=drill.name,
        seed=None,
        error="" if process.returncode == 0 else "verify: " + " ".join(broken)[-1500:],
        seconds=time.monotonic() - began,
        figures={},
        is_short=False,
    )


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)
