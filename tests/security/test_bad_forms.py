"""Forms that are wrong come back with what was typed and what was wrong with it; nothing is written."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import httpx
import pytest
from markupsafe import escape

from app.domains.investments.operations import redemption_quote
from app.kernel.ids import new_id
from tests.investments import steps
from tests.security.bad_values import BAD_NUMBERS, BEYOND, NOT_THERE
from tests.security.seats import Seats
from tests.security.traces import nothing_written
from tests.support.client import origin
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk

LONG = random.Random(1).randbytes(10_000).hex()
SCRIPT = '"><script>alert(1)</script>{{ 7 * 7 }}'


def redeem_path(desk: Desk) -> str:
    return f"/subscriptions/{desk.subscriptions['member', 'yield']}/redeem"


def redeem_form(desk: Desk, **changes: str) -> dict[str, str]:
    return {
        "subscription_id": str(desk.subscriptions["member", "yield"]),
        "destination_id": str(desk.destinations["member", "yield"]),
        "by": "units",
        "units": "10",
    } | changes


def refused_page(answer: httpx.Response, *, status: int = 422, typed: str = "") -> str:
    """What is wrong with this answer as a refused form; nothing where it is right."""
    if answer.status_code != status:
        return f"{answer.status_code}: {answer.text[:200]}"
    if "error-summary" not in answer.text and 'role="alert"' not in answer.text:
        return "it names no error"
    if str(escape(typed)) not in answer.text:
        return "what was typed is gone"
    return "a script came through" if "<script>alert" in answer.text else ""


async def test_a_refused_decision_comes_back_whole_and_one_that_was_done_as_the_regions_asked_for(
    seats: Seats, desk: Desk
) -> None:
    redemption_id = await steps.request(desk)
    path = f"/redemptions/{redemption_id}"
    asked = {"X-Block": "status actions"}
    manager = (await seats.of(desk, "rm")).browser
    headers = asked | {"Idempotency-Key": new_id().hex}
    refused = await manager.post_form(f"{path}/reject", {"note": ""}, headers=headers)
    assert refused_page(refused) == ""
    assert "<html" in refused.text
    headers = asked | {"Idempotency-Key": new_id().hex}
    done = await manager.post_form(f"{path}/approve", {"note": "Known"}, headers=headers)
    assert (done.status_code, done.headers["x-location"], done.content) == (204, path, b"")
    again = await manager.post_form(f"{path}/approve", {"note": "Known"}, headers=headers)
    assert (again.status_code, again.headers["x-location"]) == (204, path)
    followed = await manager.get(path, headers=asked)
    assert "<html" not in followed.text
    assert 'id="status"' in followed.text
    assert 'id="actions"' in followed.text


@pytest.mark.parametrize("field", ["units", "fraction", "amount"])
async def test_a_number_that_is_none_is_shown_again(
    seats: Seats, desk: Desk, database: DatabaseUrls, field: str
) -> None:
    member = await seats.of(desk, "member")
    beyond, _ = BEYOND[field]
    wrong = []
    async with nothing_written(database, desk):
        for index, text in enumerate([*BAD_NUMBERS, beyond, SCRIPT, LONG]):
            form = redeem_form(desk, by=field, **{field: text[:20_000]}, quote_id=NOT_THERE)
            # What it comes to, and its confirmation: both read the same fields.
            path = "/redemptions" if index % 2 else redeem_path(desk)
            answer = await member.post(path, form)
            if found := refused_page(answer, typed=text[:20_000].strip()):
                wrong.append((path, text[:40], found))
        assert wrong == [], "\n".join(map(str, wrong))


async def test_what_else_a_redemption_is_asked_with(
    seats: Seats, desk: Desk, stranger: Desk, database: DatabaseUrls
) -> None:
    member = await seats.of(desk, "member")
    foreign = [
        desk.destinations["member2", "yield"],
        stranger.destinations["member", "yield"],
        desk.destinations["member", "growth"],
    ]
    attempts: list[tuple[dict[str, str], int]] = [
        *(({"destination_id": str(id_), "quote_id": NOT_THERE}, 422) for id_ in foreign),
        *(({"destination_id": text}, 422) for text in ("", "x", NOT_THERE + "0", SCRIPT)),
        *(({"quote_id": text}, 422) for text in ("", "x", NOT_THERE)),
        ({"by": "boat"}, 422),
        ({"by": "fraction", "fraction": "0"}, 422),
    ]
    wrong = []
    async with nothing_written(database, desk, stranger):
        for changes, status in attempts:
            answer = await member.post("/redemptions", redeem_form(desk, **changes))
            if found := refused_page(answer, status=status, typed="10"):
                wrong.append((changes, found))
        for text in ("", "x", NOT_THERE, str(stranger.subscriptions["member", "yield"])):
            answer = await member.post("/redemptions", redeem_form(desk, subscription_id=text))
            if answer.status_code not in (404, 422):
                wrong.append(({"subscription_id": text}, str(answer.status_code)))
        assert wrong == [], "\n".join(map(str, wrong))


async def test_an_expired_quote_is_quoted_again_with_what_was_typed(
    seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = await seats.of(desk, "member")
    monkeypatch.setattr(redemption_quote, "VALID", timedelta(0))
    quote = {"subscription_id": redeem_form(desk)["subscription_id"], "units": "10"}
    quoted = await member.post("/api/v1/investments/redemptions/quote", quote)
    monkeypatch.undo()
    form = redeem_form(desk, quote_id=quoted.json()["data"]["quote_id"])
    answer = await member.post("/redemptions", form)
    assert not refused_page(answer, status=409, typed="10"), answer.text
    assert (await member.get("/api/v1/investments/redemptions")).json()["data"] == []


async def test_decisions_and_their_forms(seats: Seats, desk: Desk, database: DatabaseUrls) -> None:
    waiting = await steps.request(desk)
    approved = await steps.request(desk, key="growth")
    await steps.decide(desk, approved)
    people = await seats.all_of(desk)
    staging = str(desk.staging["growth"])
    attempts: list[tuple[str, str, dict[str, str], int, str]] = [
        ("rm", f"{waiting}/reject", {"note": ""}, 422, ""),
        ("rm", f"{waiting}/reject", {"note": "  \u2003"}, 422, ""),
        ("rm", f"{waiting}/reject", {}, 422, ""),
        ("rm", f"{waiting}/reject", {"note": LONG}, 422, LONG),
        ("rm", f"{waiting}/approve", {"note": f"{SCRIPT}{LONG}"}, 422, SCRIPT),
        ("rm", f"{waiting}/approve", {"note": "kept", "version": "x"}, 422, "kept"),
        ("rm", f"{waiting}/approve", {"note": "kept", "version": "1" * 30}, 422, "kept"),
        ("rm", f"{waiting}/approve", {"note": "kept", "version": "٢"}, 422, "kept"),
        ("rm", f"{waiting}/approve", {"note": "kept", "version": "99"}, 409, "kept"),
        ("rm", f"{approved}/approve", {"note": "again"}, 409, ""),
        ("rm", f"{approved}/reject", {"note": "too late"}, 409, ""),
        ("member", f"{approved}/cancel", {}, 409, ""),
        ("trader", f"{approved}/ready", {}, 422, ""),
        ("trader", f"{approved}/ready", {"source_account_id": "x", "note": "kept"}, 422, "kept"),
        ("trader", f"{approved}/ready", {"source_account_id": NOT_THERE}, 422, ""),
        ("trader", f"{approved}/ready", {"source_account_id": str(desk.staging["yield"])}, 422, ""),
        ("trader", f"{approved}/ready", {"source_account_id": staging, "note": LONG}, 422, LONG),
        ("trader", f"{approved}/retry-payout", {}, 409, ""),
    ]
    wrong = []
    async with nothing_written(database, desk):
        for login, path, form, status, typed in attempts:
            answer = await people[login].post(f"/redemptions/{path}", form)
            if found := refused_page(answer, status=status, typed=typed):
                wrong.append((login, path, str(form)[:80], found))
        assert wrong == [], "\n".join(map(str, wrong))


async def test_a_form_that_cannot_be_read(seats: Seats, desk: Desk, database: DatabaseUrls) -> None:
    member = await seats.of(desk, "member")
    token = member.browser.csrf_token
    form = "application/x-www-form-urlencoded"
    attempts: list[tuple[Any, str, int]] = [
        (f"csrf_token={token}&units=%ff", form, 400),
        (b"csrf_token=" + token.encode() + b"&units=\xff", form, 400),
        (f"csrf_token={token}&units", form, 400),
        (f"csrf_token={token}" + "&a=1" * 200, form, 400),
        (f"csrf_token={token}&units=1%001", form, 422),
        (f"csrf_token={token}&units={'1' * 100_000}", form, 413),
        (f'{{"csrf_token": "{token}"}}', "application/json", 415),
        (f"csrf_token={token}", "text/plain", 415),
        (f"csrf_token={token}", "multipart/form-data; boundary=x", 415),
        (f"csrf_token={token}", "", 415),
    ]
    wrong = []
    async with nothing_written(database, desk):
        for content, content_type, status in attempts:
            for path in ("/redemptions", redeem_path(desk)):
                answer = await member.browser.post(
                    path,
                    content=content,
                    headers={
                        "Content-Type": content_type,
                        "Origin": origin(),
                        "Idempotency-Key": new_id().hex,
                    },
                )
                if answer.status_code != status:
                    wrong.append((path, content[:60], content_type, answer.status_code))
        answer = await member.browser.post_form("/redemptions", redeem_form(desk))
        assert answer.status_code == 428, "no idempotency key"
        answer = await member.post("/redemptions", redeem_form(desk), key="x" * 256)
        assert answer.status_code == 422
        assert wrong == [], "\n".join(map(str, wrong))
