"""django-hordak: `Account.transfer_to`, which is one transaction with a transaction and two legs.

It has neither row security nor an audit trail; its own checks are triggers.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command

from bench.protocol import repeated_in_threads, run, serve

ACCOUNTS = 50


def configure() -> None:
    url = urlsplit(os.environ["BENCH_DATABASE_URL"])
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": url.hostname,
                "PORT": url.port,
                "NAME": url.path.lstrip("/"),
                "USER": url.username,
                "PASSWORD": url.password,
                "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DEFAULT_CURRENCY="USD",
        CURRENCIES=["USD"],
        USE_TZ=True,
    )
    django.setup()


class Hordak:
    """Blocks: its clients are threads, each with a connection that stays open."""

    def __init__(self) -> None:
        from hordak.models import Account, AccountType
        from moneyed import Money

        self._one = Money(1, "USD")
        for number in range(ACCOUNTS):
            Account.objects.get_or_create(
                name=f"Client {number}",
                defaults={"type": AccountType.asset, "code": str(number), "currencies": ["USD"]},
            )
        self._accounts = list(Account.objects.order_by("id"))

    async def spread(self, *, clients: int, seconds: float) -> dict[str, Any]:
        return await asyncio.to_thread(
            repeated_in_threads, self._transfer, clients=clients, seconds=seconds
        )

    def _transfer(self) -> None:
        source, target = random.sample(self._accounts, 2)
        source.transfer_to(target, self._one)

    async def check(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._counted)

    def _counted(self) -> dict[str, Any]:
        from django.db.models import Sum
        from hordak.models import Leg, Transaction

        sums = Leg.objects.aggregate(debit=Sum("debit"), credit=Sum("credit"))
        return {
            "entries": Transaction.objects.count(),
            "legs": Leg.objects.count(),
            "off": str(sums["debit"] - sums["credit"]),
        }


async def main() -> None:
    hordak = await asyncio.to_thread(Hordak)
    await serve({"spread": hordak.spread, "check": hordak.check})


if __name__ == "__main__":
    configure()
    if os.environ.get("BENCH_MIGRATE"):
        call_command("migrate", verbosity=0)
    run(main)
