"""What is open today: queues with varied times left, some of them short, one run out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec

from app.demo.holdings import cutoff, own_deposits
from app.demo.plan import Calendar, Client, Custodian, Deposit, Request
from app.demo.products import BITCOIN, ETHER, GROWTH, YIELD
from app.demo.stories import HELD, QUIET_DAYS, Ask, is_large, paid
from app.domains.investments.public import RedemptionState, matures_on

# Hours left of 24 for the approval; below 4.8 a clock is amber, below zero it has run out.
_APPROVALS = {
    "rm": (22.6, 19.2, 15.4, 10.8, 7.1, 3.9, 1.3, -2.2),
    "rm2": (21.3, 16.7, 12.2, 8.5, 4.3, 0.8),
}
# Hours left of 36 for the payout; amber below 7.2.
_PAYOUTS = (34.1, 29.5, 24.8, 18.3, 12.6, 6.4, 2.7, -3.6)
# Hours left of 12 for compliance; amber below 2.4.
_CLEARANCES = (9.4, 1.6)
_EVERYTHING = (YIELD.name, GROWTH.name, ETHER.name, BITCOIN.name)
# Those whose worth does not move by more than a quote may before the manager has decided.
_STEADY = (YIELD.name, BITCOIN.name, ETHER.name)


class Pool:
    """Deposits that nothing else is asked of, each used once."""

    def __init__(
        self,
        random: Random,
        calendar: Calendar,
        clients: Sequence[Client],
        deposits: Sequence[Deposit],
        asked: Sequence[Request],
    ) -> None:
        taken = {request.deposit for request in asked}
        managers = {client.key: client.manager for client in clients if client.login is None}
        self._free = [
            deposit
            for deposit in deposits
            if deposit.client in managers
            and deposit.key not in taken
            and _is_held(calendar, deposit)
        ]
        self._managers = managers
        random.shuffle(self._free)

    def take(
        self, *products: str, manager: str | None = None, large: bool = False
    ) -> Deposit | None:
        """One of these products; none where nothing is left."""
        for deposit in self._free:
            fits = manager in (None, self._managers[deposit.client])
            if fits and deposit.product in products and is_large(deposit) == large:
                self._free.remove(deposit)
                return deposit
        return None

    def take_three(self) -> list[Deposit]:
        """Three of one client, or nothing."""
        by_client: dict[str, list[Deposit]] = {}
        for deposit in self._free:
            if not is_large(deposit) and deposit.product != GROWTH.name:
                by_client.setdefault(deposit.client, []).append(deposit)
        for held in by_client.values():
            if len(held) >= 3:
                self._free = [each for each in self._free if each not in held[:3]]
                return held[:3]
        return []


def _is_held(calendar: Calendar, deposit: Deposit) -> bool:
    start = calendar.day_of(deposit.issued_at)
    end = matures_on(activated_on=start, months=deposit.months)
    return (calendar.today - start).days > 6 and (end - calendar.today).days > QUIET_DAYS


def open_requests(
    random: Random,
    calendar: Calendar,
    clients: Sequence[Client],
    deposits: Sequence[Deposit],
    asked: Sequence[Request],
) -> list[Request]:
    """The scarce deposits first: a large one for compliance, three of one client."""
    today = _Today(random, calendar, Pool(random, calendar, clients, deposits, asked))
    today.at_compliance()
    today.in_settlement()
    today.held()
    today.offered()
    today.at_managers()
    return sorted(today.found, key=lambda request: request.requested_at)


class _Today:
    def __init__(self, random: Random, calendar: Calendar, pool: Pool) -> None:
        self.random = random
        self.calendar = calendar
        self.pool = pool
        self.found: list[Request] = []

    def _add(
        self, deposit: Deposit | None, at: datetime, fraction: str | None, **steps: object
    ) -> None:
        """Where there is such a deposit."""
        if deposit is not None:
            key = f"open-{len(self.found) + 1:02}"
            ask = Ask(self.random, self.calendar, key, deposit, at, fraction)
            self.found.append(paid(ask, **steps))

    def _ago(self, hours: float) -> datetime:
        return self.calendar.now - timedelta(hours=hours)

    def _fraction(self) -> str | None:
        return self.random.choice((None, "0.25", "0.5", "0.15", "0.75"))

    def at_managers(self) -> None:
        for manager, left in _APPROVALS.items():
            for hours in left:
                self._add(
                    self.pool.take(*_EVERYTHING, manager=manager),
                    self._ago(24 - hours),
                    self._fraction(),
                    ends=RedemptionState.pending_approval,
                    decided_at=None,
                )

    def at_compliance(self) -> None:
        for hours in _CLEARANCES:
            decided = self._ago(12 - hours)
            self._waits_for_compliance(
                self.pool.take(YIELD.name, ETHER.name, large=True),
                decided - timedelta(hours=3), None, decided,
            )  # fmt: skip
        # The third request of a client within a day.
        for number, deposit in enumerate(self.pool.take_three()):
            at = self._ago(9 - number)
            decided = at + timedelta(minutes=40)
            if number < 2:
                self._approved(deposit, at, "0.5", decided)
            else:
                self._waits_for_compliance(deposit, at, "0.5", decided)

    def _waits_for_compliance(
        self, deposit: Deposit | None, at: datetime, fraction: str | None, decided: datetime
    ) -> None:
        self._add(
            deposit, at, fraction, ends=RedemptionState.pending_compliance, decided_at=decided,
            cleared_after=None,
        )  # fmt: skip

    def _approved(
        self, deposit: Deposit | None, at: datetime, fraction: str | None, decided: datetime
    ) -> None:
        self._add(
            deposit, at, fraction, ends=RedemptionState.approved, decided_at=decided,
            ready_after=None,
        )  # fmt: skip

    def in_settlement(self) -> None:
        for number, hours in enumerate(_PAYOUTS):
            decided = self._ago(36 - hours)
            at = decided - timedelta(hours=2, minutes=self.random.randint(0, 50))
            self._approved(self.pool.take(_STEADY[number % 3]), at, self._fraction(), decided)
        decided = self._ago(7)
        self._add(
            self.pool.take(YIELD.name), self._ago(10), "0.5", ends=RedemptionState.ready,
            decided_at=decided, ready_after=timedelta(hours=7, seconds=-20), is_sent=False,
        )  # fmt: skip
        self._add(
            self.pool.take(ETHER.name), self._ago(10), "0.5", ends=RedemptionState.in_transit,
            decided_at=decided, ready_after=timedelta(hours=7, seconds=-400),
            custodian=Custodian.is_slow,
        )  # fmt: skip
        for product, hours in ((YIELD, 20), (BITCOIN, 11)):
            self._add(
                self.pool.take(product.name), self._ago(hours + 2), "0.25",
                ends=RedemptionState.payout_failed, decided_at=self._ago(hours),
                ready_after=timedelta(hours=hours - 3), custodian=Custodian.refuses,
            )  # fmt: skip

    def held(self) -> None:
        self._add(
            self.pool.take(YIELD.name), self._ago(20), None, ends=RedemptionState.on_hold,
            decided_at=self._ago(17), ready_after=None, held_at=self._ago(14), note=HELD[2],
        )  # fmt: skip
        self._add(
            self.pool.take(ETHER.name), self._ago(13), "0.5", ends=RedemptionState.on_hold,
            decided_at=None, held_at=self._ago(8), note=HELD[1],
        )  # fmt: skip

    def offered(self) -> None:
        """Asked before the latest jump of the NAV, approved after it: two clients have to answer."""
        calendar = self.calendar
        # At least two hours ago, so that the manager has had the time.
        jump = next(
            each for each in (cutoff(calendar, 0), cutoff(calendar, 1), cutoff(calendar, 2))
            if each <= self._ago(2)
        )  # fmt: skip
        decided = max(jump + timedelta(hours=1), self._ago(20))
        own = next(each for each in own_deposits(calendar) if _is_own_growth(each))
        for number, deposit in enumerate((own, self.pool.take(GROWTH.name))):
            self._add(
                deposit, jump - timedelta(hours=2 + number, minutes=25), ("0.3", "0.6")[number],
                ends=RedemptionState.awaiting_client,
                decided_at=decided + timedelta(minutes=25 * number), answered_after=None,
            )  # fmt: skip


def _is_own_growth(deposit: Deposit) -> bool:
    return deposit.client == "member2" and deposit.product == GROWTH.name


def own_past(random: Random, calendar: Calendar) -> list[Request]:
    """What the demo's first client has been paid, long enough ago to be no bother today."""
    by_product = {(each.client, each.product, each.months): each for each in own_deposits(calendar)}
    found = []
    for number, (product, months, days_ago, fraction) in enumerate(
        ((GROWTH, 12, 37, "0.1"), (YIELD, 12, 23, "0.05"), (YIELD, 6, 12, "0.1")), 1
    ):
        deposit = by_product["member", product.name, months]
        ask = Ask(
            random,
            calendar,
            f"own-{number}",
            deposit,
            calendar.at(days_ago, 9, 17 * number),
            fraction,
        )
        found.append(msgspec.structs.replace(paid(ask), note=""))
    return found
