"""Which redemptions compliance approves as well."""

from __future__ import annotations

# So many requests of one client within a day are unusual.
REQUESTS_MIN = 3


def reasons_for(*, requests: int) -> list[str]:
    """`requests` are those of the client within 24 hours, this one included."""
    reasons = []
    if requests >= REQUESTS_MIN:
        reasons.append(f"Request number {requests} of this client within 24 hours")
    return reasons
