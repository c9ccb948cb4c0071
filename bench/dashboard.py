"""P7: a client's dashboard with everything around it, beside Django's and beside the bare page.

One process serves each; eight browsers ask without a pause, as forty people in turn.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

from bench.contest import ROOT, contestant, interleaved, rate_of
from bench.crowd import Crowd, gather
from bench.report import Aim, Finding, Series
from bench.serving import serving
from bench.stage import Stage
from tests.support.environment import free_port

PEOPLE = 40
CLIENTS = 8
SECONDS = 3.0
MARKER = "What you hold"


def run(stage: Stage, *, rounds: int) -> Finding:
    """Raises AssertionError where an answer was not the page."""
    crowd = gather(stage, count=PEOPLE)
    bare = {**bare_environment(crowd), "BENCH_PORT": str(free_port())}
    gunicorn, sessions = _django(stage)
    portal = {"PORT": str(free_port())}
    with (
        serving([sys.executable, "-m", "app", "web"], stage, portal),
        serving(gunicorn.command, stage, gunicorn.environment),
        contestant("bare_page", folder=stage.folder, environment=bare),
        contestant("visitors", folder=stage.folder) as visitors,
    ):
        stage.analyze()
        pages = {
            "portal": (portal["PORT"], [f"__Host-sid={secret}" for secret in crowd.secrets]),
            "django": (gunicorn.port, [f"sessionid={key}" for key in sessions]),
            "bare": (bare["BENCH_PORT"], [""]),
        }
        taken = interleaved(
            {
                name: lambda port=port, cookies=cookies: rate_of(  # type: ignore[misc]
                    [visitors],
                    "visit",
                    port=int(port),
                    path="/holdings",
                    cookies=cookies,
                    clients=CLIENTS,
                    seconds=SECONDS,
                    marker=MARKER,
                )
                for name, (port, cookies) in pages.items()
            },
            rounds=rounds,
        )
    work = Series(name="the portal's page", unit="/s", readings=taken["portal"])
    peer = Series(name="Django with the same protections", unit="/s", readings=taken["django"])
    limit = Series(name="bare ASGI, same query and template", unit="/s", readings=taken["bare"])
    return Finding(
        name="P7",
        title="a client's dashboard: session, permission, CSRF, limits, row security; one process",
        series=[work, peer, limit],
        aims=[
            Aim(name="to Django", work=work, beside=peer, least=1.2),
            Aim(name="to the bare page", work=work, beside=limit, least=0.6),
        ],
    )


def bare_environment(crowd: Crowd) -> dict[str, str]:
    """Whose page `bare_page` serves."""
    person = crowd.visitors[0]
    named = {
        "tenant_id": str(crowd.tenant_id),
        "membership_id": str(person.membership_id),
        "name": person.name,
    }
    return {"BENCH_PERSON": json.dumps(named)}


class _Gunicorn:
    def __init__(self, python: Path, database_url: str) -> None:
        self.port = str(free_port())
        self.environment = {
            "BENCH_DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "bench.contestants.django_site.settings",
            "PORT": self.port,
        }
        self.command = [
            str(python), "-m", "gunicorn", "--workers=1", "--threads=8", "--keep-alive=30",
            f"--bind=127.0.0.1:{self.port}", "bench.contestants.django_site.wsgi",
        ]  # fmt: skip


def _django(stage: Stage) -> tuple[_Gunicorn, list[str]]:
    """Its own database, made by the superuser, served as a role that row security holds."""
    admin, password = stage.new_database("django"), secrets.token_hex(16)
    gunicorn = _Gunicorn(stage.peers_python, stage.as_role(admin, "bench_django", password))
    made = subprocess.run(
        [str(stage.peers_python), "-m", "bench.contestants.django_site.setup", str(PEOPLE)],
        env={
            **gunicorn.environment,
            "BENCH_DATABASE_URL": admin,
            "BENCH_ROLE_PASSWORD": password,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert made.returncode == 0, made.stderr
    return gunicorn, json.loads(made.stdout)
