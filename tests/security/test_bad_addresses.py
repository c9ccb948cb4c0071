"""Paths, queries and headers that are wrong: not there, or named; never a 5xx."""

from __future__ import annotations

from typing import Any

from tests.security.bad_values import LONG, NOT_THERE, REST, refusal_of
from tests.security.seats import API, Seats
from tests.support.desk import Desk


async def test_a_path_that_names_nothing_is_not_there(seats: Seats, desk: Desk) -> None:
    people = await seats.all_of(desk)
    wrong = []
    for text in (
        "x",
        "0",
        "%00",
        "..%2f..",
        "%ff",
        "null",
        "a" * 3000,
        NOT_THERE + "0",
        "{id}",
        "%E2%80%AE",
    ):
        for login, path in [
            ("member", "/redemptions/{}"),
            ("member", "/subscriptions/{}/redeem"),
            ("member", f"{REST}/redemptions/{{}}"),
            ("member", f"{REST}/products/{{}}"),
            ("member", f"{REST}/products/{{}}/nav"),
            ("ops", "/ledger/accounts/{}"),
            ("member", "/ledger/entries/{}"),
            ("ops", f"{API}/ledger/accounts/{{}}/balance"),
            ("ops", f"{API}/ledger/accounts/{{}}/statement"),
            ("ops", f"{API}/ledger/entries/{{}}"),
            ("ops", "/deadlines/{}"),
            ("ops", "/jobs/{}/discard"),
            ("ops", f"{API}/jobs/dead/{{}}"),
            ("member", "/destinations/{}"),
            ("member", f"{REST}/destinations/{{}}"),
            ("admin", "/users/{}"),
            ("admin", f"{API}/users/{{}}"),
            ("rm", "/clients/{}"),
            ("rm", f"{REST}/clients/{{}}"),
            ("rm", "/clients/{}/standing"),
            ("rm", f"{REST}/clients/{{}}/standing"),
        ]:
            answer = await people[login].get(path.format(text))
            if answer.status_code != 404:
                wrong.append((path, text[:40], answer.status_code))
        for login, path in [
            ("rm", "/redemptions/{}/approve"),
            ("rm", f"{REST}/redemptions/{{}}/approve"),
            ("member", f"{REST}/redemptions/{{}}/cancel"),
            ("trader", f"{REST}/redemptions/{{}}/retry-payout"),
            ("rm", f"{API}/approvals/{{}}/decisions"),
            ("ops", "/jobs/{}/rerun"),
            ("ops", "/jobs/{}/discard"),
            ("compliance", "/clients/{}/kyc"),
            ("compliance", "/clients/{}/tier/approve"),
        ]:
            body = {"decision": "approve", "note": ""} if "decisions" in path else {"note": ""}
            answer = await people[login].post(
                path.format(text), None if "cancel" in path or "retry" in path else body
            )
            if answer.status_code != 404:
                wrong.append((path, text[:40], answer.status_code))
    assert wrong == [], "\n".join(map(str, wrong))


