"""Another site's page may send its visitor here, and may load nothing of what they see here."""

from __future__ import annotations

from tests.security.seats import API, Seats
from tests.security.test_entrances import MAY
from tests.support.desk import Desk

PAGES = [route.removeprefix("GET ") for route in MAY if route.startswith("GET /")]
ROLES = {"operations": "ops"}
# Site, mode and destination, as a browser that is at another page says them.
EMBEDDED = [
    ("cross-site", "no-cors", "image"),
    ("cross-site", "no-cors", "script"),
    ("same-site", "no-cors", "script"),
    ("cross-site", "cors", "empty"),
    ("same-site", "cors", "empty"),
    ("cross-site", "navigate", "iframe"),
    ("same-site", "navigate", "embed"),
    ("cross-site", "navigate", "object"),
]


def said(site: str, mode: str, destination: str) -> dict[str, str]:
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}


# A browser that says nothing, one whose person typed the address, and pages of ours.
OWN = [
    {},
    said("none", "navigate", "document"),
    said("same-origin", "cors", "empty"),
    said("same-origin", "no-cors", "image"),
]


async def test_nothing_for_somebody_is_embedded_and_our_own_pages_are_served(
    seats: Seats, desk: Desk
) -> None:
    seat = await seats.of(desk, "rm")
    pages = (("/approvals", 403), ("/search?q=R", 403), (f"{API}/me", 401))
    for attack in EMBEDDED:
        for path, status in pages:
            answer = await seat.browser.get(path, headers=said(*attack))
            assert answer.status_code == status, (path, attack)
            assert desk.email("rm") not in answer.text
        # What needs no cookie is no trick: a REST client has shown its token.
        assert (await seat.rest.get(f"{API}/me", headers=said(*attack))).status_code == 200
    for headers in OWN:
        for path, _ in pages:
            assert (await seat.browser.get(path, headers=headers)).status_code == 200, headers


async def test_every_page_knows_a_visit_from_an_embedding(seats: Seats, desk: Desk) -> None:
    wrong = []
    for path in PAGES:
        role = sorted(MAY[f"GET {path}"])[0]
        seat = await seats.of(desk, ROLES.get(role, role))
        answers = [
            (await seat.browser.get(path, headers=said(*how))).status_code
            for how in (EMBEDDED[2], ("cross-site", "navigate", "document"))
        ]
        embedded, visited = answers
        if embedded != (401 if path.startswith(API) else 403) or visited not in (200, 303):
            wrong.append((path, answers))
    assert wrong == []
