"""The search that goes through every log of a run: it finds what is planted, and nothing else."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import asyncpg
import pytest
import structlog

from app.kernel.crypto import new_secret
from app.kernel.ids import new_id
from tests.support.client import add_person
from tests.support.database import DatabaseUrls, TestTenant, connected
from tests.support.log_search import FORMS, PASSWORDS, leaks, leaks_in, secrets_of
from tests.support.logs import KeptLogs
from tests.support.portal import leaks_of

PLANTED = {
    "an e-mail address": "mail to ada@example.org bounced",
    "a JSON web token": "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "a cookie of ours": "cookie __Host-sid=abc",
    "a random secret": "state NGoeXMYj4_7Kx0jW-Qc2Zr8tUvLw5sBd9fGh1iJkMnP",
    "a wallet's address": "paid to 0x0123456789abcdef0123456789ABCDEF01234567",
    "an IBAN": "from CH93 0076 2011 6238 5295 7",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
    "a password": f"tried {PASSWORDS[0]}",
    "a person's name": "told Ada Lovelace",
    "the setting SECRET_KEY": "signed with 00112233445566778899",
    "the password in DATABASE_URL": "as app:correcthorsebattery",
}
ENVIRONMENT = {
    "SECRET_KEY": "00112233445566778899",
    "DATABASE_URL": "postgresql://app:correcthorsebattery@127.0.0.1/stakehold",
    "PUBLIC_URL": "https://portal.test",
}


@pytest.mark.parametrize("what", PLANTED)
def test_finds_what_is_planted(what: str) -> None:
    text = f"a line before\n{PLANTED[what]}\n"
    assert (2, what) in set(leaks(text, secrets=secrets_of(ENVIRONMENT)))
    assert set(FORMS) <= set(PLANTED)


def test_every_secret_that_we_make_has_the_form_that_is_searched_for() -> None:
    """But for one in 1,500, which happens to have no digit: a line of words has none either."""
    found = [list(leaks(f"x {new_secret()}", secrets={})) for _ in range(200)]
    assert found.count([(1, "a random secret")]) >= 197


def test_finds_nothing_in_what_logs_are_for() -> None:
    lines = [
        f'{{"event": "request", "request_id": "{new_id().hex}", "tenant_id": "{new_id()}"}}',
        "HTTP 503 from the custodian",
        "tests.investments.test_redemption_decide.TestApprove.test_is_refused_twice_when_20",
        "checksum 5f4dcc3b5aa765d61d8327deb882cf99",
        "2026-11-26 08:09:37 [info] request duration_ms=125.5 route=/api/v1/redemptions/{id}",
    ]
    assert list(leaks("\n".join(lines), secrets=secrets_of(ENVIRONMENT))) == []


def test_what_this_process_logs_is_kept_as_it_would_be_written_and_searched(
    tmp_path: Path,
) -> None:
    """The word is a secret here alone: the logs of this run are searched as well."""
    word = {f"planted-{new_id().hex}": "the planted word"}
    (planted,) = word
    path = tmp_path / "kept.txt"
    kept = KeptLogs(path)
    kept.start()
    try:
        structlog.get_logger("app").error("told", actor=planted, error="ada@example.org")
        logging.getLogger("library").warning("to ada@example.org, token=%s", planted)
        assert leaks_in([path], secrets=word) == []
        structlog.get_logger("app").error(f"told {planted}")
        logging.getLogger("library").warning("of %s", planted)
    finally:
        kept.stop()
    assert leaks_in([path], secrets=word) == [
        f"{path}:3: the planted word",
        f"{path}:4: the planted word",
    ]


def test_a_portal_whose_log_holds_a_secret_fails_whoever_ran_it(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "environment.json").write_text('{"SECRET_KEY": "00112233445566778899"}')
    log = tmp_path / "logs" / "web.txt"
    log.write_text("nothing")
    assert leaks_of(tmp_path) == []
    # Not under this name for longer than this takes: the search of this run looks here as well.
    log = log.rename(log.with_suffix(".log"))
    log.write_text("key 00112233445566778899")
    assert leaks_of(tmp_path) == [f"{log}:1: the setting SECRET_KEY"]
    log.unlink()


async def test_the_database_does_not_repeat_the_row_that_it_refuses(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    person = await add_person(tenant.id, "rm")
    async with connected(database.admin) as admin:
        assert await admin.fetchval("SHOW log_error_verbosity") == "terse"
        with pytest.raises(asyncpg.CheckViolationError):
            await admin.execute(f"UPDATE account SET status = 'x' WHERE email = '{person.email}'")
    log = (Path(os.environ["TEST_LOGS"]) / "postgres.log").read_text()
    assert "account_status_check" in log
    assert person.email not in log
