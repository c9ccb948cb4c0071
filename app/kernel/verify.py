"""`stakehold verify`: every invariant and the whole audit trail of every tenant, as a table."""

from __future__ import annotations

from app.kernel.audit.verification import verify_all_audits
from app.kernel.database import start_pool, stop_pool
from app.kernel.invariants import verify_all
from app.settings import settings

WHAT = ("all", "invariants", "audit")


async def main(what: str | None = "all") -> int:
    """Verify `what` ("all", "invariants" or "audit") and print it; 0 when everything holds."""
    what = what or "all"
    if what not in WHAT:
        print(f"verify {' | '.join(WHAT)}")
        return 2
    await start_pool(settings().database_url, size=2)
    try:
        holds = True
        if what in ("all", "invariants"):
            holds = await _invariants() and holds
        if what in ("all", "audit"):
            holds = await _audit() and holds
    finally:
        await stop_pool()
    print("everything holds" if holds else "NOT EVERYTHING HOLDS")
    return 0 if holds else 1


async def _invariants() -> bool:
    results = await verify_all()
    for result in results:
        print(f"{'ok    ' if result.ok else 'BROKEN'}  {result.tenant}  {result.name}")
        for violation in result.violations:
            print(f"        {violation}")
    return all(result.ok for result in results)


async def _audit() -> bool:
    reports = await verify_all_audits()
    for report in reports:
        print(
            f"{'ok    ' if report.ok else 'BROKEN'}  {report.tenant}  audit: "
            f"{report.records} records sealed in {report.batches} batches, "
            f"{report.unsealed} waiting, {report.checkpoints} checkpoints"
        )
        if report.first_break:
            print(f"        {report.first_break}")
    return all(report.ok for report in reports)
