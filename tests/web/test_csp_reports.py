"""Reports of browsers on the content security policy: counted, said in one line, never repeated."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from app.web.csp_reports import REPORTS_MAX, violations
from tests.support.client import Browser, add_person, sign_in
from tests.support.database import TestTenant

MODERN = {
    "type": "csp-violation",
    "body": {
        "documentURL": "https://portal.test/redemptions/1?q=ada@example.org",
        "effectiveDirective": "script-src-elem",
        "blockedURL": "https://evil.example:8443/steal.js?secret=hunter2",
        "sample": "alert(ada@example.org)",
    },
}
OLD = {
    "csp-report": {
        "document-uri": "https://portal.test/kyc",
        "violated-directive": "img-src 'self'",
        "blocked-uri": "inline",
    }
}


def counted(directive: str) -> float:
    return REGISTRY.get_sample_value("stakehold_csp_reports_total", {"directive": directive}) or 0


async def sent(browser: Browser, content: object, kind: str) -> int:
    return (
        await browser.post("/csp-reports", json=content, headers={"Content-Type": kind})
    ).status_code


async def test_every_answer_says_where_to(browser: Browser) -> None:
    for path in ("/auth/sign-in", "/nothing-here"):
        headers = (await browser.get(path)).headers
        assert headers["reporting-endpoints"] == 'csp="/csp-reports"'
        assert headers["content-security-policy"].endswith("report-uri /csp-reports; report-to csp")


@pytest.mark.parametrize(
    ("content", "kind", "directive", "origin"),
    [
        ([MODERN], "application/reports+json", "script-src-elem", "https://evil.example:8443"),
        (OLD, "application/csp-report", "img-src", "inline"),
    ],
)
async def test_a_report_is_counted_and_tells_nothing_that_was_typed(
    browser: Browser,
    capsys: pytest.CaptureFixture[str],
    content: object,
    kind: str,
    directive: str,
    origin: str,
) -> None:
    before = counted(directive)
    assert await sent(browser, content, kind) == 204
    assert counted(directive) == before + 1
    printed = capsys.readouterr().out
    assert "content security policy broken" in printed
    assert origin in printed
    for secret in ("ada@example.org", "hunter2", "steal.js", "/redemptions/1"):
        assert secret not in printed


async def test_a_browser_that_is_signed_in_may_report_as_well(
    browser: Browser, tenant: TestTenant
) -> None:
    person = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, person.email)
    assert await sent(browser, [MODERN], "application/reports+json") == 204


async def test_what_is_no_report_is_refused_or_left_out(browser: Browser) -> None:
    assert await sent(browser, OLD, "application/json") == 415
    answer = await browser.post(
        "/csp-reports", content=b"{", headers={"Content-Type": "application/csp-report"}
    )
    assert answer.status_code == 400
    before = counted("other")
    for content in ([], [1, None, "x", {}], {"csp-report": []}, "x"):
        assert await sent(browser, content, "application/reports+json") == 204
    assert counted("other") == before


def test_made_up_words_become_no_label_and_no_line() -> None:
    odd = {"effectiveDirective": "script-src\nx", "blockedURL": "javascript:alert(1)"}
    found = violations([{"body": odd}] * 100)
    assert len(found) == REPORTS_MAX
    assert {(one.directive, one.blocked, one.document) for one in found} == {
        ("other", "other", "elsewhere")
    }
    for address in ("http://[", "http://x:y", "data:text/html,x", 5):
        (one,) = violations({"csp-report": {"blocked-uri": address}})
        assert one.blocked == "other"
