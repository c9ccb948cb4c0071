"""The open live pages of this process: who listens to what, and which sessions still hold.

One subscription a tenant; hints are handed to the sockets that listen to their topics. Where nothing
waits for a socket, a hint is written to it at once, as a frame that all who hear the same share. A socket
that is slow gathers topics, not messages: what waits for it is never more than what it listens to.

What this process commits it tells by itself, a few milliseconds before the relay would; the relay
tells everything regardless, and what a process has heard already it does not hear again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import asyncpg
import msgspec
import structlog
from litestar.channels import ChannelsPlugin

from app.domains.identity.queries import sessions_alive
from app.kernel.errors import Unavailable
from app.kernel.outbox.topics import SESSIONS, Hint, live_channel
from app.kernel.trail import EventRow
from app.web.live_backend import ResilientChannels, new_redis
from app.web.live_protocol import WriteFrame, text_frame
from app.web.metrics import SOCKETS
from app.web.viewer import Viewer

_log = structlog.get_logger(__name__)
BACKLOG_MAX = 1000
# A session that ended closes its sockets within this time, whether or not Redis is there.
RECHECK_SECONDS = 3.0
SESSION_GONE = 4401
# Of so many events a process remembers that it told its sockets.
HEARD_MAX = 4096
# While Redis is slow, so many tellings wait for it; the relay makes up for the others.
TELLINGS_MAX = 100
_RESYNC = msgspec.json.encode({"resync": True}).decode()


class Frames:
    """One hint as frames: made once for all sockets that listen to the same of its topics."""

    def __init__(self, hint: Hint) -> None:
        self.hint = hint
        self._made: dict[tuple[str, ...], bytes] = {}

    def of(self, topics: tuple[str, ...]) -> bytes:
        frame = self._made.get(topics)
        if frame is None:
            frame = text_frame(msgspec.json.encode(Hint(topics, self.hint.version)))
            self._made[topics] = frame
        return frame


class Listener:
    """One open socket's side: what it listens to, and what waits to be sent to it.

    `write` is the socket's short way; without it, and while it refuses, all goes by `next_frame`.
    """

    def __init__(
        self, viewer: Viewer, topics: frozenset[str], write: WriteFrame | None = None
    ) -> None:
        self.viewer = viewer
        self.topics = topics
        self.close_code: int | None = None
        self._write = write
        self._waiting: dict[str, None] = {}
        self._version = ""
        self._must_resync = False
        self._wake = asyncio.Event()
        # Something waits, or is being sent: what comes now must not overtake it.
        self._is_behind = False

    def hear(self, frames: Frames) -> None:
        heard = tuple([topic for topic in frames.hint.topics if topic in self.topics])
        if not heard:
            return
        if self._write is not None and not self._is_behind and self._write(frames.of(heard)):
            return
        self._waiting.update(dict.fromkeys(heard))
        self._version = frames.hint.version
        self._wake_up()

    def resync(self) -> None:
        self._must_resync = True
        self._wake_up()

    def close(self, code: int) -> None:
        self.close_code = code
        self._wake_up()

    def _wake_up(self) -> None:
        self._is_behind = True
        self._wake.set()

    async def next_frame(self) -> str | None:
        """The next thing to tell the page; nothing once the socket shall close. Asked for again, the
        one before has been sent.
        """
        self._is_behind = self._wake.is_set()
        await self._wake.wait()
        self._wake.clear()
        if self.close_code is not None:
            return None
        if self._must_resync:
            self._must_resync = False
            self._waiting.clear()
            return _RESYNC
        topics, self._waiting = list(self._waiting), {}
        return msgspec.json.encode(Hint(topics, self._version)).decode()


class Hub:
    """Belongs to one process; made by `create_app`, running within the app's lifespan."""

    def __init__(self) -> None:
        self._listeners: dict[UUID, set[Listener]] = {}
        self._per_person: Counter[UUID | None] = Counter()
        self._subscriptions: dict[UUID, asyncio.Task[None]] = {}
        self._channels: ChannelsPlugin | None = None
        self._backend: ResilientChannels | None = None
        self._heard: dict[str, None] = {}
        self._tellings: set[asyncio.Task[None]] = set()
        self._sessions_ended: asyncio.Event | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._backend = ResilientChannels(redis=new_redis(), on_return=self.resync_all)
        self._channels = ChannelsPlugin(
            self._backend,
            arbitrary_channels_allowed=True,
            subscriber_max_backlog=BACKLOG_MAX,
            subscriber_backlog_strategy="dropleft",
        )
        self._sessions_ended = asyncio.Event()
        async with self._channels:
            recheck = asyncio.create_task(self._recheck_sessions())
            try:
                yield
            finally:
                tasks = [recheck, *self._subscriptions.values(), *self._tellings]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._subscriptions.clear()

    def sockets_of(self, membership_id: UUID | None) -> int:
        return self._per_person[membership_id]

    @asynccontextmanager
    async def listening(self, listener: Listener) -> AsyncIterator[None]:
        tenant_id = listener.viewer.tenant.id
        self._listeners.setdefault(tenant_id, set()).add(listener)
        self._per_person[listener.viewer.actor.id] += 1
        SOCKETS.inc()
        # Kept until the process ends: tenants are few, subscribing is slow.
        if tenant_id not in self._subscriptions:
            self._subscriptions[tenant_id] = asyncio.create_task(self._listen(tenant_id))
        try:
            yield
        finally:
            SOCKETS.dec()
            self._listeners[tenant_id].discard(listener)
            self._per_person[listener.viewer.actor.id] -= 1
            if not self._per_person[listener.viewer.actor.id]:
                del self._per_person[listener.viewer.actor.id]

    def tell(self, tenant_id: UUID, events: Sequence[EventRow]) -> None:
        """Tell pages, here and in other processes, of what has just been committed."""
        hints = [Hint(event.topics, str(event.id)) for event in events if event.topics]
        for hint in hints:
            self._hear(tenant_id, hint)
        if hints and self._backend is not None and len(self._tellings) < TELLINGS_MAX:
            telling = asyncio.create_task(self._publish(self._backend, tenant_id, hints))
            self._tellings.add(telling)
            telling.add_done_callback(self._tellings.discard)

    @staticmethod
    async def _publish(backend: ResilientChannels, tenant_id: UUID, hints: list[Hint]) -> None:
        for hint in hints:
            await backend.publish(msgspec.json.encode(hint), [live_channel(tenant_id)])

    def _hear(self, tenant_id: UUID, hint: Hint) -> None:
        if hint.version in self._heard:
            return
        self._heard[hint.version] = None
        if len(self._heard) > HEARD_MAX:
            del self._heard[next(iter(self._heard))]
        frames = Frames(hint)
        for listener in self._listeners.get(tenant_id, ()):
            listener.hear(frames)
        if SESSIONS in hint.topics and self._sessions_ended is not None:
            self._sessions_ended.set()

    def resync_all(self) -> None:
        """Everybody looks again: hints were lost."""
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.resync()

    async def _listen(self, tenant_id: UUID) -> None:
        assert self._channels is not None
        async with self._channels.start_subscription(live_channel(tenant_id)) as subscriber:
            async for event in subscriber.iter_events():
                try:
                    hint = msgspec.json.decode(event, type=Hint)
                except msgspec.MsgspecError:
                    _log.warning("a live update could not be read")
                    continue
                self._hear(tenant_id, hint)

    async def _recheck_sessions(self) -> None:
        """All sockets of the process in one question, now and then, and at once when somebody's
        sessions were ended. While the database is away, they stay."""
        assert self._sessions_ended is not None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RECHECK_SECONDS):
                    await self._sessions_ended.wait()
            self._sessions_ended.clear()
            listeners = [one for group in self._listeners.values() for one in group]
            if not listeners:
                continue
            digests = {listener.viewer.digest for listener in listeners}
            with suppress(Unavailable, asyncpg.PostgresError, OSError, TimeoutError):
                alive = await sessions_alive(digests=list(digests))
                for listener in listeners:
                    if listener.viewer.digest not in alive:
                        listener.close(SESSION_GONE)
