"""The forms of a redemption, and of a client's destinations, ready to be sent: by route."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_ready import mark_ready
from app.domains.investments.public import publish_nav
from drills.press import Prepare, Press
from drills.stage import Stage, until
from tests.forms.work import hold
from tests.investments import steps
from tests.support.desk import Desk

NOTE = {"Note": "Said so on the telephone"}
REDEMPTION = "/redemptions/{redemption_id}"


async def asked(desk: Desk, *, key: str = "yield") -> UUID:
    """A request of `member`, which waits for their manager."""
    return await steps.request(desk, key=key, portion=Portion(units="10"))


async def approved(desk: Desk) -> UUID:
    redemption_id = await asked(desk)
    await steps.decide(desk, redemption_id)
    return redemption_id


# A redemption's steps.


def _step(login: str, button: str, *, note: bool = True, choose: tuple[str, ...] = ()) -> Prepare:
    """Of one that waits for its manager."""

    async def prepare(_: Stage, desk: Desk) -> Press:
        return _on(login, await asked(desk), button, note=note, choose=choose)

    return prepare


def _on(
    login: str, redemption_id: UUID, button: str, *, note: bool, choose: tuple[str, ...] = ()
) -> Press:
    return Press(
        login, f"/redemptions/{redemption_id}", button, write=NOTE if note else {}, choose=choose
    )


def _cleared(button: str) -> Prepare:
    async def prepare(_: Stage, desk: Desk) -> Press:
        redemption_id = await steps.at_compliance(desk, portion=Portion(units="10"))
        return _on("compliance", redemption_id, button, note=True)

    return prepare


def _held(button: str) -> Prepare:
    async def prepare(_: Stage, desk: Desk) -> Press:
        redemption_id = await asked(desk)
        await hold(desk, redemption_id)
        return _on("compliance", redemption_id, button, note=True)

    return prepare


async def _accept(_: Stage, desk: Desk) -> Press:
    redemption_id = await asked(desk, key="growth")
    async with desk.working("ops") as unit:
        await publish_nav(
            product_id=desk.products["growth"], nav_per_unit=Decimal("1.07"), as_of=unit.now
        )
    await steps.decide(desk, redemption_id)
    return _on("member", redemption_id, "Accept", note=False)


async def _ready(_: Stage, desk: Desk) -> Press:
    redemption_id = await approved(desk)
    return _on("trader", redemption_id, "Mark ready", note=True, choose=("Staging vault",))


async def _retry(stage: Stage, desk: Desk) -> Press:
    redemption_id = await approved(desk)
    stage.sandbox.next("refuse")
    async with desk.working("trader"):
        await mark_ready(redemption_id=redemption_id, source_account_id=desk.staging["yield"])

    async def has_failed() -> bool:
        return (await steps.seen(desk, redemption_id)).state == "payout_failed"

    await until(has_failed, seconds=30, what="the payout to be refused")
    return _on("trader", redemption_id, "Retry payout", note=False)


# What a client asks for.


async def quote(_: Stage, desk: Desk) -> Press:
    return Press(
        "member",
        f"/subscriptions/{desk.subscriptions['member', 'yield']}/redeem",
        "Request redemption",
        write={"Units": "10"},
        choose=("Units",),
    )


async def _confirm(stage: Stage, desk: Desk) -> Press:
    first = await quote(stage, desk)
    return Press("member", first.page, "Confirm redemption", behind=first)


async def _add_destination(_: Stage, desk: Desk) -> Press:
    about = {"Name": "Cold wallet", "Asset": "USDT", "Network": "Ethereum"}
    return Press(
        "member",
        "/destinations/new",
        "Add destination",
        write=about | {"Address, or IBAN": f"0x{uuid4().hex}{uuid4().hex[:8]}"},
        choose=("Wallet",),
    )


async def _revoke(_: Stage, desk: Desk) -> Press:
    """With a request on its way there, which is held."""
    await asked(desk)
    return Press("member", f"/destinations/{desk.destinations['member', 'yield']}", "Revoke Wallet")


FORMS: dict[str, Prepare] = {
    "/redemptions": _confirm,
    f"{REDEMPTION}/approve": _step("rm", "Approve"),
    f"{REDEMPTION}/reject": _step("rm", "Reject"),
    f"{REDEMPTION}/cancel": _step("member", "Cancel request", note=False),
    f"{REDEMPTION}/hold": _step("compliance", "Put on hold"),
    f"{REDEMPTION}/reassign": _step("ops", "Reassign", choose=("Rm2",)),
    f"{REDEMPTION}/clear": _cleared("Clear"),
    f"{REDEMPTION}/decline": _cleared("Decline"),
    f"{REDEMPTION}/resume": _held("Resume"),
    f"{REDEMPTION}/cancel-held": _held("Cancel redemption"),
    f"{REDEMPTION}/accept": _accept,
    f"{REDEMPTION}/ready": _ready,
    f"{REDEMPTION}/retry-payout": _retry,
    "/destinations": _add_destination,
    "/destinations/{destination_id}/revoke": _revoke,
}
