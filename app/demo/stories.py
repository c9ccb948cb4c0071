"""What clients ask back over the year, and how each request went: most are paid within a day, some
are not. What is still open today stands in `open_requests.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random

import msgspec

from app.demo.holdings import JUMP_EVERY_DAYS, cutoff
from app.demo.plan import Calendar, Custodian, Deposit, Request
from app.demo.products import ALL, GROWTH
from app.domains.investments.public import RedemptionState, matures_on

# Requests of the past are over by then: from here on it is `open_requests.py`.
QUIET_DAYS = 5
_EARLY_SHARE = 0.42
_FULL_SHARE = 0.2
_APPROVED = (
    "",
    "",
    "Spoke to the client, who confirms.",
    "Confirmed by phone.",
    "In line with the client's plan.",
    "Needed for a purchase; the client knows the penalty.",
)
_REJECTED = (
    "The client asked for another amount; a new request follows.",
    "The client withdrew the instruction by phone.",
    "Please verify the destination with the client first.",
)
HELD = (
    "Source of funds is being reviewed.",
    "Identity document expired; a new one is on its way.",
    "Address screening returned a possible match.",
)


class Ask(msgspec.Struct, frozen=True):
    """What a story is told of."""

    random: Random
    calendar: Calendar
    key: str
    deposit: Deposit
    at: datetime
    fraction: str | None


Story = Callable[[Ask], Request]


def past_requests(random: Random, calendar: Calendar, deposits: Sequence[Deposit]) -> list[Request]:
    """Every redemption of the deposits that is over, oldest first."""
    asked: list[tuple[datetime, Deposit, str | None, bool]] = []
    for deposit in deposits:
        asked += _asked(random, calendar, deposit)
    asked.sort(key=lambda each: (each[0], each[1].key))
    tellers = _tellers(random, sum(1 for each in asked if each[3]))
    requests = []
    paid_in_full: set[str] = set()
    large = 0
    for number, (at, deposit, wanted, is_early) in enumerate(asked, 1):
        if deposit.key in paid_in_full:
            continue
        teller, fraction = (next(tellers) if is_early else paid), wanted
        if is_early and is_large(deposit):
            teller, fraction = (declined, paid)[large % 2], None
            large += 1
        request = teller(Ask(random, calendar, f"r{number:04}", deposit, at, fraction))
        if fraction is None and request.ends is RedemptionState.completed:
            paid_in_full.add(deposit.key)
        requests.append(request)
    return requests + _offered(random, calendar, deposits, paid_in_full, requests)


def is_large(deposit: Deposit) -> bool:
    """All of it is worth more than a manager decides alone."""
    product = next(each for each in ALL if each.name == deposit.product)
    return deposit.amount > product.sizes[1] * 3 / 4


def _asked(
    random: Random, calendar: Calendar, deposit: Deposit
) -> list[tuple[datetime, Deposit, str | None, bool]]:
    """When, of what, how much, and whether before maturity."""
    start = calendar.day_of(deposit.issued_at)
    end = matures_on(activated_on=start, months=deposit.months)
    last = calendar.today - timedelta(days=QUIET_DAYS)
    found: list[tuple[datetime, Deposit, str | None, bool]] = []
    span = (min(end - timedelta(days=5), last) - start).days - 10
    if span > 0 and random.random() < _EARLY_SHARE:
        day = start + timedelta(days=10 + random.randint(0, span))
        fraction = None if random.random() < _FULL_SHARE else f"0.{random.randint(1, 12) * 5:02}"
        found.append((_moment(random, calendar, day), deposit, fraction, True))
    if end + timedelta(days=3) <= last:
        day = end + timedelta(days=random.randint(0, 3))
        found.append((_moment(random, calendar, day), deposit, None, False))
    return found


def _moment(random: Random, calendar: Calendar, day: date) -> datetime:
    return calendar.on(day, random.randint(7, 22), random.randint(0, 59), random.randint(0, 59))


def _tellers(random: Random, count: int) -> Iterator[Story]:
    """As many stories as there are requests: each of the uncommon ones once, then again for every
    forty, the rest ordinary; in a drawn order."""
    chosen: list[Story] = []
    for _ in range(max(1, count // 40)):
        chosen += UNCOMMON
    chosen += [paid] * (count - len(chosen))
    chosen = chosen[:count]
    random.shuffle(chosen)
    return iter(chosen)


def paid(ask: Ask, **changes: object) -> Request:
    """Approved within office hours, settled within a day, confirmed by the custodian."""
    random, calendar = ask.random, ask.calendar
    decided = calendar.in_office(ask.at + timedelta(minutes=random.randint(12, 400)))
    request = Request(
        key=ask.key,
        deposit=ask.deposit.key,
        requested_at=ask.at,
        fraction=ask.fraction,
        ends=RedemptionState.completed,
        decided_at=decided,
        cleared_after=timedelta(minutes=random.randint(15, 420)),
        answered_after=timedelta(minutes=random.randint(20, 600)),
        ready_after=timedelta(minutes=random.randint(25, 1_100)),
        note=random.choice(_APPROVED),
    )
    return msgspec.structs.replace(request, **changes)


def rejected(ask: Ask) -> Request:
    return paid(
        ask,
        ends=RedemptionState.rejected,
        is_approved=False,
        note=ask.random.choice(_REJECTED),
    )


def declined(ask: Ask) -> Request:
    """By compliance, which is asked about large ones."""
    return paid(
        ask,
        ends=RedemptionState.rejected,
        is_cleared=False,
        note="The source of funds is not clear yet.",
    )


def taken_back(ask: Ask) -> Request:
    """By the client, before the manager looked at it."""
    after = timedelta(minutes=ask.random.randint(3, 11))
    return paid(ask, ends=RedemptionState.cancelled, decided_at=None, cancelled_at=ask.at + after)


def decided_late(ask: Ask) -> Request:
    """After more than 24 hours: overdue, and on record as such."""
    late = ask.calendar.in_office(ask.at + timedelta(hours=ask.random.randint(25, 31)))
    return paid(ask, decided_at=late, note="Sorry for the wait; confirmed by phone.")


def reassigned(ask: Ask) -> Request:
    """Overdue, so operations gave it to the other manager."""
    given = ask.calendar.in_office(ask.at + timedelta(hours=25))
    return paid(
        ask,
        reassigned_at=given,
        decided_at=given + timedelta(minutes=ask.random.randint(20, 90)),
        note="Decided for a colleague who is away.",
    )


def paid_late(ask: Ask) -> Request:
    """After more than 36 hours: breached, and completed all the same."""
    return paid(ask, ready_after=timedelta(hours=36, minutes=ask.random.randint(20, 900)))


def held_and_resumed(ask: Ask) -> Request:
    request = paid(ask, note=ask.random.choice(HELD))
    assert request.decided_at is not None
    return msgspec.structs.replace(
        request,
        held_at=request.decided_at + timedelta(hours=1),
        resumed_at=request.decided_at + timedelta(hours=5),
        ready_after=timedelta(hours=8),
    )


def held_and_given_up(ask: Ask) -> Request:
    request = paid(ask, ends=RedemptionState.cancelled, note=ask.random.choice(HELD))
    assert request.decided_at is not None
    return msgspec.structs.replace(
        request,
        held_at=request.decided_at + timedelta(minutes=50),
        given_up_at=ask.calendar.in_office(request.decided_at + timedelta(hours=20)),
        ready_after=None,
    )


def sent_twice(ask: Ask) -> Request:
    """The custodian refused the first payout; the second went through."""
    return paid(
        ask,
        ready_after=timedelta(hours=3),
        custodian=Custodian.refuses,
        retried_after=timedelta(minutes=ask.random.randint(30, 240)),
    )


UNCOMMON: list[Story] = [
    rejected,
    taken_back,
    decided_late,
    reassigned,
    paid_late,
    held_and_resumed,
    held_and_given_up,
    sent_twice,
    rejected,
    taken_back,
]


def _offered(
    random: Random,
    calendar: Calendar,
    deposits: Sequence[Deposit],
    paid_in_full: set[str],
    requests: Sequence[Request],
) -> list[Request]:
    """Requests that waited across a jump of the NAV: their clients are asked again. By turns they
    accept, let it lapse, and take it back."""
    taken = {request.deposit for request in requests} | paid_in_full
    free = [each for each in deposits if each.product == GROWTH.name and each.key not in taken]
    answers = (
        (RedemptionState.completed, timedelta(hours=2), True),
        (RedemptionState.cancelled, None, True),
        (RedemptionState.cancelled, timedelta(hours=5), False),
    )
    days = max((calendar.today - calendar.day_of(each.issued_at)).days for each in deposits)
    found: list[Request] = []
    for days_ago in range(days - days % JUMP_EVERY_DAYS, QUIET_DAYS, -JUMP_EVERY_DAYS):
        at = cutoff(calendar, days_ago) - timedelta(hours=4, minutes=random.randint(0, 50))
        held = [each for each in free if each.issued_at < at - timedelta(days=8)]
        if not held:
            continue
        deposit = random.choice(held)
        free.remove(deposit)
        ends, answered_after, is_accepted = answers[len(found) % len(answers)]
        ask = Ask(random, calendar, f"offered-{days_ago}", deposit, at, "0.4")
        found.append(
            paid(
                ask,
                ends=ends,
                decided_at=cutoff(calendar, days_ago) + timedelta(minutes=45),
                answered_after=answered_after,
                is_accepted=is_accepted,
                note="",
            )
        )
    return found
