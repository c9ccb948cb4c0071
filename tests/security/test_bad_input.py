"""What is malformed, out of bounds or somebody's joke: refused as problem+json that names field and
rule, never a 5xx, and nothing of it is written.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.kernel.ids import new_id
from tests.investments import steps
from tests.security.bad_values import (
    BAD_NUMBERS,
    BEYOND,
    LEFT_OUT,
    LONG,
    NOT_THERE,
    REST,
    deposit_body,
    destination_body,
    refusal_of,
    request_body,
)
from tests.security.seats import API, Seat, Seats
from tests.security.traces import nothing_written
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk


async def send(
    seat: Seat, path: str, content: str | bytes, content_type: str = "application/json"
) -> httpx.Response:
    headers = {"Content-Type": content_type, "Idempotency-Key": new_id().hex}
    return await seat.rest.post(path, content=content, headers=headers)


class TestNumbers:
    @pytest.mark.parametrize("field", ["units", "fraction", "amount"])
    async def test_that_are_none_name_field_and_rule(
        self, seats: Seats, desk: Desk, database: DatabaseUrls, field: str
    ) -> None:
        member = await seats.of(desk, "member")
        beyond, rule = BEYOND[field]
        async with nothing_written(database, desk):
            for index, (text, wanted) in enumerate({**BAD_NUMBERS, beyond: rule}.items()):
                value = {"amount": text, "currency": "USDT"} if field == "amount" else text
                path = "redemptions" if index % 2 else "redemptions/quote"
                body = request_body(desk, **{field: value})
                if path == "redemptions/quote":
                    del body["destination_id"]
                answer = await member.post(f"{REST}/{path}", body)
                assert refusal_of(answer) == (422, field, wanted), (text[:50], answer.text)

    async def test_in_a_deposit(self, seats: Seats, desk: Desk, database: DatabaseUrls) -> None:
        ops = await seats.of(desk, "ops")
        async with nothing_written(database, desk):
            for text, wanted in {**BAD_NUMBERS, "1.001": "TOO_MANY_DECIMALS"}.items():
                body = deposit_body(desk, amount=text)
                answer = await ops.post(f"{REST}/deposits", body)
                assert refusal_of(answer) == (422, "amount", wanted), (text[:50], answer.text)

    async def test_of_another_type(self, seats: Seats, desk: Desk, database: DatabaseUrls) -> None:
        member = await seats.of(desk, "member")
        attempts: list[dict[str, Any]] = [
            *({"units": value} for value in (5, 1.5, True, [], {"$gt": 0})),
            *({"amount": value} for value in ("5", 5, {}, {"amount": "5"})),
            {"amount": {"amount": 5, "currency": "USDT"}},
            {"fraction": 0.5},
        ]
        wrong = []
        async with nothing_written(database, desk):
            for changes in attempts:
                body = request_body(desk, **changes)
                answer = await member.post(f"{REST}/redemptions", body)
                status, field, _ = refusal_of(answer)
                if status != 422 or not field.startswith(next(iter(changes))):
                    wrong.append((changes, answer.text))
            assert wrong == [], "\n".join(map(str, wrong))


# Who sends it, where to, what is changed in a body that would do, and the field that is named.
FIELDS: list[tuple[str, str, dict[str, Any], str]] = [
    ("member", "destinations", {"label": ""}, "label"),
    ("member", "destinations", {"label": LONG}, "label"),
    ("member", "destinations", {"label": 5}, "label"),
    ("member", "destinations", {"label": "a\0b"}, ""),
    ("member", "destinations", {"kind": "boat"}, "kind"),
    ("member", "destinations", {"asset": ""}, "asset"),
    ("member", "destinations", {"asset": "usdt"}, "asset"),
    ("member", "destinations", {"asset": LONG}, "asset"),
    ("member", "destinations", {"address": "short"}, "address"),
    ("member", "destinations", {"address": LONG}, "address"),
    ("member", "destinations", {"address": "0x" + "é" * 10}, "address"),
    (
        "member",
        "destinations",
        {"address": "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
        "address",
    ),
    ("member", "destinations", {"address": f"0x{'0' * 40}"}, "address"),
    ("member", "destinations", {"asset": "XYZ"}, "asset"),
    ("member", "destinations", {"network": "polygon"}, "network"),
    ("member", "destinations", {"kind": "bank"}, "network"),
    ("member", "destinations", {"kind": "bank", "network": None}, "address"),
    ("member", "destinations", {"network": None}, "network"),
    ("member", "destinations", {"network": "  "}, "network"),
    ("member", "destinations", {"network": LONG}, "network"),
    ("member", "destinations", {"tenant_id": NOT_THERE}, "tenant_id"),
    ("ops", "deposits", {"transaction_reference": " "}, "transaction_reference"),
    ("ops", "deposits", {"transaction_reference": LONG}, "transaction_reference"),
    ("ops", "deposits", {"transaction_reference": "\0"}, ""),
    ("ops", "deposits", {"client_id": "me"}, "client_id"),
    ("ops", "deposits", {"client_id": NOT_THERE}, "client_id"),
    ("ops", "deposits", {"staging_account_id": NOT_THERE}, "staging_account_id"),
    ("ops", "deposits", {"tenant_id": NOT_THERE}, "tenant_id"),
    ("ops", "subscriptions", {"deposit_id": "x"}, "deposit_id"),
    *(
        ("ops", "subscriptions", {"term_months": months}, "term_months")
        for months in (7, 0, -6, 10**12, 10**30, "x", 6.5, None, True)
    ),
    *(
        ("member", "redemptions", {field: value}, field)
        for field in ("subscription_id", "destination_id")
        for value in (LEFT_OUT, None, "", "x", 5, [], f"{NOT_THERE}0")
    ),
    ("member", "redemptions", {"quote_id": "x"}, "quote_id"),
    ("member", "redemptions", {"quote_id": NOT_THERE}, "quote_id"),
    ("member", "redemptions", {"destination_id": NOT_THERE}, "destination_id"),
    ("member", "redemptions", {"state": "approved"}, "state"),
    *(
        ("rm", "redemptions/{id}/reject", {"note": note}, "note")
        for note in ("", "   ", "\u2003", "x" * 2001, LONG, None, 5)
    ),
    ("rm", "redemptions/{id}/reject", {"note": "a\0b"}, ""),
    ("rm", "redemptions/{id}/approve", {"note": LONG}, "note"),
    ("rm", "redemptions/{id}/approve", {"net": "1"}, "net"),
    *(
        ("rm", "../delegations", changes, next(iter(changes)))
        for changes in (
            *({"to_membership_id": to} for to in ("x", NOT_THERE)),
            *(
                {"permissions": given}
                for given in ([], ["audit:read"], ["\U0001f600"], "x", [LONG])
            ),
            *({"ends_at": end} for end in ("2020-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "x")),
            *({"ends_at": end} for end in ("9999-12-31T23:59:59-14:00", "2030-01-01T00:00:00")),
            {"starts_at": "2030-01-01"},
        )
    ),
]


async def test_a_bad_field_is_named(seats: Seats, desk: Desk, database: DatabaseUrls) -> None:
    redemption_id = await steps.request(desk, key="growth")
    people = await seats.all_of(desk)
    made = await people["ops"].post(
        f"{REST}/deposits", deposit_body(desk, transaction_reference="one to subscribe with")
    )
    good = {
        "destinations": destination_body(),
        "deposits": deposit_body(desk),
        "subscriptions": {"deposit_id": made.json()["data"]["id"], "term_months": 6},
        "redemptions": request_body(desk),
        "../delegations": {
            "to_membership_id": str(desk.people["rm2"].id),
            "permissions": ["redemption:approve"],
            "starts_at": "2030-01-01T00:00:00Z",
            "ends_at": "2030-01-03T00:00:00Z",
        },
    }
    wrong = []
    async with nothing_written(database, desk):
        for login, path, changes, field in FIELDS:
            body = good.get(path, {"note": ""}) | changes
            body = {name: value for name, value in body.items() if value != LEFT_OUT}
            answer = await people[login].post(
                f"{REST}/{path.format(id=redemption_id)}".replace("investments/../", ""), body
            )
            status, named, _ = refusal_of(answer)
            if status != 422 or not named.startswith(field):
                wrong.append((path, str(changes)[:80], answer.status_code, answer.text[:300]))
        assert wrong == [], "\n".join(map(str, wrong))


BODIES: list[tuple[str, str | bytes, int]] = [
    ("cut off", '{"subscription_id": ', 400),
    ("not JSON", "subscription_id=1", 400),
    ("two of them", "{}{}", 400),
    ("NaN", '{"subscription_id": NaN}', 400),
    ("no UTF-8", b'{"subscription_id": "\xff\xfe"}', 400),
    ("half a surrogate", '{"subscription_id": "\\ud800"}', 400),
    ("a byte order mark", b"\xef\xbb\xbf{}", 400),
    ("nested in an array", "[" * 30_000, 400),
    ("nested in objects", '{"a":' * 10_000 + "1" + "}" * 10_000, 400),
    ("nested where a field stands", '{"amount":' * 5_000 + "1" + "}" * 5_000, 400),
    ("an array", "[]", 422),
    ("a number", "5", 422),
    ("a text", '"subscription_id"', 422),
    ("null", "null", 422),
    ("empty", "{}", 422),
    ("nothing", "", 422),
    ("too large", json.dumps({"label": "x" * 100_000}), 413),
]


class TestBodies:
    async def test_that_cannot_be_taken(
        self, seats: Seats, desk: Desk, database: DatabaseUrls
    ) -> None:
        redemption_id = await steps.request(desk, key="growth")
        people = await seats.all_of(desk)
        people["nobody"] = await seats.nobody()
        wrong = []
        async with nothing_written(database, desk):
            for name, content, wanted in BODIES:
                for login, path in [
                    ("member", f"{REST}/redemptions"),
                    ("member", f"{REST}/redemptions/quote"),
                    ("member", f"{REST}/destinations"),
                    ("ops", f"{REST}/deposits"),
                    ("rm", f"{REST}/redemptions/{redemption_id}/reject"),
                    ("admin", f"{API}/demo/clock"),
                    ("nobody", f"{API}/auth/login"),
                ]:
                    answer = await send(people[login], path, content)
                    if refusal_of(answer)[0] != wanted:
                        wrong.append((name, path, answer.status_code, answer.text[:200]))
            assert wrong == [], "\n".join(map(str, wrong))

    async def test_of_another_content_type(
        self, seats: Seats, desk: Desk, database: DatabaseUrls
    ) -> None:
        member = await seats.of(desk, "member")
        wrong = []
        async with nothing_written(database, desk):
            for content_type in [
                *("text/plain", "", "application/x-www-form-urlencoded", "application/xml"),
                *("multipart/form-data; boundary=x", "application/msgpack", "application/jsonp"),
            ]:
                content = json.dumps(request_body(desk))
                answer = await send(member, f"{REST}/redemptions", content, content_type)
                if refusal_of(answer)[0] != 415:
                    wrong.append((content_type, answer.text))
            assert wrong == [], "\n".join(map(str, wrong))
