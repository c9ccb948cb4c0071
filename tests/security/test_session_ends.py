"""However a sign-in ends, it has ended everywhere: in every process at the next request, and on every
open socket within seconds.

Step-up, and ending all of one's own sessions, are not there yet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from app.asgi import create_app
from app.domains.identity.public import deactivate_membership
from app.kernel.crypto import digest_of
from app.kernel.database import execute
from app.settings import settings
from app.web.authentication import SESSION_COOKIE
from app.web.shell import Portal
from tests.security.seats import API, Seat, Seats
from tests.security.test_live_socket import token_on
from tests.support.client import Browser, portal_client, running_portal
from tests.support.database import DatabaseUrls, connected
from tests.support.desk import Desk
from tests.support.socket import Socket, open_socket

REVOKED_SECONDS_MAX = 1
CLOSED_SECONDS_MAX = 5


@dataclass
class Ending:
    """Who loses what: `page` their session, `rest` the tokens that they signed in for beside it."""

    login: str
    act: Callable[[Seat], Awaitable[None]]
    rest: bool


@pytest.fixture
async def elsewhere(portal: Portal) -> AsyncIterator[Portal]:
    """Another web process, as far as one can be had here: its own hub, pool of sockets and memory."""
    async with running_portal(create_app(opens_pool=False)) as running:
        yield running


async def test_an_ended_session_has_ended_everywhere(
    portal: Portal, elsewhere: Portal, seats: Seats, desk: Desk, database: DatabaseUrls
) -> None:
    async def change(seat: Seat, assignment: str, *values: object) -> None:
        async with desk.working("ops"):
            done = await execute(
                f"UPDATE session SET {assignment} WHERE digest = $1",
                digest_of(seat.secret),
                *values,
            )
        assert done == "UPDATE 1"

    async def sign_out(seat: Seat) -> None:
        assert (await seat.browser.post_form("/auth/sign-out")).status_code == 303

    async def deactivate(seat: Seat) -> None:
        member = desk.people["rm"].id
        assert member is not None
        async with desk.working("admin"):
            await deactivate_membership(membership_id=member)

    async def be_idle(seat: Seat) -> None:
        idle = settings().session_idle_seconds
        await change(
            seat, "last_seen_at = clock_timestamp() - make_interval(secs => $2)", float(idle)
        )

    async def expire(seat: Seat) -> None:
        await change(seat, "expires_at = clock_timestamp()")

    async def disable(seat: Seat) -> None:
        async with connected(database.admin) as admin:
            await admin.execute(
                "UPDATE account SET status = 'deactivated' WHERE email = $1", desk.email("rm2")
            )

    endings = {
        "signed out": Ending("member", sign_out, rest=False),
        "deactivated": Ending("rm", deactivate, rest=True),
        "idle": Ending("member2", be_idle, rest=False),
        "expired": Ending("trader", expire, rest=False),
        "account disabled": Ending("rm2", disable, rest=True),
    }
    async with AsyncExitStack() as stack:
        sitting = {}
        for name, ending in endings.items():
            seat = await seats.fresh(desk, ending.login)
            token = await token_on(seat, "/notifications")
            cookies = {SESSION_COOKIE: seat.secret}
            sockets = [
                await stack.enter_async_context(open_socket(one, token, cookies=cookies))
                for one in (portal, elsewhere)
            ]
            other = await stack.enter_async_context(portal_client(elsewhere))
            other.cookies.set(SESSION_COOKIE, seat.secret)
            assert await statuses(seat, other) == (200, 200, 200), name
            sitting[name] = seat, other, sockets
        stays = await seats.fresh(desk, "compliance")
        socket_of_it = await stack.enter_async_context(
            open_socket(
                elsewhere,
                await token_on(stays, "/notifications"),
                cookies={SESSION_COOKIE: stays.secret},
            )
        )
        started = time.monotonic()
        for name, ending in endings.items():
            seat, other, _ = sitting[name]
            await ending.act(seat)
            acted = time.monotonic()
            assert await statuses(seat, other) == (303, 303, 401 if ending.rest else 200), name
            assert time.monotonic() - acted < REVOKED_SECONDS_MAX, name
        await asyncio.gather(
            *(closes(socket) for _, _, sockets in sitting.values() for socket in sockets)
        )
        assert time.monotonic() - started < CLOSED_SECONDS_MAX + REVOKED_SECONDS_MAX
        assert (await stays.get("/notifications")).status_code == 200
        assert socket_of_it.code is None


async def statuses(seat: Seat, other: Browser) -> tuple[int, int, int]:
    """A page here, the same page of the other process, and REST."""
    here = await seat.browser.get("/notifications")
    there = await other.get("/notifications")
    rest = await seat.rest.get(f"{API}/me")
    return here.status_code, there.status_code, rest.status_code


async def closes(socket: Socket) -> None:
    async with asyncio.timeout(CLOSED_SECONDS_MAX):
        assert await socket.closed() == 4401


async def test_nothing_keeps_a_session_beyond_its_day(seats: Seats, desk: Desk) -> None:
    """Fifteen minutes without use, twelve hours in all, unless an operator says otherwise."""
    assert (settings().session_idle_seconds, settings().session_seconds) == (900, 43_200)
    seat = await seats.fresh(desk, "member")
    async with desk.working("ops"):
        lived = await execute(
            "UPDATE session SET created_at = created_at - interval '43201 seconds',"
            " expires_at = expires_at - interval '43201 seconds' WHERE digest = $1",
            digest_of(seat.secret),
        )
    assert lived == "UPDATE 1"
    # In use until this moment, and over all the same.
    assert (await seat.get("/notifications")).status_code == 303
