"""What investment products do later or elsewhere: importing this declares all of it.

payouts        send a payout and settle it
prices         ask what each asset is worth in US dollars
readings       ask the custodian what is in each account
accruals       the daily yield
deadlines      what a mark of an approval or payout deadline does
notifications  who is told what
"""

from app.domains.investments.jobs import (
    accruals,
    deadlines,
    notifications,
    payouts,
    prices,
    readings,
)

__all__ = [
    "accruals",
    "deadlines",
    "notifications",
    "payouts",
    "prices",
    "readings",
]
