"""The custodian of the past: it answers the real payout job at once, as the plan says, and hands
everything that it paid to the sandbox in the end, which keeps it as its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import httpx
import msgspec

from app.demo.plan import Custodian
from app.integrations.custody.port import (
    PayoutInstruction,
    PayoutProgress,
    PayoutRefused,
    PayoutStatus,
    VaultBalance,
)
from app.integrations.custody.sandbox_values import Holding, PastWithdrawal
from app.kernel.database import current
from app.kernel.money import plain

_REFUSAL = "REFUSED_BY_POLICY: The vault's policy does not allow this"
# What is not confirmed when the demo starts is, so long after.
_CONFIRMS_SECONDS = 20 * 60.0


class PastCustodian:
    """Implements `port.Custody` for payouts of the past. `fees` are the network's, by asset."""

    def __init__(self, *, fees: Mapping[str, Decimal], random: Random) -> None:
        self._fees = fees
        self._random = random
        self._withdrawals: list[PastWithdrawal] = []
        self.answers = Custodian.pays

    async def send_payout(self, *, instruction: PayoutInstruction) -> PayoutStatus:
        """Pays, and lets as much business time go by as its network needs."""
        if self.answers is Custodian.refuses:
            raise PayoutRefused(reason=_REFUSAL, binds_key=True)
        sent_at = current().now
        current().now += timedelta(seconds=self._random.randint(20, 210))
        made = self._keep(instruction, sent_at, settles_in_seconds=0.0)
        return PayoutStatus(
            reference=made.id,
            state=PayoutProgress.confirmed,
            reason="",
            network_fee=Decimal(made.network_fee),
        )

    def take_on(self, instruction: PayoutInstruction) -> str:
        """Accept a payout that will be confirmed after the demo has started; returns its name."""
        made = self._keep(instruction, current().now, settles_in_seconds=_CONFIRMS_SECONDS)
        return made.id

    async def read_balances(self, *, reference: str) -> list[VaultBalance]:
        raise AssertionError("balances are read when the demo runs")

    async def payout_status(self, *, reference: str) -> PayoutStatus | None:
        raise AssertionError("it has confirmed at once")

    async def lookup_payout(
        self, *, idempotency_key: str, expecting: PayoutInstruction | None = None
    ) -> PayoutStatus | None:
        raise AssertionError("no outcome was unknown")

    async def close(self) -> None:
        """Nothing is open."""

    def _keep(
        self, instruction: PayoutInstruction, created_at: datetime, *, settles_in_seconds: float
    ) -> PastWithdrawal:
        made = PastWithdrawal(
            id=f"wd_{self._random.getrandbits(128):032x}",
            idempotency_key=instruction.idempotency_key,
            source_reference=instruction.source_reference,
            destination_address=instruction.destination_address,
            network=instruction.network,
            asset=instruction.asset,
            amount=plain(instruction.amount),
            network_fee=plain(self._fees[instruction.asset]),
            created_at=created_at.isoformat(),
            settles_in_seconds=settles_in_seconds,
        )
        self._withdrawals.append(made)
        return made

    def on_its_way(self, reference: str) -> Decimal:
        """What has left this vault and is not confirmed yet, the network's fee with it."""
        return sum(
            (
                Decimal(one.amount) + Decimal(one.network_fee)
                for one in self._withdrawals
                if one.source_reference == reference and one.settles_in_seconds
            ),
            Decimal(0),
        )

    async def hand_over(self, http: httpx.AsyncClient, holdings: Sequence[Holding]) -> None:
        """The sandbox gets what each vault holds now, and every withdrawal that led there."""
        for holding in holdings:
            answer = await http.post("/control/vaults", json=msgspec.to_builtins(holding))
            answer.raise_for_status()
        if self._withdrawals:
            answer = await http.post(
                "/control/past-withdrawals", json=msgspec.to_builtins(self._withdrawals)
            )
            answer.raise_for_status()
