"""A tenant in which everything that can happen has happened: every table holds a row of it."""

from __future__ import annotations

from datetime import timedelta

from app.kernel.audit.checkpoints import checkpoint_tenant
from app.kernel.audit.sealer import seal_tenant
from app.kernel.deadlines.schedules import ensure_schedules
from app.kernel.ledger.operations import take_snapshots
from tests.investments import steps
from tests.security.seats import API, Seats
from tests.security.test_access_matrix import things_of
from tests.support.desk import Desk
from tests.support.drain import drain
from tests.support.horizon import everything_settled
from workers.schedules import SCHEDULES

_REST = f"{API}/investments"


async def make_busy(*desks: Desk, seats: Seats) -> None:
    """Needs the custodian's sandbox: of each desk one redemption is on its way to be paid."""
    for desk in desks:
        approved = await steps.request(desk)
        await things_of(desk, approved)
        await steps.decide(desk, approved)
        await _ask(desk, seats)
        await steps.ready(desk, approved)
    await drain()
    await everything_settled()
    for desk in desks:
        async with desk.working("ops"):
            await take_snapshots(postings_min=1)
        await seal_tenant(tenant_id=desk.tenant_id)
        await checkpoint_tenant(tenant_id=desk.tenant_id)
    await ensure_schedules(SCHEDULES)


async def _ask(desk: Desk, seats: Seats) -> None:
    """What only a route leaves behind: sessions, tokens, kept answers, quotes, choices, proposals."""
    member, ops = await seats.of(desk, "member2"), await seats.of(desk, "ops")
    compliance = await seats.of(desk, "compliance")
    held = await steps.request(desk, key="growth")
    clock = (await steps.seen(desk, held)).deadlines[0]
    client, whole = desk.clients["member"], desk.subscriptions["member2", "yield"]
    answers = [
        await member.rest.put(f"{API}/notifications/preferences", json={"by_mail": []}),
        await member.post(
            f"{_REST}/redemptions/quote", {"subscription_id": str(whole), "units": "1"}
        ),
        await ops.post(f"{_REST}/clients/{client}/tier", {"tier": "premier", "note": "Said so"}),
        await ops.post(
            f"{API}/deadlines/{clock.id}/extensions",
            {"due_at": (clock.due_at + timedelta(hours=12)).isoformat(), "reason": "Slow"},
        ),
        await compliance.post(f"{_REST}/redemptions/{held}/hold", {"note": "Sanctions hit"}),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201), (str(answer.request.url), answer.text)
