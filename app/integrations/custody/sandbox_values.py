"""What can be asked of the sandbox besides the vendor's protocol, and how it refuses."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How a new withdrawal ends. The first two never execute it."""

    refuse = "refuse"
    time_out = "time_out"  # never executed, never answered
    succeed = "succeed"
    unknown = "unknown"  # executed, never answered
    server_error = "server_error"  # executed, answered with a 500
    fail_later = "fail_later"  # accepted, then failed: the assets come back


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which withdrawals a plan is for; what is left out matches everything."""

    destination_address: str | None = None
    source_reference: str | None = None
    asset: str | None = None
    idempotency_key: str | None = None


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Outcome
    count: int = 1
    match: Match = Match()


class Holding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vault's holding of one asset, to be set; `network_fee` is what each withdrawal costs."""

    reference: str
    asset: str
    balance: str
    network_fee: str = "0"


class PastWithdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A withdrawal that was executed before the sandbox was there, to be remembered as its own.

    It settles so many seconds from now, and is confirmed already where they are zero. Its assets
    have left the vault: a holding that is set is what is there after it.
    """

    id: str
    idempotency_key: str
    source_reference: str
    destination_address: str
    network: str | None
    asset: str
    amount: str
    network_fee: str
    created_at: str
    settles_in_seconds: float = 0.0


class Refused(Exception):
    """The sandbox answers with this status and the vendor's error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(code)
