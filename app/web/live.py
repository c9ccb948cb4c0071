"""`/live`: the socket of a page. The server says which topics changed, as JSON text frames:

    {"topics": ["redemption:0198…"], "version": "…"}     fetch what shows these again
    {"resync": true}                                      fetch everything again: hints were lost

The page's address of it carries the topics that its handler signed. Close codes that the page does
not reconnect on: 4401 no session any more, 4403 topics that are not for this session, 4429 too many
sockets, 1008 a client that talks too much.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import WebSocket, websocket

from app.kernel.errors import DomainError
from app.settings import settings
from app.web.authentication import SESSION_COOKIE, session_viewer
from app.web.guards import public
from app.web.live_hub import SESSION_GONE, Hub, Listener
from app.web.live_protocol import frame_writer
from app.web.live_topics import read_topics
from app.web.viewer import Viewer

NOT_YOURS = 4403
TOO_MANY = 4429
TRY_LATER = 1013
TALKS_TOO_MUCH = 1008
SOCKETS_PER_PERSON_MAX = 20
# Pages have nothing to say: these are for clients that try.
MESSAGES_MAX = 20
MESSAGE_LENGTH_MAX = 1024


@websocket("/live", guards=[public])
async def live(socket: WebSocket[Any, Any, Any]) -> None:
    """Signed topics in the query, the session's cookie in the handshake; both are checked here."""
    # Cookies travel with foreign pages' sockets too: the Origin comes first, before anything opens.
    if socket.headers.get("origin") not in settings().origins:
        await socket.close(code=NOT_YOURS)
        return
    await socket.accept()
    hub: Hub = socket.app.state.hub
    listener, refusal = await _admit(socket, hub)
    if listener is None:
        await socket.close(code=refusal)
        return
    async with hub.listening(listener):
        await _first_of(_tell(socket, listener), _hear(socket))


async def _admit(socket: WebSocket[Any, Any, Any], hub: Hub) -> tuple[Listener | None, int]:
    """The listener, or the code to close with."""
    try:
        viewer = await _viewer(socket)
    except DomainError:
        return None, TRY_LATER
    if viewer is None:
        return None, SESSION_GONE
    topics = read_topics(socket.query_params.get("topics", ""), viewer=viewer)
    if topics is None:
        return None, NOT_YOURS
    if hub.sockets_of(viewer.actor.id) >= SOCKETS_PER_PERSON_MAX:
        return None, TOO_MANY
    return Listener(viewer, topics, frame_writer(socket.scope)), 0


async def _viewer(socket: WebSocket[Any, Any, Any]) -> Viewer | None:
    secret = socket.cookies.get(SESSION_COOKIE)
    if not secret:
        return None
    # Sockets come back by themselves: opening one is no use of the session.
    return await session_viewer(secret, socket.scope["state"]["trace"], is_use=False)


async def _tell(socket: WebSocket[Any, Any, Any], listener: Listener) -> None:
    while (frame := await listener.next_frame()) is not None:
        await socket.send_text(frame)
    await socket.close(code=listener.close_code or SESSION_GONE)


async def _hear(socket: WebSocket[Any, Any, Any]) -> None:
    """Ends when the page goes away, or talks."""
    for _ in range(MESSAGES_MAX):
        message: Any = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        content = message.get("text") or message.get("bytes") or ""
        if len(content) > MESSAGE_LENGTH_MAX:
            break
    await socket.close(code=TALKS_TOO_MUCH)


async def _first_of(*works: Any) -> None:
    """Run all until the first ends; what is left of the others is cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A page that went away while it was told something is no error.
        await asyncio.gather(*tasks, return_exceptions=True)
