"""Logs: one JSON object a line, and nothing in it that must not be."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from app.kernel.redaction import MASK, redacted
from app.logging import ALLOWED, configure_logging

SECRETS = [
    "hunter2",
    "ada@example.org",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b5aa765d61d8327deb882cf99",
]


@pytest.fixture
def configured() -> Iterator[Callable[[], None]]:
    """Called within the test, so that the handler writes to what the test captures."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield configure_logging
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_key_that_is_not_listed_is_masked(
    capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    structlog.get_logger("app").info(
        "signed in", password="hunter2", cookie="hunter2", whatever="hunter2", status=200
    )
    (line,) = lines(capsys)
    assert line["password"] == line["cookie"] == line["whatever"] == MASK
    assert (line["event"], line["status"], line["level"]) == ("signed in", 200, "info")


def test_every_key_that_we_log_is_listed() -> None:
    root = Path(__file__).resolve().parents[2]
    keys: set[str] = set()
    for path in [*(root / "app").rglob("*.py"), *(root / "workers").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"debug", "info", "warning", "error", "exception"}
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"log", "_log"}
            ):
                keys |= {keyword.arg for keyword in node.keywords if keyword.arg}
    assert "tenant_id" in keys
    assert keys - ALLOWED - {"exc_info"} == set()


def test_an_error_is_told_without_what_it_quotes(
    capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    password, mail, token, _ = SECRETS
    try:
        raise ValueError(f"{mail} sent password={password} and Bearer {token}")
    except ValueError:
        structlog.get_logger("app").exception("failed", error=f"token: {password}")
        logging.getLogger("library").exception("of %s", SECRETS[1])
    ours, theirs = lines(capsys)
    for line in (ours, theirs):
        assert "ValueError" in str(line["exception"])
        assert "test_logging.py" in str(line["exception"])
        for secret in SECRETS:
            assert secret not in json.dumps(line)


def test_what_is_bound_goes_with_every_line(
    capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    with structlog.contextvars.bound_contextvars(request_id="r-1", job_id="j-1"):
        logging.getLogger("library").warning("slow")
    (line,) = lines(capsys)
    assert (line["request_id"], line["job_id"], line["logger"]) == ("r-1", "j-1", "library")


def test_the_server_does_not_say_who_opened_a_socket_and_to_listen_to_what(
    capsys: pytest.CaptureFixture[str], configured: Callable[[], None]
) -> None:
    configured()
    configured()
    server = logging.getLogger("uvicorn.error")
    for told in ("[accepted]", "403"):
        server.info(f'%s - "WebSocket %s" {told}', "192.0.2.7:5", f"/live?topics={SECRETS[2]}")
    server.info("connection open")
    assert [line["event"] for line in lines(capsys)] == ["connection open"]


@pytest.mark.parametrize(
    "text",
    [
        "mail to ada@example.org bounced",
        "Authorization: Bearer abc.def-ghi",
        'DETAIL: Key (email)=(ada@example.org) already exists, "password": "hunter2"',
        "GET /callback?code=hunter2&state=1",
        "postgresql://stakehold_app:hunter2@127.0.0.1/stakehold",
        *SECRETS[2:],
    ],
)
def test_secrets_in_text_are_masked(text: str) -> None:
    clean = redacted(text)
    assert MASK in clean
    for secret in [*SECRETS, "abc.def-ghi"]:
        assert secret not in clean


@pytest.mark.parametrize(
    "text",
    [
        "job 0194d3c1-7b1e-7000-8000-000000000001 failed after 3 attempts",
        "insufficient balance of account 0194d3c1-7b1e-7000-8000-000000000001",
        "HTTP 503 from the custodian",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text
