"""The worker: jobs, deadlines, schedules and the audit sealer, in one process.

arq brings the wake-ups; the sweeper beside it needs no Redis. Any number of workers may run.
"""

from __future__ import annotations

import os

from app.integrations.mail.port import MailRefused
from app.integrations.mail.smtp import send_mail
from app.kernel.jobs import FailedForGood
from app.kernel.jobs.lanes import Lanes
from app.kernel.listening import listen
from app.kernel.notifications import register_mail_transport
from app.settings import settings
from workers.measuring import begin_counting
from workers.process import run_to_end, running, started
from workers.sweeping import Sweeper
from workers.waking import Waker

# Supervisors give a process ten seconds to end.
DRAIN_SECONDS = 7.0
NICENESS = 10


async def mail_transport(
    *, to: str, subject: str, text: str, html: str | None, message_id: str
) -> None:
    """Mail by SMTP; a message that the relay will never take is for operations to look at."""
    try:
        await send_mail(to=to, subject=subject, text=text, html=html, message_id=message_id)
    except MailRefused as error:
        raise FailedForGood(str(error)) from error


async def run() -> None:
    async with started("worker") as stopping:
        register_mail_transport(mail_transport)
        begin_counting()
        lanes = Lanes()
        sweeper = Sweeper(lanes)
        waker = Waker(lanes)

        def jobs_written() -> None:
            # While Redis is there the relay's message comes; both at once would claim twice.
            if waker.is_connected:
                waker.jobs_written()
            else:
                sweeper.jobs_bell.ring()

        heard = {"stakehold_jobs": jobs_written, "stakehold_clock": sweeper.time_moved}
        async with running(
            [*sweeper.parts(), waker.run(), listen(settings().database_url, wake=heard)]
        ):
            await stopping.wait()
            await lanes.close(grace_seconds=DRAIN_SECONDS)


def main() -> None:
    # Where they share a machine, a page that somebody waits for goes before work that nobody sees.
    os.nice(NICENESS)
    run_to_end(run())


if __name__ == "__main__":
    main()
