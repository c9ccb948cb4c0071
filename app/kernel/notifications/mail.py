"""Mail: one job a mail, its address looked up and its text rendered when it is sent.

The kernel knows neither mail servers nor people: both come in through ports that the processes
which send mail register when they start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

import jinja2
import structlog

from app.kernel.database import fetch_value
from app.kernel.errors import Unavailable
from app.kernel.jobs.outside import OutsideCall
from app.kernel.jobs.registry import RetryLater, outside_job
from app.kernel.jobs.values import Lane
from app.settings import settings

MAIL_JOB = "notifications.mail"
# While the relay is away a mail waits, for a day at most: then it counts as failing.
RELAY_AWAY_MAX = timedelta(hours=24)
RETRY_SECONDS = 60.0
TEMPLATES = Path(__file__).resolve().parents[3] / "templates" / "emails"

_log = structlog.get_logger(__name__)


class MailTransport(Protocol):
    async def __call__(
        self, *, to: str, subject: str, text: str, html: str | None, message_id: str
    ) -> None: ...


AddressBook = Callable[[UUID], Awaitable[str | None]]

_transport: MailTransport | None = None
_address_book: AddressBook | None = None


def register_mail_transport(transport: MailTransport) -> None:
    """Say how mail is sent. What it raises makes the job try again; `Unavailable`, without counting
    as a failure for a day."""
    global _transport
    _transport = transport


def register_address_book(address_of: AddressBook) -> None:
    """Say where a membership's mail address is found; it is asked inside a unit of work."""
    global _address_book
    _address_book = address_of


@outside_job(
    MAIL_JOB,
    lane=Lane.mail,
    undone="The mail is not sent: its reader finds the same words under notifications",
)
async def send(call: OutsideCall) -> None:
    """Send one mail. One that was sent, but not recorded, goes out again under the same Message-ID,
    by which mail programs know it."""
    if _transport is None or _address_book is None:
        raise RuntimeError("no mail transport or address book is registered in this process")
    async with call.unit_of_work():
        address = await _address_book(UUID(call.payload["recipient_id"]))
        tenant_name = await fetch_value("SELECT name FROM tenant WHERE id = $1", call.tenant_id)
    if address is None:
        _log.info("mail has no address", recipient_id=call.payload["recipient_id"])
        return
    subject, text, html = render(
        call.payload["template"], call.payload["context"] | {"tenant_name": tenant_name}
    )
    try:
        await _transport(
            to=address, subject=subject, text=text, html=html, message_id=message_id(call.id)
        )
    except Unavailable as error:
        if call.age >= RELAY_AWAY_MAX:
            raise
        raise RetryLater(RETRY_SECONDS, error.detail) from error


def message_id(job_id: UUID) -> str:
    host = urlsplit(settings().public_url).hostname or "localhost"
    return f"<{job_id}@{host}>"


def render(template: str, context: dict[str, object]) -> tuple[str, str, str]:
    """Subject, plain text and HTML of the mail, from one folder of templates/emails.

    `context` has title, body, link and tenant_name; a `reference` stands in the subject, `figures`
    (label and words) below the body.
    """
    given = {"reference": "", "figures": [], **context}
    given["portal_url"] = settings().public_url.rstrip("/")
    folder = _templates()
    subject = folder.get_template(f"{template}/subject.txt").render(given)
    text = folder.get_template(f"{template}/body.txt").render(given)
    html = folder.get_template(f"{template}/body.html").render(given)
    # A line break in a subject would begin another header.
    return " ".join(subject.split()), text, html


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
