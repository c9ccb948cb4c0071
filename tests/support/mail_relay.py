"""A mail relay for tests that keeps what it is given, and refuses on request."""

from __future__ import annotations

from aiosmtpd.smtp import SMTP, Envelope, Session


class Relay:
    """What aiosmtpd calls; `answers` maps a recipient to the refusal it gets, `greeted_as` is what the
    last client called itself."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.answers: dict[str, str] = {}
        self.answer_to_data = "250 OK"
        self.greeted_as: str | None = None

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.greeted_as = session.host_name
        if self.answer_to_data.startswith("250"):
            self.received.append(envelope)
        return self.answer_to_data
