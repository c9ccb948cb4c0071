"""Put each event before everybody whom the matrix (`notices.py`) names."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.domains.identity.public import Role, members_with_role
from app.domains.investments.jobs.facts import Facts, facts_of
from app.domains.investments.jobs.notices import NOTICES, How, Notice, Who
from app.kernel.database import current
from app.kernel.notifications import keep_for_digest, notify
from app.kernel.outbox import ConsumedEvent, consumer

# Three names, because rows wait under the first two since those were told of by themselves.
_REDEMPTIONS = [event for event in NOTICES if event.startswith("redemption.")]
_DESTINATIONS = [event for event in NOTICES if event.startswith("destination.")]
_OTHERS = [event for event in NOTICES if event not in (*_REDEMPTIONS, *_DESTINATIONS)]


_UNTOLD = (
    "Whoever was to be told of this is not told, in the portal or by mail; the thing itself stands"
    " as it does on its page"
)


@consumer(*_REDEMPTIONS, name="redemption.tell", undone=_UNTOLD, together=True)
async def tell_of_redemption(event: ConsumedEvent) -> None:
    await tell(event)


@consumer(*_DESTINATIONS, name="destination.tell", undone=_UNTOLD, together=True)
async def tell_of_destination(event: ConsumedEvent) -> None:
    await tell(event)


@consumer(*_OTHERS, name="investments.tell", undone=_UNTOLD, together=True)
async def tell_of_other(event: ConsumedEvent) -> None:
    await tell(event)


async def tell(event: ConsumedEvent) -> None:
    """Tell of the event as its row says: each person once, in the first of their parts in it."""
    notice = NOTICES[event.type]
    facts = await facts_of(event)
    told: set[UUID] = set()
    for who, how in notice.told():
        people = [person for person in await _people(who, facts) if person not in told]
        if not people or (how is How.large and not _is_urgent(facts)):
            continue
        told.update(people)
        if how is How.daily:
            await keep_for_digest(
                recipients=people,
                event_id=event.id,
                text=notice.digest.format(client=facts.client_name, **facts.words),
                link=facts.page_for(who),
                happened_at=event.occurred_at,
            )
        else:
            await _notify(event, notice, facts, who, people, by_mail=how is not How.portal)


def _is_urgent(facts: Facts) -> bool:
    """What was large in a past that is loaded is nobody's to prepare for."""
    return facts.is_large and not current().loads_past


async def _notify(
    event: ConsumedEvent,
    notice: Notice,
    facts: Facts,
    who: Who,
    people: Sequence[UUID],
    *,
    by_mail: bool,
) -> None:
    is_client = who is Who.client
    whose = "" if is_client else f"{facts.client_name}, "
    words = {"note": "", **facts.words, "whose": whose}
    if "note" in event.payload:
        words["note"] = event.payload["note"]
    figures = facts.figures if is_client else [("Client", facts.client_name), *facts.figures]
    await notify(
        recipients=people,
        event_type=event.type,
        group=notice.group,
        title=notice.title,
        body=notice.body.format(**words).strip(),
        link=facts.page_for(who),
        event_id=event.id,
        mail_template="notification" if by_mail else None,
        mail_context={"reference": facts.reference, "figures": figures},
    )


async def _people(who: Who, facts: Facts) -> list[UUID]:
    if who in (Who.client, Who.rm, Who.approver):
        return list(dict.fromkeys(facts.people.get(who, [])))
    if who is Who.proposer:
        assert facts.proposer is not None, "only told of what somebody proposed"
        return [facts.proposer]
    if who is Who.trader and not facts.concerns_traders:
        return []
    # Whoever proposed it need not be told to decide: they may not.
    people = await members_with_role(role=Role(who.value))
    return [person for person in people if person != facts.proposer]
