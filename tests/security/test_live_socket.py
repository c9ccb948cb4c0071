"""`/live` over the network, behind the portal's real server: who is let in, and what nobody hears.

Events come from real operations through the real relay.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.kernel.jobs.wakeups import close_redis, open_redis
from app.kernel.outbox.topics import live_channel
from app.web.authentication import SESSION_COOKIE
from app.web.live_protocol import LiveProtocol
from app.web.server import LIVE_FRAME_BYTES_MAX
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import Seat, Seats
from tests.support.client import origin
from tests.support.desk import Desk
from tests.support.served import served_on
from tests.support.waiting import eventually
from workers.relay import Relay

_LIVE = re.compile(r'hx-ws:connect="/live\?topics=([^"]+)"')


@pytest.fixture
async def address(portal: Portal) -> AsyncIterator[str]:
    """The portal behind uvicorn on a port of loopback, as app/web/server.py runs it."""
    listening = socket.create_server(("127.0.0.1", 0))
    async with served_on(
        listening, portal, http="httptools", ws=LiveProtocol, ws_max_size=LIVE_FRAME_BYTES_MAX
    ):
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/live"


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    redis = open_redis()
    yield Relay(redis)
    await close_redis(redis)


async def token_on(seat: Seat, path: str) -> str:
    """The topics that the page signed for this person."""
    page = await seat.browser.get(path)
    assert page.status_code == 200, page.text[:500]
    found = _LIVE.search(page.text)
    assert found is not None
    return found.group(1)


@contextlib.asynccontextmanager
async def opened(
    address: str, token: str, *, secret: str = "", from_origin: str | None = None
) -> AsyncIterator[ClientConnection]:
    # The cookie is Secure, and this is not: clients would keep it back.
    headers = {"Cookie": f"{SESSION_COOKIE}={secret}"} if secret else {}
    async with connect(
        f"{address}?topics={token}",
        origin=from_origin if from_origin is not None else origin(),  # type: ignore[arg-type]
        additional_headers=headers,
        proxy=None,
        max_size=None,
    ) as page:
        yield page


async def code_of(page: ClientConnection, *, within_seconds: float = 5) -> int:
    """The code with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(within_seconds):
            while True:
                await page.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def heard(page: ClientConnection, *, for_seconds: float = 0.3) -> set[str]:
    """Every topic that arrives until nothing has for a while.

    Tests share one Redis, and one of them cuts everybody's subscriptions: "look again" names nothing.
    """
    topics: set[str] = set()
    while True:
        try:
            frame = await asyncio.wait_for(page.recv(), for_seconds)
        except TimeoutError:
            return topics
        message = msgspec.json.decode(frame)
        if message == {"resync": True}:
            continue
        assert message.keys() == {"topics", "version"}, message
        topics |= set(message["topics"])


async def wait_until_listening(relay: Relay, *desks: Desk) -> None:
    """The hub subscribes in the background; what comes before that, no page hears."""
    channels = [live_channel(desk.tenant_id) for desk in desks]

    async def subscribed() -> bool:
        found = await relay.redis.pubsub_numsub(*channels)
        return all(count for _, count in found)

    await eventually(subscribed, True, within_seconds=5)


