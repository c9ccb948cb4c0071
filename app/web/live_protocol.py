"""What uvicorn speaks on a websocket, and one thing more: a frame that was made once is written to as
many sockets as shall hear it.

ASGI's `send` makes each message anew for each socket, from a task of each. The application finds the
shorter way in the scope's extensions, as ASGI has it; under a server without it, it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

_EXTENSION = "stakehold.whole_frames"
# Writes a whole frame and says so; or writes nothing, because the socket would have to wait or is closing.
WriteFrame = Callable[[bytes], bool]


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with `write_frame` as an extension of its scope."""

    async def run_asgi(self) -> None:
        self.scope["extensions"][_EXTENSION] = {"write": self.write_frame}
        await super().run_asgi()

    def write_frame(self, frame: bytes) -> bool:
        """Write a frame of `text_frame` unless the socket is closing, its reader is behind, or it
        agreed on an extension, with which its frames are its own. Says whether it did.
        """
        if (
            self.conn.state is not State.OPEN
            or self.conn.extensions
            or not self.writable.is_set()
            or self.transport.is_closing()
        ):
            return False
        self.transport.write(frame)
        return True


def text_frame(payload: bytes) -> bytes:
    """A server's text frame with UTF-8 in it: never masked, so the same for every socket (RFC 6455, 5.1)."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def frame_writer(scope: Mapping[str, Any]) -> WriteFrame | None:
    """The scope's way to write whole frames, where the server has one."""
    extension = (scope.get("extensions") or {}).get(_EXTENSION)
    return None if extension is None else extension["write"]
