"""The `stakehold` command: one subcommand for each process and each chore.

Every subcommand imports what it needs when it runs, so that none pays for the others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    result: int = options.run(options)
    return result


def _demo(options: argparse.Namespace) -> int:
    from app.embedded.demo_folder import DemoIsRunning
    from app.embedded.kernel_calls import InterruptedMake, signal_when_parent_dies
    from app.embedded.ports import HOST
    from app.embedded.process import never
    from app.embedded.supervisor import CannotStart, Supervisor

    if options.stop_with_parent:
        signal_when_parent_dies(signal.SIGTERM)
    try:
        host = os.environ.get("STAKEHOLD_HOST", HOST)
        interrupted = InterruptedMake() if options.stop_with_parent else never
        return Supervisor(port=options.port, host=host, parent_interrupted=interrupted).run()
    except (CannotStart, DemoIsRunning) as refusal:
        return _refuse(refusal)


def _reset(options: argparse.Namespace) -> int:
    from app.embedded.demo_folder import DemoIsRunning, reset

    try:
        reset()
    except DemoIsRunning as refusal:
        return _refuse(refusal)
    print("the data of the demo is gone")
    return 0


def _restart(options: argparse.Namespace) -> int:
    from app.embedded.demo_folder import DemoIsNotRunning, supervisor_of
    from app.embedded.supervisor import RESTART_SIGNAL

    try:
        os.kill(supervisor_of(), RESTART_SIGNAL)
    except DemoIsNotRunning as refusal:
        return _refuse(refusal)
    print("asked; the demo's own output says how it goes")
    return 0


def _web(options: argparse.Namespace) -> int:
    from app.web.server import run

    run(options.fd)
    return 0


def _worker(options: argparse.Namespace) -> int:
    from workers.main import main as run

    run()
    return 0


def _relay(options: argparse.Namespace) -> int:
    from workers.relay import main as run

    run()
    return 0


def _bootstrap(options: argparse.Namespace) -> int:
    from app.kernel.migrate import bootstrap

    asyncio.run(bootstrap(_setting("DATABASE_ADMIN_URL")))
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from app.kernel.migrate import migrate

    asyncio.run(migrate(_setting("DATABASE_OWNER_URL")))
    return 0


def _seed(options: argparse.Namespace) -> int:
    import uvloop

    from app.demo.seed import SeedRefused, seed

    try:
        uvloop.run(seed())
    except SeedRefused as refusal:
        return _refuse(refusal)
    return 0


def _prepare(options: argparse.Namespace) -> int:
    """One process for three steps: the demo does them at every start, and Python starts slowly."""
    return _bootstrap(options) or _migrate(options) or _seed(options)


def _verify(options: argparse.Namespace) -> int:
    from app.kernel.verify import main as verify

    return asyncio.run(verify(options.what))


def _sandbox(options: argparse.Namespace) -> int:
    from app.integrations.custody.sandbox import main as run

    run(options.port)
    return 0


def _prices_sandbox(options: argparse.Namespace) -> int:
    from app.integrations.prices.sandbox import main as run

    run(options.port)
    return 0


def _identity_provider(options: argparse.Namespace) -> int:
    from app.embedded.identity_provider import run

    run(
        port=options.port,
        portal_ports=options.portal_port,
        users_file=options.users,
        signing_key_file=options.signing_key,
    )
    return 0


def _mail_catcher(options: argparse.Namespace) -> int:
    from app.embedded.mail_catcher import serve

    asyncio.run(serve(port=options.port, folder=options.folder))
    return 0


def _on_settings(options: argparse.Namespace) -> int:
    """Runs a command with the settings of the environment, or else of the demo running here."""
    if "DATABASE_URL" not in os.environ:
        from app.embedded.demo_folder import DemoIsNotRunning, running_environment

        try:
            os.environ.update(running_environment())
        except DemoIsNotRunning as refusal:
            return _refuse(refusal)
    result: int = options.run_on_settings(options)
    return result


def _setting(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise SystemExit(f"{name} is not set")


def _refuse(reason: Exception) -> int:
    print(f"stakehold: {reason}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stakehold", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    demo = commands.add_parser("demo", help="the whole portal on this machine, until Ctrl-C")
    demo.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
    demo.add_argument("--stop-with-parent", action="store_true", help="stop when make does")
    demo.set_defaults(run=_demo)
    commands.add_parser("reset", help="forget the demo's data").set_defaults(run=_reset)
    restart = commands.add_parser("restart", help="new processes for the demo, one by one")
    restart.set_defaults(run=_restart)

    web = commands.add_parser("web", help="one web process")
    web.add_argument("--fd", type=int, help="a listening socket to take over")
    web.set_defaults(run=_web)
    commands.add_parser("worker", help="jobs, deadlines and schedules").set_defaults(run=_worker)
    commands.add_parser("relay", help="the outbox to live pages").set_defaults(run=_relay)

    for name, run_on_settings, text in (
        ("bootstrap", _bootstrap, "make the database and its roles, as superuser"),
        ("migrate", _migrate, "bring the schema up to date, as its owner"),
        ("seed", _seed, "load the demo tenants"),
        ("prepare", _prepare, "bootstrap, migrate and seed"),
        ("verify", _verify, "check every invariant; 'verify audit' checks the audit chain"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=_on_settings, run_on_settings=run_on_settings)
        if name == "verify":
            command.add_argument("what", nargs="?", default="all")

    sandbox = commands.add_parser("sandbox", help="the custody service's sandbox")
    sandbox.add_argument("--port", type=int, required=True)
    sandbox.set_defaults(run=_sandbox)

    prices = commands.add_parser("prices-sandbox", help="the price service's sandbox")
    prices.add_argument("--port", type=int, required=True)
    prices.set_defaults(run=_prices_sandbox)

    provider = commands.add_parser("identity-provider", help="the demo's OpenID provider")
    provider.add_argument("--port", type=int, required=True)
    provider.add_argument("--portal-port", type=int, action="append", required=True)
    provider.add_argument("--users", type=Path, required=True)
    provider.add_argument("--signing-key", type=Path, required=True)
    provider.set_defaults(run=_identity_provider)

    mail = commands.add_parser("mail-catcher", help="an SMTP server that writes mail to files")
    mail.add_argument("--port", type=int, required=True)
    mail.add_argument("--folder", type=Path, required=True)
    mail.set_defaults(run=_mail_catcher)
    return parser
