"""The portal behind its real server: a socket over the network, and a clean end."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.asgi import create_app
from app.web.authentication import SESSION_COOKIE, session_viewer
from app.web.live_protocol import LiveProtocol
from app.web.live_topics import sign_topics
from app.web.server import Server
from app.web.trace import Trace
from tests.support.client import add_person, origin, portal_client, sign_in
from tests.support.database import DatabaseUrls, TestTenant


async def test_a_page_is_live_until_the_server_stops(
    database: DatabaseUrls, tenant: TestTenant
) -> None:
    portal = create_app(opens_pool=False)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(portal, loop="none", ws=LiveProtocol, log_config=None, ws_max_size=4096)
    server = Server(config, portal, is_shared=True)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    person = await add_person(tenant.id, "rm")
    async with portal_client(portal) as browser:
        await sign_in(browser, tenant.slug, person.email)
        secret = browser.cookies[SESSION_COOKIE]
    viewer = await session_viewer(secret, Trace(request_id="", address=""), is_use=False)
    assert viewer is not None
    address = f"ws://127.0.0.1:{listening.getsockname()[1]}/live"
    async with connect(
        f"{address}?topics={sign_topics(viewer, ['a'])}",
        origin=origin(),  # type: ignore[arg-type]
        additional_headers={"Cookie": f"{SESSION_COOKIE}={secret}"},
        proxy=None,
    ) as page:
        portal.litestar.state.hub.resync_all()
        while True:
            try:
                assert await asyncio.wait_for(page.recv(), 0.2) == '{"resync":true}'
                break
            except TimeoutError:  # it was not listening yet
                portal.litestar.state.hub.resync_all()
        server.should_exit = True
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(page.recv(), 10)
    assert closed.value.rcvd is not None
    # "Service restart": the page comes back by itself.
    assert closed.value.rcvd.code == 1012
    await asyncio.wait_for(serving, 15)
