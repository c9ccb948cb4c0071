"""Every schedule of the portal, in one list. Each tenant has a row for each of them."""

from __future__ import annotations

from datetime import time, timedelta

from app.domains.investments.jobs.accruals import order_accruals
from app.domains.investments.jobs.prices import order_prices
from app.domains.investments.jobs.readings import order_readings
from app.kernel.deadlines.schedules import Daily, Every, ScheduleRule
from app.kernel.idempotency import forget_old
from app.kernel.ledger.operations import take_snapshots
from app.kernel.notifications.digests import order_digests
from app.kernel.upkeep import forget_done_jobs, order_audit_verification, order_verification

SCHEDULES: tuple[ScheduleRule, ...] = (
    # Business time, in the tenant's own zone: the yield of the day that has just ended.
    Daily(name="accrue_yields", at=time(0, 5), run=order_accruals),
    # In the evening, when what the day brought is known.
    Daily(name="tell_digests", at=time(18, 0), run=order_digests),
    # Real time: looking after ourselves.
    Every(name="read_custody_balances", period=timedelta(seconds=10), run=order_readings),
    Every(name="read_prices", period=timedelta(minutes=1), run=order_prices),
    Every(name="verify_invariants", period=timedelta(hours=1), run=order_verification),
    Every(name="verify_audit", period=timedelta(days=1), run=order_audit_verification),
    Every(name="take_snapshots", period=timedelta(hours=1), run=take_snapshots),
    Every(name="forget_idempotency_keys", period=timedelta(hours=6), run=forget_old),
    Every(name="forget_done_jobs", period=timedelta(hours=6), run=forget_done_jobs),
)
