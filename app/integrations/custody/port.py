"""What the portal needs of a custodian, and what can come of asking: no vendor's words in here.

The rule for payouts: before `send_payout` is called, the instruction and its idempotency key are
already on record. Whatever happens next, cancellation and a killed process included, the caller
asks `lookup_payout` before it decides anything, and sends again only under the same key.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from app.kernel.errors import Unavailable


class VaultBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What the custodian says a vault holds of one asset; `read_at` is the custodian's own time."""

    reference: str
    asset: str
    balance: Decimal
    read_at: datetime


class PayoutInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """One payout. `amount` is what arrives; the network fee is charged to the vault on top.

    `network` is none for a bank account. The same key never carries two different instructions.
    """

    idempotency_key: str
    source_reference: str
    destination_address: str
    network: str | None
    asset: str
    amount: Decimal


class PayoutProgress(StrEnum):
    submitted = "submitted"
    confirmed = "confirmed"
    failed = "failed"


class PayoutStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a payout that the custodian knows stands.

    `reason` is empty unless it failed; `network_fee` is in the payout's asset, zero when it failed.
    `failed` is final and moved nothing: a retry of it needs a key of its own.
    """

    reference: str
    state: PayoutProgress
    reason: str
    network_fee: Decimal


class PayoutRefused(Exception):
    """The custodian said no to this request, for certain. Another try is another instruction,
    under a key of its own.

    With `binds_key` the refusal stands for the key for good: an earlier sending that is still on its
    way meets it as well. Without, only this request was refused, and an earlier one may yet be
    carried out.
    """

    def __init__(self, *, reason: str, binds_key: bool) -> None:
        self.reason = reason
        self.binds_key = binds_key
        super().__init__(reason)


class OutcomeUnknown(Exception):
    """The instruction left us and no usable answer came back: it may or may not have been paid.

    The only way on is `lookup_payout`; it is never taken for a failure.
    """


class KeyTaken(OutcomeUnknown):
    """The custodian holds a *different* instruction under this key: a person must look at it."""


class CustodyUnavailable(Unavailable):
    """The custodian could not be asked, or would not listen. For a payout: nothing was sent."""

    title = "The custodian is not answering; try again in a moment"


class VaultUnknown(Exception):
    """The custodian has no vault under this reference."""


class Custody(Protocol):
    async def read_balances(self, *, reference: str) -> list[VaultBalance]:
        """What a vault holds, an item an asset. Raises `VaultUnknown` and `CustodyUnavailable`."""
        ...

    async def send_payout(self, *, instruction: PayoutInstruction) -> PayoutStatus:
        """Instruct a payout, once per idempotency key; sent again, the first answer comes back.

        Never retried in here. Raises `PayoutRefused`, `CustodyUnavailable` (both: nothing was sent)
        and `OutcomeUnknown`.
        """
        ...

    async def payout_status(self, *, reference: str) -> PayoutStatus | None:
        """A payout by the custodian's reference, or none. Raises `CustodyUnavailable`."""
        ...

    async def lookup_payout(
        self, *, idempotency_key: str, expecting: PayoutInstruction | None = None
    ) -> PayoutStatus | None:
        """A payout by our key. Raises `CustodyUnavailable`, and `KeyTaken` where what is there is
        not the instruction that is expected.

        None: the custodian has not executed it *so far*. A request still under way may yet arrive,
        so it may be sent again under the same key and under no other.
        """
        ...

    async def close(self) -> None: ...
