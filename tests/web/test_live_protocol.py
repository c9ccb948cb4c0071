"""The short way to a page: a frame made once, written to each socket that nothing waits for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.domains.identity.values import TenantView
from app.kernel.actors import SYSTEM
from app.kernel.ids import new_id
from app.kernel.outbox.topics import Hint
from app.web.authentication import SESSION_COOKIE, session_viewer
from app.web.live_hub import SESSION_GONE, Frames, Hub, Listener
from app.web.live_protocol import LiveProtocol, frame_writer, text_frame
from app.web.live_topics import sign_topics
from app.web.shell import Portal
from app.web.trace import Trace
from app.web.viewer import Viewer
from tests.support.client import Browser, add_person, origin, sign_in
from tests.support.database import TestTenant
from tests.support.events import an_event_row
from tests.support.served import served_on
from tests.support.waiting import eventually

BUFFER_BYTES = 4096
LONG = "redemption:" + "x" * 3000


class Served:
    """The portal behind uvicorn, for one signed-in person; `written` counts what took the short way."""

    def __init__(self, portal: Portal, viewer: Viewer, secret: str) -> None:
        self.hub: Hub = portal.litestar.state.hub
        self.viewer = viewer
        self.written = 0
        self.refused = 0
        self.open: list[LiveProtocol] = []
        self._secret = secret
        self.port = 0

    def protocol(self) -> type[LiveProtocol]:
        served = self

        class Counting(LiveProtocol):
            async def run_asgi(self) -> None:
                served.open.append(self)
                await super().run_asgi()

            def write_frame(self, frame: bytes) -> bool:
                did = super().write_frame(frame)
                served.written += did
                served.refused += not did
                return did

        return Counting

    @contextlib.asynccontextmanager
    async def page(
        self, *topics: str, compression: str | None = None
    ) -> AsyncIterator[ClientConnection]:
        """A socket that listens; its buffers are small, so that a reader who rests is soon behind."""
        before = self.hub.sockets_of(self.viewer.actor.id)
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", self.port))
        async with connect(
            f"ws://127.0.0.1:{self.port}/live?topics={sign_topics(self.viewer, topics)}",
            sock=narrow,
            origin=origin(),  # type: ignore[arg-type]
            additional_headers={"Cookie": f"{SESSION_COOKIE}={self._secret}"},
            proxy=None,
            compression=compression,
            max_queue=1,
        ) as page:
            await eventually(self._sockets, before + 1, within_seconds=5)
            yield page

    async def _sockets(self) -> int:
        return self.hub.sockets_of(self.viewer.actor.id)

    def tell(self, *topics: str) -> str:
        """As a commit in this process does; the hint's version."""
        event = an_event_row(*topics)
        self.hub.tell(self.viewer.tenant.id, [event])
        return str(event.id)


@contextlib.asynccontextmanager
async def _served(
    portal: Portal, browser: Browser, tenant: TestTenant, *, deflate: bool
) -> AsyncIterator[Served]:
    person = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, person.email)
    secret = browser.cookies[SESSION_COOKIE]
    viewer = await session_viewer(secret, Trace(request_id="", address=""), is_use=False)
    assert viewer is not None
    served = Served(portal, viewer, secret)
    listening = socket.socket()
    # Connections inherit it.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    listening.bind(("127.0.0.1", 0))
    served.port = listening.getsockname()[1]
    async with served_on(listening, portal, ws=served.protocol(), ws_per_message_deflate=deflate):
        yield served


@pytest.fixture
async def served(portal: Portal, browser: Browser, tenant: TestTenant) -> AsyncIterator[Served]:
    async with _served(portal, browser, tenant, deflate=False) as served:
        yield served


async def _hints(page: ClientConnection, *, until: str) -> list[Hint]:
    """What the page hears, up to the hint of that version."""
    hints: list[Hint] = []
    async with asyncio.timeout(10):
        while not hints or hints[-1].version != until:
            message = await page.recv()
            # An earlier test has cut its portal's subscriptions, which is this one's.
            if message != '{"resync":true}':
                hints.append(msgspec.json.decode(message, type=Hint))
    return hints


