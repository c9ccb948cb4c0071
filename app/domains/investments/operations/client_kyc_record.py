"""Compliance records what a client's identity check (KYC) came to, and until when it is good."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from app.domains.investments.calculations.allowance import day_ends_at
from app.domains.investments.operations.client_trail import (
    change_client,
    lock_client,
)
from app.domains.investments.values import KycState
from app.kernel.clock import local_date
from app.kernel.database import current
from app.kernel.errors import InputInvalid
from app.kernel.notes import checked_reason

# Longer than any regulator lets a check stand.
VALID_MAX = timedelta(days=3653)


async def record_kyc(
    *,
    client_id: UUID,
    kyc: KycState,
    valid_until: date | None,
    note: str,
    version: int | None = None,
) -> None:
    """Record it, in place of what was recorded before; the trail keeps both.

    `valid_until` is the last day, in the tenant's zone, that a check which was passed is good for.
    Redemptions on their way are held where they next would move; what is held stays so until it is
    resumed. Raises `NotFound`, `ClientChanged`, and `InputInvalid` without a reason, or for a day
    that is missing, over, or out of place.
    """
    reason = checked_reason(note)
    client = await lock_client(client_id=client_id, version=version)
    if kyc is KycState.pending:
        raise InputInvalid.of("kyc", "UNKNOWN", "passed, lapsed or refused")
    _check_day(kyc, valid_until, local_date(current().now, client["time_zone"]))
    expires_at = valid_until and day_ends_at(day=valid_until, zone=client["time_zone"])
    was = client["kyc_expires_at"]
    await change_client(
        client,
        change="kyc_recorded",
        changes={"kyc": kyc.value, "kyc_expires_at": expires_at},
        before={
            "kyc": client["kyc"],
            "valid_until": was
            and local_date(was - timedelta(microseconds=1), client["time_zone"]).isoformat(),
        },
        after={
            "kyc": kyc.value,
            "valid_until": valid_until and valid_until.isoformat(),
            "note": reason,
        },
    )


def _check_day(kyc: KycState, valid_until: date | None, today: date) -> None:
    if kyc is not KycState.passed:
        if valid_until is not None:
            raise InputInvalid.of("valid_until", "NOT_PASSED", "Only what is passed is good until")
        return
    if valid_until is None:
        raise InputInvalid.of("valid_until", "REQUIRED", "Until which day is it good?")
    if not today <= valid_until <= today + VALID_MAX:
        raise InputInvalid.of("valid_until", "OUT_OF_RANGE", "From today to ten years from now")