async def test_a_foreign_origin_never_gets_a_socket(address: str, seats: Seats, desk: Desk) -> None:
    seat = await seats.of(desk, "rm")
    token = await token_on(seat, "/approvals")
    for foreign in (
        *("https://evil.example", "null", "", "http://portal.test"),
        *("https://portal.test.evil.example", "https://portal.test:8443", "https://portal.test/"),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with opened(address, token, secret=seat.secret, from_origin=foreign):
                raise AssertionError(f"it opened for {foreign!r}")
        assert refused.value.response.status_code == 403


async def test_without_a_session_of_ours_it_closes(address: str, seats: Seats, desk: Desk) -> None:
    seat = await seats.of(desk, "rm")
    token = await token_on(seat, "/approvals")
    for secret in ("", "made-up", seat.secret[:-1], f"{seat.secret}x", "é", "x" * 4000):
        async with opened(address, token, secret=secret) as page:
            assert await code_of(page) == 4401, secret


async def test_topics_that_this_session_was_not_given_are_refused(
    address: str, seats: Seats, desk: Desk, stranger: Desk
) -> None:
    manager = await seats.of(desk, "rm")
    own = await token_on(manager, "/approvals")
    body, _, signature = own.partition(".")
    foreign = [
        await token_on(await seats.of(desk, "rm2"), "/approvals"),
        await token_on(await seats.of(desk, "trader"), "/settlement"),
        await token_on(await seats.of(stranger, "rm"), "/approvals"),
        # The same person's, of another session.
        await token_on(await seats.fresh(desk, "rm"), "/approvals"),
    ]
    forged = [
        *("", ".", "x.y", body, f".{signature}", f"{body}.", f"{own}x", "%00.%00", "A" * 6000),
        f"{foreign[1].partition('.')[0]}.{signature}",
    ]
    for token in [*foreign, *forged]:
        async with opened(address, token, secret=manager.secret) as page:
            assert await code_of(page) == 4403, token


async def test_nobody_hears_of_somebody_elses_redemption(
    address: str, seats: Seats, desk: Desk, stranger: Desk, relay: Relay
) -> None:
    pages = [
        (desk, "member", "/holdings"),
        (desk, "rm", "/approvals"),
        (desk, "member2", "/holdings"),
        (desk, "rm2", "/approvals"),
        (stranger, "member", "/holdings"),
        (stranger, "rm", "/approvals"),
        (stranger, "trader", "/settlement"),
        (stranger, "ops", "/redemptions"),
        (stranger, "compliance", "/redemptions"),
    ]
    await relay.publish()  # what opening the desks left
    async with contextlib.AsyncExitStack() as stack:
        sockets = {}
        for who, login, path in pages:
            seat = await seats.of(who, login)
            token = await token_on(seat, path)
            sockets[who.slug, login] = await stack.enter_async_context(
                opened(address, token, secret=seat.secret)
            )
        await wait_until_listening(relay, desk, stranger)
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await relay.publish()
        listening = {key: asyncio.create_task(heard(page)) for key, page in sockets.items()}
        got = {key: await task for key, task in listening.items()}
    member, manager = desk.people["member"].id, desk.people["rm"].id
    assert got.pop((desk.slug, "member")) == {f"client:{member}"}
    assert got.pop((desk.slug, "rm")) == {f"rm:{manager}"}
    assert got == {key: set() for key in got}


async def test_signing_out_closes_every_socket_of_the_session_within_five_seconds(
    address: str, seats: Seats, desk: Desk
) -> None:
    seat, same_person = await seats.of(desk, "rm"), await seats.fresh(desk, "rm")
    token = await token_on(seat, "/approvals")
    other = await token_on(same_person, "/approvals")
    async with (
        opened(address, token, secret=seat.secret) as first,
        opened(address, token, secret=seat.secret) as second,
        opened(address, other, secret=same_person.secret) as stays,
    ):
        assert (await seat.browser.post_form("/auth/sign-out")).status_code == 303
        async with asyncio.timeout(5):
            assert [await code_of(first), await code_of(second)] == [4401, 4401]
        assert await heard(stays, for_seconds=0.1) == set()
    async with opened(address, token, secret=seat.secret) as again:
        assert await code_of(again) == 4401


async def test_a_page_that_talks_is_closed(address: str, seats: Seats, desk: Desk) -> None:
    seat = await seats.of(desk, "rm")
    token = await token_on(seat, "/approvals")
    # Ten megabytes are refused by their announced length, before they are read.
    for size, code in ((2_000, 1008), (10 * 1024 * 1024, 1009)):
        async with opened(address, token, secret=seat.secret) as page:
            with contextlib.suppress(ConnectionClosed):
                await page.send("x" * size)
            assert await code_of(page) == code
    async with opened(address, token, secret=seat.secret) as page:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(500):
                await page.send("x")
        assert await code_of(page) == 1008
