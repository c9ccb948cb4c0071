"""The two documents on security say what is there: every requirement once, every test that they name;
and the few requirements that no other test shows.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import httpx
import pytest

from app.kernel.notifications.mail import render as render_mail
from app.logging import formatter
from app.web import person_pages
from app.web.shell import Portal
from tests.support.client import Browser, add_person, new_address, portal_client, sign_in
from tests.support.database import DatabaseUrls, TestTenant, connected

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("asvs.md", "threat-model.md")
# ASVS 5.0.0: of each section the levels of its requirements, in their order.
LEVELS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3",
    "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333",
    "6.6": "2223", "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222",
    "10.6": "22", "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23",
    "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}  # fmt: skip
# Of level 3, what is asked of this portal as well.
BEYOND = {
    *("1.2.10", "2.3.5", "3.4.7", "3.4.8", "3.5.8", "5.2.4", "7.5.3"),
    *("8.3.2", "8.3.3", "15.4.2"),
}
VERDICTS = {"met", "partly", "open", "outside", "none"}
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([123]) \| (\w+) \| (.+) \|$", re.MULTILINE)
_PATH = re.compile(r"`([\w./-]+\.(?:py|html|js|yml|lock|json)|deploy/Dockerfile)(?:::(\w+))?`")


def text_of(name: str) -> str:
    return (ROOT / "docs" / "security" / name).read_text()


def test_every_requirement_of_levels_one_and_two_has_its_verdict() -> None:
    levels = {
        f"{section}.{number}": level
        for section, found in LEVELS.items()
        for number, level in enumerate(found, start=1)
    }
    assert len(levels) == 345
    asked = {name: level for name, level in levels.items() if level in "12" or name in BEYOND}
    rows = _ROW.findall(text_of("asvs.md"))
    told = {name: level for name, level, _, _ in rows}
    last = text_of("asvs.md").partition("## V17")[2]
    told |= dict.fromkeys(re.findall(r"17\.\d\.\d", last), "2")
    assert told == asked
    assert len(rows) == len({row[0] for row in rows}), "one row a requirement"
    assert {verdict for _, _, verdict, _ in rows} <= VERDICTS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_and_file_that_is_named_is_there(document: str) -> None:
    named = _PATH.findall(text_of(document))
    assert len(named) > 40
    missing = []
    for path, name in named:
        files = [file for file in (ROOT / "tests" / path, ROOT / path) if file.is_file()]
        if not files:
            missing.append(path)
        elif name and not re.search(rf"\b(def|class) {name}\b", files[0].read_text()):
            missing.append(f"{path}::{name}")
    assert missing == []


async def test_every_cookie_is_bound_to_this_host(browser: Browser, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "rm")
    answers: list[httpx.Response] = [
        await sign_in(browser, tenant.slug, person.email),
        await browser.post_form("/preferences/theme", {"theme": "dark"}),
        await browser.get("/auth/oidc/start"),
        await browser.post_form("/auth/sign-out"),
    ]
    cookies = [cookie for answer in answers for cookie in answer.headers.get_list("set-cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-sid",
        "__Host-theme",
        "__Host-sign-in",
    }
    for cookie in cookies:
        for attribute in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
            assert attribute in cookie, cookie
        assert "Domain" not in cookie


async def test_no_other_origin_is_let_in(browser: Browser) -> None:
    for method in ("GET", "OPTIONS"):
        answer = await browser.request(
            method,
            "/api/v1/auth/jwks.json",
            headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
        )
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["referrer-policy"] == "same-origin"


async def test_trace_is_refused(browser: Browser) -> None:
    for path in ("/", "/auth/sign-in", "/api/v1/me", "/nothing-here"):
        assert (await browser.request("TRACE", path)).status_code in (404, 405)


async def test_static_files_end_at_their_folder(browser: Browser) -> None:
    for path in (
        *("/static/", "/static/dist", "/static/dist/", "/static/dist/%2e%2e/src/app.js"),
        *("/static/dist/..%2fsrc%2fapp.js", "/static/dist/%2Fetc%2Fpasswd", "/static/src/app.js"),
        *("/.git/config", "/.env", "/static/dist/app.js%00.css"),
    ):
        answer = await browser.get(path)
        assert answer.status_code in (400, 404), path
        assert "import " not in answer.text and "root:" not in answer.text


async def test_of_a_field_that_is_given_twice_the_last_counts(browser: Browser) -> None:
    answer = await browser.post(
        "/preferences/theme?theme=auto",
        content="theme=light&theme=dark",
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://portal.test",
        },
    )
    assert answer.headers["set-cookie"].startswith("__Host-theme=dark;")


async def test_who_asks_cannot_say_where_from(
    portal: Portal, tenant: TestTenant, database: DatabaseUrls
) -> None:
    """Forwarding headers are read by the server alone, from proxies that it was told of."""
    person = await add_person(tenant.id, "rm")
    address = new_address()
    async with portal_client(portal, address=address) as browser:
        browser.headers["X-Forwarded-For"] = browser.headers["X-Real-IP"] = "203.0.113.9"
        browser.headers["Forwarded"] = "for=203.0.113.9"
        assert (await sign_in(browser, tenant.slug, person.email)).status_code == 303
    async with connected(database.admin) as admin:
        noted = await admin.fetch(
            "SELECT address FROM session WHERE tenant_id = $1"
            " UNION SELECT address FROM audit_record WHERE tenant_id = $1 AND action = 'session.open'",
            tenant.id,
        )
    assert [row["address"] for row in noted] == [address]


async def test_what_went_wrong_inside_is_told_to_nobody_outside(
    browser: Browser, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> str:
        raise RuntimeError("SELECT hunter2 FROM vault")

    person = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, person.email)
    monkeypatch.setattr(person_pages, "home_of", fails)
    answer = await browser.get("/")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    for inside in ("hunter2", "RuntimeError", "Traceback", "person_pages"):
        assert inside not in answer.text


def test_nothing_that_is_typed_begins_a_line_or_a_header_of_its_own() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, 'a\r\n{"event": "b"}', None, None)
    assert len(formatter().format(record).splitlines()) == 1
    subject, _, _ = render_mail(
        "notification",
        {"title": "Paid\r\nBcc: evil@example.org", "body": "", "link": "/", "tenant_name": "A"},
    )
    assert subject.splitlines() == [subject]
