"""Tell whoever started this process that it has begun its work, or is ending: systemd's protocol.

One datagram to the socket that NOTIFY_SOCKET names; without it nobody wants to know.
See `man sd_notify`.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(state: str) -> None:
    """Send `state`, to a listener that may have gone meanwhile; never waits."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # Where the name begins with @ it is an abstract one, whose first byte is zero.
    target = "\0" + address[1:] if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
        teller.setblocking(False)
        teller.sendto(state.encode(), target)
