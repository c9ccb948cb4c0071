"""An SMTP server on loopback that delivers nothing: it writes each message into a folder as `.eml`."""

from __future__ import annotations

import asyncio
import re
import signal
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from app.embedded.ports import HOST

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

_MESSAGE_BYTES_MAX = 25 * 1024 * 1024


class EmlFolder:
    """The handler that aiosmtpd calls for every message."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._numbers = count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Names files by time and first recipient, so that a listing reads like a mailbox."""
        recipient = re.sub(r"[^A-Za-z0-9@._-]", "_", (envelope.rcpt_tos or ["nobody"])[0])[:80]
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        name = f"{stamp}-{next(self._numbers):06d}-{recipient}.eml"
        content = envelope.content or b""
        headers = "".join(f"X-Envelope-To: {address}\r\n" for address in envelope.rcpt_tos)
        # Renamed into place, so that whoever watches the folder never reads half a message.
        draft = self._folder / f".{name}"
        draft.write_bytes(
            headers.encode() + (content if isinstance(content, bytes) else content.encode())
        )
        draft.rename(self._folder / name)
        return "250 Message accepted for delivery"


async def serve(*, port: int, folder: Path) -> None:
    """Serves until SIGTERM or SIGINT."""
    from aiosmtpd.smtp import SMTP

    handler = EmlFolder(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            handler,
            data_size_limit=_MESSAGE_BYTES_MAX,
            enable_SMTPUTF8=True,
            hostname="localhost",
            loop=loop,
        ),
        HOST,
        port,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    print(f"mail catcher: {HOST}:{port} into {folder}", flush=True)
    await stopped.wait()
    server.close()