class TestShortWay:
    async def test_pages_hear_their_own_topics_of_a_hint_at_once(self, served: Served) -> None:
        async with (
            served.page("a", "b") as one,
            served.page("a", "b") as two,
            served.page("b") as b,
        ):
            version = served.tell("c", "b", "a")
            assert served.written == 3
            for page, topics in ((one, ["b", "a"]), (two, ["b", "a"]), (b, ["b"])):
                assert await _hints(page, until=version) == [Hint(topics, version)]
            served.tell("c")
            assert served.written == 3

    async def test_a_page_that_does_not_read_gathers_topics_and_hears_them_once(
        self, served: Served
    ) -> None:
        async with served.page(LONG, "a") as page, served.page(LONG) as reader:
            versions = []
            while not served.refused:
                versions.append(served.tell(LONG))
                # The reader's turn, else it falls behind as well.
                await _hints(reader, until=versions[-1])
            taken = served.written
            behind = [served.tell(LONG, "a") for _ in range(50)]
            assert served.written - taken <= 50, "only the reader is written to"
            heard = [hint.version for hint in await _hints(page, until=behind[-1])]
            assert heard[: len(versions) - 1] == versions[:-1], "each in its turn"
            assert len(heard) < len(versions) + 5, "what it missed came together"
            await _hints(reader, until=behind[-1])
            last = served.tell("a")
            assert [hint.version for hint in await _hints(page, until=last)] == [last]

    async def test_nothing_is_written_behind_the_end(self, served: Served) -> None:
        async with served.page("a") as page:
            [protocol] = served.open
            # As a server that ends does with every page.
            protocol.shutdown()
            assert not protocol.write_frame(text_frame(b"late"))
            served.tell("a")
            with pytest.raises(ConnectionClosed) as closed:
                await page.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert served.written == 0

    async def test_a_socket_that_compresses_is_sent_to(
        self, portal: Portal, browser: Browser, tenant: TestTenant
    ) -> None:
        async with (
            _served(portal, browser, tenant, deflate=True) as served,
            served.page("a", compression="deflate") as page,
        ):
            version = served.tell("a")
            assert await _hints(page, until=version) == [Hint(["a"], version)]
            assert (served.written, served.refused) == (0, 1)


class TestListener:
    def _listener(self, written: list[bytes], *topics: str) -> Listener:
        def write(frame: bytes) -> bool:
            written.append(frame)
            return True

        viewer = Viewer(
            actor=SYSTEM,
            tenant=TenantView(id=new_id(), slug="", name="", time_zone="UTC", locale="en"),
            email="",
            credential_id=new_id(),
            digest=b"",
        )
        return Listener(viewer, frozenset(topics), write)

    def test_a_frame_is_made_once_for_all_who_hear_the_same(self) -> None:
        written: list[bytes] = []
        frames = Frames(Hint(["a", "b"], "1"))
        for topics in (("a",), ("a", "c"), ("a", "b"), ("c",)):
            self._listener(written, *topics).hear(frames)
        first, second, third = written
        assert first is second
        assert first == text_frame(b'{"topics":["a"],"version":"1"}')
        assert third == text_frame(b'{"topics":["a","b"],"version":"1"}')

    async def test_what_waits_is_not_overtaken(self) -> None:
        written: list[bytes] = []
        listener = self._listener(written, "a")
        listener.resync()
        listener.hear(Frames(Hint(["a"], "1")))
        assert await listener.next_frame() == '{"resync":true}'
        # That one is being sent.
        listener.hear(Frames(Hint(["a"], "2")))
        assert not written
        assert await listener.next_frame() == '{"topics":["a"],"version":"2"}'
        waiting = asyncio.create_task(listener.next_frame())
        await asyncio.sleep(0)
        listener.hear(Frames(Hint(["a"], "3")))
        assert written == [text_frame(b'{"topics":["a"],"version":"3"}')]
        listener.close(SESSION_GONE)
        listener.hear(Frames(Hint(["a"], "4")))
        assert await waiting is None
        assert len(written) == 1

    def test_a_server_without_it_has_no_short_way(self) -> None:
        assert frame_writer({"type": "websocket"}) is None
        assert frame_writer({"type": "websocket", "extensions": {}}) is None