QUERIES = [
    ("member", f"{REST}/redemptions", "cursor", ["x", "", "%00", f"{NOT_THERE}0", "1" * 3000]),
    ("member", f"{REST}/redemptions", "limit", ["0", "201", "abc", "-1", "1.5", "9" * 40, ""]),
    ("member", f"{REST}/redemptions", "state", ["x", "APPROVED", "%00", "held", "1" * 3000]),
    ("member", f"{REST}/redemptions", "product_id", ["x", "%00", "1" * 3000]),
    (
        "member",
        f"{REST}/redemptions",
        "due_before",
        ["garbage", "2026-13-01", "%00", "NaN", "0001-01-01T00:00:00%2B14:00", "1" * 400],
    ),
    ("member", f"{REST}/subscriptions", "cursor", ["x", "%00"]),
    ("member", f"{REST}/subscriptions", "limit", ["0", "201", "abc"]),
    ("trader", f"{REST}/accounts", "product_id", ["x", "%00"]),
    ("ops", f"{API}/ledger/accounts", "owner", ["x", "%00"]),
    ("ops", f"{API}/ledger/accounts", "cursor", ["x", "%00"]),
    ("ops", f"{API}/approvals", "state", ["x", "%00"]),
    ("ops", f"{API}/deadlines", "state", ["x", "%00"]),
    ("compliance", f"{API}/audit", "from", ["garbage", "%00", "2026-01-01T00:00:00"]),
    ("compliance", f"{API}/audit", "cursor", ["x", "%00"]),
    ("compliance", f"{API}/audit", "actor", ["x", "%00"]),
    ("ops", "/ledger/accounts", "book", ["x", "%00"]),
    ("ops", "/ledger/accounts", "asset", ["%00"]),
    ("ops", "/ledger/accounts", "name", ["%00"]),
    ("ops", "/ledger/accounts", "cursor", ["x", "%00"]),
    ("compliance", "/audit", "from", ["garbage", "%00", "2026-13-01", "0001-01-01", "9999-12-31"]),
    ("compliance", "/audit", "to", ["garbage", "9999-12-31"]),
    ("compliance", "/audit", "subject", ["x", "%00"]),
    ("compliance", "/audit", "actor", ["%00"]),
    ("compliance", "/audit", "cursor", ["x", "%00"]),
    ("member", "/redemptions", "client", ["%00"]),
    ("member", "/redemptions", "product", ["x", "%00"]),
    ("member", "/redemptions", "due_before", ["soon", "%00", "2026-13-01", "9999-12-31"]),
    ("member", "/redemptions", "requested_from", ["soon", "0001-01-01"]),
    ("member", "/redemptions", "requested_to", ["soon", "9999-12-31"]),
    ("member", "/redemptions", "sort", ["x", "%00", "--net", "r.net", "net,gross"]),
    ("member", f"{REST}/redemptions", "sort", ["x", "%00", "--net", "1" * 3000]),
    ("member", f"{REST}/redemptions", "requested_from", ["garbage", "1" * 400]),
    ("ops", f"{API}/ledger/accounts", "sort", ["x", "balance"]),
    ("ops", f"{API}/ledger/accounts", "name", ["%00"]),
    ("ops", f"{API}/approvals", "sort", ["x"]),
    ("ops", f"{API}/approvals", "requested_from", ["garbage", "2026-01-01T00:00:00"]),
    ("ops", f"{API}/deadlines", "sort", ["x"]),
    ("ops", f"{API}/deadlines", "kind", ["%00"]),
    ("ops", f"{API}/deadlines", "cursor", ["x", "%00"]),
    ("ops", f"{API}/jobs/dead", "sort", ["x"]),
    ("ops", f"{API}/jobs/dead", "cursor", ["x"]),
    ("ops", f"{API}/jobs/dead", "kind", ["%00"]),
    ("compliance", f"{API}/audit", "sort", ["x", "actor"]),
    ("compliance", f"{API}/audit", "action", ["%00"]),
    ("ops", "/ledger/accounts", "sort", ["x", "balance"]),
    ("ops", "/ledger/entries", "sort", ["x", "narrative"]),
    ("ops", "/ledger/entries", "book", ["x", "%00"]),
    ("ops", "/ledger/entries", "from", ["x", "0001-01-01"]),
    ("ops", "/ledger/entries", "subject", ["%00"]),
    ("ops", "/ledger/entries", "cursor", ["x", "%00"]),
    ("ops", f"{API}/ledger/entries", "sort", ["x"]),
    ("ops", f"{API}/ledger/entries", "operation", ["%00"]),
    ("ops", f"{API}/ledger/entries", "from", ["garbage"]),
    ("rm", "/kyc", "sort", ["x", "%00"]),
    ("compliance", "/audit", "sort", ["x", "actor"]),
    ("ops", "/deadlines", "sort", ["x"]),
    ("ops", "/deadlines", "due_from", ["x"]),
    ("ops", "/approval-records", "sort", ["x"]),
    ("ops", "/approval-records", "requested_to", ["x"]),
    ("ops", "/jobs", "sort", ["x"]),
    ("ops", "/jobs", "failed_from", ["x"]),
    *(
        ("admin", path, name, values)
        for path in ("/users", f"{API}/users")
        for name, values in (
            ("q", ["%00"]),
            ("role", ["x", "%00", "ADMIN"]),
            ("status", ["x", "%00", "suspended"]),
            ("cursor", ["x", "%00"]),
        )
    ),
    ("admin", f"{API}/users", "limit", ["0", "201", "abc"]),
    ("rm", "/clients", "q", ["%00"]),
    ("rm", "/clients", "product", ["x", "%00"]),
    ("rm", "/clients", "sort", ["x", "%00", "--name"]),
    ("rm", "/clients", "cursor", ["x", "%00"]),
    ("rm", f"{REST}/clients", "q", ["%00"]),
    ("rm", f"{REST}/clients", "product_id", ["x", "%00"]),
    ("rm", f"{REST}/clients", "sort", ["x", "%00", "--name"]),
    ("rm", f"{REST}/clients", "cursor", ["x", "%00"]),
    ("rm", f"{REST}/clients", "limit", ["0", "201", "abc"]),
    ("compliance", "/kyc", "by", ["x", "%00", "EXPIRING"]),
    ("compliance", "/kyc", "cursor", ["x", "%00"]),
    ("compliance", f"{REST}/kyc", "by", ["x", "%00"]),
    ("compliance", f"{REST}/kyc", "cursor", ["x", "%00"]),
    ("compliance", f"{REST}/kyc", "limit", ["0", "201", "abc"]),
    ("member", "/search", "q", ["%00"]),
    ("member", "/redemptions", "state", ["x", "%00"]),
    ("member", "/redemptions", "cursor", ["x", "%00"]),
    ("ops", "/deadlines", "state", ["x", "%00"]),
    (
        "ops",
        "/deadlines",
        "cursor",
        ["x", "%00", "2026-01-01_x", f"0001-01-01T00:00:00%2B14:00_{NOT_THERE}"],
    ),
    ("ops", "/approval-records", "state", ["x", "%00"]),
    ("ops", "/approval-records", "cursor", ["x", "%00"]),
    ("ops", "/jobs", "kind", ["%00"]),
    ("ops", "/jobs", "cursor", ["x", "%00", "2026-01-01_x"]),
    ("member", "/notifications", "cursor", ["x", "%00", "2026-01-01_x", "_"]),
]


