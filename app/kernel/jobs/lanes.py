"""Run many jobs at once in one process, within limits, each at most once at a time.

Jobs of one transaction, mails, and other calls of the outside wait in separate lanes, counted and
fetched each by itself: a mail relay or custodian that does not answer must not hold up the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from uuid import UUID

import structlog

from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.registry import lane_of, may_share
from app.kernel.jobs.together import TOGETHER_MAX, run_jobs
from app.kernel.jobs.values import JobRef, Lane

INSIDE_MAX = 8
OUTSIDE_MAX = 32
MAIL_MAX = 8
# How many jobs of one lane this process takes on: what it leaves is for another worker.
WAITING_MAX = 200
# A retry sooner than this is kept in mind by this process, so that it is not late by a sweep.
REMEMBERED_SECONDS_MAX = 60.0

_log = structlog.get_logger(__name__)


class Lanes:
    """`on_room` is called when a lane that had to leave jobs where they were has room again."""

    def __init__(self, on_room: Callable[[], None] | None = None) -> None:
        self.on_room = on_room
        self._left_some: set[Lane] = set()
        # By tenant, what has no turn yet and may share the one of another.
        self._sharing: dict[UUID, dict[UUID, JobRef]] = {}
        self._turns = {
            Lane.inside: asyncio.Semaphore(INSIDE_MAX),
            Lane.outside: asyncio.Semaphore(OUTSIDE_MAX),
            Lane.mail: asyncio.Semaphore(MAIL_MAX),
        }
        self._running: dict[Lane, dict[UUID, asyncio.Task[None]]] = {lane: {} for lane in Lane}
        self._is_open = True

    @property
    def busy(self) -> int:
        return sum(len(tasks) for tasks in self._running.values())

    async def run(self, refs: Iterable[JobRef]) -> None:
        """Start these and wait for those of one transaction, but not for calls of the outside.

        The jobs go on when the waiting is cancelled.
        """
        refs = list(refs)
        self.start(refs)
        inside = self._running[Lane.inside]
        if tasks := [inside[ref.id] for ref in refs if ref.id in inside]:
            await asyncio.wait(tasks)

    def start(self, refs: Iterable[JobRef]) -> list[asyncio.Task[None]]:
        """Start those that are not under way here already, as far as their lanes have room."""
        started = []
        for ref in refs:
            lane = lane_of(ref.kind)
            running = self._running[lane]
            if not self._is_open or ref.id in running:
                continue
            if len(running) >= WAITING_MAX:
                self._left_some.add(lane)
                continue
            if may_share(ref.kind):
                self._sharing.setdefault(ref.tenant_id, {})[ref.id] = ref
            task = asyncio.create_task(self._run(ref, lane))
            running[ref.id] = task
            started.append(task)
        return started

    async def sweep(self) -> int:
        """Start every due job that nobody has picked up, and return how many were started."""
        started = 0
        for lane, running in self._running.items():
            room = WAITING_MAX - len(running)
            if self._is_open and room > 0:
                found = await due_jobs(limit=room, except_ids=running, lane=lane)
                started += len(self.start(found))
                if len(found) == room:
                    self._left_some.add(lane)
        return started

    async def close(self, *, grace_seconds: float) -> None:
        """Take nothing more, wait for what runs, then cancel it: it is undone, and runs again."""
        self._is_open = False
        tasks = [task for running in self._running.values() for task in running.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, ref: JobRef, lane: Lane) -> None:
        again: list[tuple[JobRef, float]] = []
        try:
            async with self._turns[lane]:
                if group := self._group(ref):
                    again = await run_jobs(group)
        except Exception:
            _log.exception("job runner failed", job_id=str(ref.id))
        finally:
            self._running[lane].pop(ref.id, None)
            self._look_for_more(lane)
        for later, seconds in again:
            if seconds <= REMEMBERED_SECONDS_MAX:
                # A few milliseconds more than asked, so that the row is due by the server's clock.
                asyncio.get_running_loop().call_later(seconds + 0.005, self.start, [later])

    def _group(self, ref: JobRef) -> list[JobRef]:
        """This job and those that may share its turn; none where it shares another's already."""
        if not may_share(ref.kind):
            return [ref]
        waiting = self._sharing.get(ref.tenant_id, {})
        if waiting.pop(ref.id, None) is None:
            return []
        others = list(islice(waiting, TOGETHER_MAX - 1))
        group = [ref, *(waiting.pop(other) for other in others)]
        if not waiting:
            self._sharing.pop(ref.tenant_id, None)
        return group

    def _look_for_more(self, lane: Lane) -> None:
        """What was left for want of room need not wait for the next sweep."""
        if lane in self._left_some and len(self._running[lane]) <= WAITING_MAX // 2:
            self._left_some.discard(lane)
            if self.on_room is not None:
                self.on_room()
