"""What the portal needs of mail, and what can come of asking for it."""

from __future__ import annotations

from typing import Protocol

from app.kernel.errors import Unavailable


class MailRefused(Exception):
    """The relay said no for good, or the message cannot be written: sending it again is useless."""


class MailUnavailable(Unavailable):
    """The relay could not be reached, said "later", or went quiet: send it again later.

    When it went quiet at the very end the message may have been taken after all; it then arrives
    twice under one Message-ID, which mail programs show once.
    """

    title = "The mail relay is not answering; the message will be sent later"


class SendMail(Protocol):
    async def __call__(
        self, *, to: str, subject: str, text: str, html: str | None, message_id: str
    ) -> None:
        """Hand one message to one recipient over to the relay.

        `message_id` is the same each time the same message is sent. Raises `MailRefused` and
        `MailUnavailable`.
        """
        ...
