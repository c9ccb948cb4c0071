"""A mail relay on loopback that the settings point to."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec
import pytest
from aiosmtpd.controller import Controller

from app.settings import read_settings
from tests.support.custody_sandbox import free_port
from tests.support.mail_relay import Relay


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    handler = Relay()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    ours = msgspec.structs.replace(
        read_settings(os.environ),
        smtp_host="127.0.0.1",
        smtp_port=port,
        mail_from="Stakehold <portal@stakehold.example>",
    )
    monkeypatch.setattr("app.integrations.mail.smtp.settings", lambda: ours)
    yield handler
    controller.stop()
