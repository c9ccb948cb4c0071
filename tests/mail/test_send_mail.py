"""Mail through the real client, over SMTP, to a relay on loopback."""

from __future__ import annotations

import email
import os
from email.message import EmailMessage
from email.policy import default
from typing import cast

import msgspec
import pytest

from app.integrations.mail.port import MailRefused, MailUnavailable
from app.integrations.mail.smtp import send_mail
from app.settings import read_settings
from tests.support.custody_sandbox import free_port
from tests.support.mail_relay import Relay


async def send(
    *,
    to: str = "member@aurora.example",
    subject: str = "Paid",
    text: str = "It is paid.\n",
    html: str | None = None,
    message_id: str = "n-1",
) -> None:
    await send_mail(to=to, subject=subject, text=text, html=html, message_id=message_id)


def received(relay: Relay) -> EmailMessage:
    assert len(relay.received) == 1
    content = relay.received[0].content
    assert isinstance(content, bytes)
    return email.message_from_bytes(content, policy=default)


class TestSendMail:
    async def test_carries_text_and_html_side_by_side(self, relay: Relay) -> None:
        await send(subject="Ausgezahlt: 1.000 €", text="Grüße\n", html="<p>Grüße</p>")
        message = received(relay)
        assert message.get_content_type() == "multipart/alternative"
        plain, rich = message.iter_parts()
        assert (plain.get_content_type(), rich.get_content_type()) == (
            "text/plain",
            "text/html",
        )
        assert "Grüße" in cast(EmailMessage, plain).get_content()
        assert message["Subject"] == "Ausgezahlt: 1.000 €"
        assert message["From"] == "Stakehold <portal@stakehold.example>"
        assert message["To"] == "member@aurora.example"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Date"]

    async def test_is_plain_text_without_html(self, relay: Relay) -> None:
        await send()
        assert received(relay).get_content_type() == "text/plain"

    async def test_greets_the_relay_by_our_own_domain(self, relay: Relay) -> None:
        """A name that is looked up keeps a thread for as long as DNS takes not to know it."""
        await send()
        assert relay.greeted_as == "stakehold.example"

    @pytest.mark.parametrize(
        ("given", "written"),
        [
            ("n-1", "<n-1@stakehold.example>"),
            ("n-1@other.example", "<n-1@other.example>"),
            ("<n-1@other.example>", "<n-1@other.example>"),
        ],
    )
    async def test_names_the_message_as_it_was_told(
        self, relay: Relay, given: str, written: str
    ) -> None:
        await send(message_id=given)
        assert received(relay)["Message-ID"] == written

    @pytest.mark.parametrize(
        "broken",
        [
            {"to": "nobody"},
            {"to": ""},
            {"to": "a@b.example\nBcc: c@d.example"},
            {"to": "a@b.example, c@d.example"},
            {"subject": "Paid\nBcc: c@d.example"},
            {"message_id": "n-1\r\nBcc: c@d.example"},
        ],
    )
    async def test_lets_nothing_break_out_of_a_header(
        self, relay: Relay, broken: dict[str, str]
    ) -> None:
        with pytest.raises(MailRefused):
            await send(**broken)
        assert relay.received == []

    async def test_is_refused_for_good_when_the_recipient_is(self, relay: Relay) -> None:
        relay.answers["gone@aurora.example"] = "550 no such user gone@aurora.example"
        with pytest.raises(MailRefused, match="550") as refused:
            await send(to="gone@aurora.example")
        assert "gone@" not in str(refused.value)

    async def test_is_to_be_sent_later_when_the_relay_says_so(self, relay: Relay) -> None:
        relay.answers["full@aurora.example"] = "452 mailbox full"
        with pytest.raises(MailUnavailable, match="452"):
            await send(to="full@aurora.example")
        relay.answer_to_data = "451 try again"
        with pytest.raises(MailUnavailable, match="451"):
            await send()
        relay.answer_to_data = "554 no thanks"
        with pytest.raises(MailRefused, match="554"):
            await send()

    async def test_is_to_be_sent_later_when_nobody_listens(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = msgspec.structs.replace(
            read_settings(os.environ), smtp_host="127.0.0.1", smtp_port=free_port()
        )
        monkeypatch.setattr("app.integrations.mail.smtp.settings", lambda: ours)
        with pytest.raises(MailUnavailable):
            await send()
