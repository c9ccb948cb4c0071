"""Mail by SMTP, through the relay that the settings name; over TLS where the relay offers it."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, parseaddr

import aiosmtplib

from app.integrations.mail.port import MailRefused, MailUnavailable
from app.settings import settings

# Each for one answer of the relay; a relay that scans mail takes its time at the end.
TIMEOUT_SECONDS = 10.0
# SMTP: 4xx is "later", 5xx is "never" (RFC 5321, section 4.2.1).
PERMANENT = 500


async def send_mail(*, to: str, subject: str, text: str, html: str | None, message_id: str) -> None:
    """Hand one message to one recipient over to the relay: text, and html beside it if given.

    `message_id` is of the form `<name@domain>`, or a name alone, which is then in our own domain.
    Raises `MailRefused` and `MailUnavailable`; see `port.SendMail`.
    """
    try:
        message = _message(to=to, subject=subject, text=text, html=html, message_id=message_id)
    except (ValueError, IndexError, MessageError) as error:
        raise MailRefused("The address or subject cannot be written into a message") from error
    relay = settings()
    try:
        await aiosmtplib.send(
            message,
            hostname=relay.smtp_host,
            port=relay.smtp_port,
            # Left out, a thread would ask DNS for this machine's name, for as long as DNS takes.
            local_hostname=_own_domain(),
            timeout=TIMEOUT_SECONDS,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _sorted([refused.code for refused in error.recipients]) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _sorted([error.code]) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailUnavailable(f"The mail relay is not answering: {type(error).__name__}") from error


def _message(
    *, to: str, subject: str, text: str, html: str | None, message_id: str
) -> EmailMessage:
    """Raises `ValueError` for what would break out of a header."""
    domain = _own_domain()
    message = EmailMessage(policy=SMTP)
    message["From"] = settings().mail_from
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = localtime()
    name = message_id.removeprefix("<").removesuffix(">")
    message["Message-ID"] = f"<{name}>" if "@" in name else f"<{name}@{domain}>"
    # No holiday notes in answer to a machine (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def _own_domain() -> str:
    """The sender's: what we call ourselves to a relay as well (RFC 5321, section 4.1.1.1)."""
    return Address(addr_spec=parseaddr(settings().mail_from)[1]).domain


def _sorted(codes: list[int]) -> MailRefused | MailUnavailable:
    """No relay's text is passed on: it repeats addresses, and errors are logged."""
    said = ", ".join(str(code) for code in codes)
    if codes and all(code >= PERMANENT for code in codes):
        return MailRefused(f"The mail relay refused the message: {said}")
    return MailUnavailable(f"The mail relay asked to try later: {said}")
