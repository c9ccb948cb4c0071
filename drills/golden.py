"""What the demo's people can ask of the running portal so that it succeeds, one request an operation.

`python -m drills.golden URL` makes the things and prints them as JSON: in a process of its own,
because it opens pools of its own as well.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from drills.stage import Stage
from e2e.doors import Doors
from e2e.rest.world import World, build
from tests.support.portal import Portal


async def seed(stage: Stage) -> None:
    """The demo's tenant beside those of the rounds; does nothing where it is there already."""
    await _python(stage, "-m", "app", "seed")


async def new_world(stage: Stage) -> World:
    said = await _python(stage, "-m", __name__, stage.url)
    return msgspec.json.decode(said, type=World)


async def _python(stage: Stage, *arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        env=os.environ | {"DATABASE_URL": stage.urls.app, "DEMO_SCALE": "small"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()[-2000:]
    return said


def main(url: str) -> None:
    portal = Portal(
        port=int(url.rpartition(":")[2]),
        folder=Path(os.devnull),
        process_id=os.getpid(),
        environment=dict(os.environ),
    )
    doors = Doors(portal)
    try:
        world = build(portal, doors)
    finally:
        doors.close()
    sys.stdout.buffer.write(msgspec.json.encode(world))


if __name__ == "__main__":
    main(sys.argv[1])
