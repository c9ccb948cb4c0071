"""A Piccolo app a noun: its migrations folder and its tables."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

_ROOT = Path(__file__).resolve().parents[2]
# Which module declares the tables of a noun.
TABLES = {
    "tenancy": "app.kernel.tenancy.tables",
    "audit": "app.kernel.audit.tables",
    "ledger": "app.kernel.ledger.tables",
    "outbox": "app.kernel.outbox.tables",
    "jobs": "app.kernel.jobs.tables",
    "approvals": "app.kernel.approvals.tables",
    "deadlines": "app.kernel.deadlines.tables",
    "idempotency": "app.kernel.idempotency.tables",
    "processes": "app.kernel.processes.tables",
    "identity": "app.domains.identity.tables",
    "notifications": "app.kernel.notifications.tables",
    "investments": "app.domains.investments.tables",
}


def app_config(noun: str) -> AppConfig:
    return AppConfig(
        app_name=noun,
        migrations_folder_path=str(_ROOT / "migrations" / noun),
        table_classes=table_finder([TABLES[noun]]),
    )