async def test_a_bad_query_parameter_is_named(seats: Seats, desk: Desk) -> None:
    people = await seats.all_of(desk)
    wrong = []
    for login, path, name, values in QUERIES:
        for value in values:
            seat = people[login]
            client = seat.rest if path.startswith(API) else seat.browser
            headers = {"Accept": "application/json"}
            answer = await client.get(f"{path}?{name}={value}", headers=headers)
            if refusal_of(answer)[:2] != (422, name):
                wrong.append((path, name, value[:40], answer.status_code, answer.text[:200]))
    assert wrong == [], "\n".join(map(str, wrong))


async def test_odd_headers_and_sign_ins_are_no_trouble(seats: Seats, desk: Desk) -> None:
    seat, nobody = await seats.of(desk, "rm"), await seats.nobody()
    found: list[tuple[Any, int]] = []
    odd: list[Any] = [
        {"X-Block": "../../etc"},
        {b"X-Block": "é\0".encode()},
        {"HX-Request": "true", "X-Block": ""},
        {"If-None-Match": "x" * 4000},
        {"Accept": "x" * 4000},
        {"Authorization": "Bearer"},
        {b"Authorization": "Bearer é.é.é".encode()},
        {b"Cookie": "__Host-sid=é".encode()},
        {"Cookie": "=; __Host-sid; a=b=c"},
        {"Cookie": f"__Host-sid={LONG[:4000]}"},
        {"Host": "evil.example"},
    ]
    for headers in odd:
        for path in ("/approvals", f"{API}/me"):
            answer = await nobody.browser.get(path, headers=headers)
            found.append(((path, headers), answer.status_code))
            answer = await seat.browser.get(path, headers=headers)
            found.append(((path, headers), answer.status_code))
    for text in ("\0", LONG[:20_000], "é\u202e", "' OR 1=1 --", "%"):
        form = {"tenant": text, "email": text, "password": text, "next": text}
        answer = await nobody.browser.post_form("/auth/sign-in", form)
        found.append((("sign-in", text[:20]), answer.status_code))
        answer = await nobody.browser.get("/auth/sign-in", params={"tenant": text, "next": text})
        found.append((("sign-in page", text[:20]), answer.status_code))
        login = {"tenant": text, "email": text, "password": text}
        answer = await nobody.rest.post(f"{API}/auth/login", json=login)
        found.append((("login", text[:20]), answer.status_code))
        answer = await nobody.rest.post(f"{API}/auth/refresh", json={"refresh_token": text})
        found.append((("refresh", text[:20]), answer.status_code))
        answer = await nobody.browser.get(
            "/auth/oidc/callback", params={"state": text, "code": text, "iss": text}
        )
        found.append((("callback", text[:20]), answer.status_code))
    assert [one for one in found if one[1] >= 500] == []
