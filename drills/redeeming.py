"""Redemptions over REST, as the people of a desk take them through the running portal."""

from __future__ import annotations

from typing import Any

from drills.people import REDEMPTIONS, People

# Each client's two subscriptions, and who serves them.
HOLDINGS = (("member", "yield"), ("member", "growth"), ("member2", "yield"), ("member2", "growth"))
MANAGER = {"member": "rm", "member2": "rm2"}


def asking(people: People, login: str, key: str, units: str) -> dict[str, Any]:
    """The body of a request."""
    desk = people.desk
    return {
        "subscription_id": str(desk.subscriptions[login, key]),
        "destination_id": str(desk.destinations[login, key]),
        "units": units,
    }


async def requested(people: People, login: str, key: str, units: str = "100") -> str:
    answer = await people.post(login, REDEMPTIONS, asking(people, login, key, units))
    assert answer.status_code == 201, answer.text
    redemption: str = answer.json()["data"]["id"]
    return redemption


async def approved(people: People, login: str, key: str, units: str = "100") -> str:
    redemption = await requested(people, login, key, units)
    await stepped(people, MANAGER[login], redemption, "approve", {"note": ""})
    return redemption


async def ready(people: People, redemption: str, key: str, trader: str = "trader") -> None:
    """The payout follows."""
    body = {"source_account_id": str(people.desk.staging[key])}
    await stepped(people, trader, redemption, "ready", body)


async def stepped(
    people: People, login: str, redemption: str, step: str, body: dict[str, Any] | None = None
) -> None:
    answer = await people.post(login, f"{REDEMPTIONS}/{redemption}/{step}", body)
    assert answer.status_code == 200, answer.text


async def seen(people: People, redemption: str) -> dict[str, Any]:
    answer = await people.get("ops", f"{REDEMPTIONS}/{redemption}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found
