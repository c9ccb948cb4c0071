"""Everything the portal needs around it on one machine, started and stopped together.

The demo's supervisor uses it with `.stakehold`, the test suite with a temporary folder:

    services = Services(root=folder, durable=False, portal_ports=[8123])
    services.start()
    environment = services.environment()
    ...
    services.stop()
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from app.embedded.demo_accounts import ProviderUser, demo_users, write_users
from app.embedded.identity_provider import CLIENT_ID, issuer_url
from app.embedded.ports import HOST, RememberedPorts, accepts, answers_well
from app.embedded.postgres import Postgres
from app.embedded.postgres_binaries import stand_in_folder
from app.embedded.process import Child, never, wait_until
from app.embedded.redis import Redis
from app.embedded.secrets import Secrets

DATABASE = "stakehold"
OWNER = "stakehold_owner"
APP = "stakehold_app"


class Services:
    """PostgreSQL, Redis, identity provider, mail catcher, and the sandboxes of custody and prices.

    Not in here: bootstrap, migrations and the portal's own processes.
    """

    def __init__(
        self,
        *,
        root: Path,
        portal_ports: Iterable[int],
        durable: bool = True,
        users: list[ProviderUser] | None = None,
        environment_name: str = "test",
    ) -> None:
        """`portal_ports`: where the portal may run; the provider knows the callbacks of each.

        `users` are the identity provider's, the demo accounts unless given.
        """
        self.root = root.resolve()
        self._durable = durable
        self._portal_ports = list(portal_ports)
        self._users = demo_users() if users is None else users
        self._environment_name = environment_name
        self.mail_folder = self.root / "mail"
        self.logs = self.root / "logs"

    def start(self, interrupted: Callable[[], bool] = never) -> None:
        """Starts all at once and returns when each of them answers. Call it in the main thread."""
        for name in ("", "logs", "mail", "objects", "metrics"):
            (self.root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._prepare()
        try:
            self.redis.start()
            self.identity_provider.start()
            self.mail_catcher.start()
            self.custody.start()
            self.prices.start()
            self.postgres.start(interrupted)
            for child, is_ready in self._readiness():
                wait_until(is_ready, child, seconds=60, interrupted=interrupted)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops what the portal talks to first and its data last. Harmless when nothing runs."""
        if not hasattr(self, "postgres"):
            return
        helpers = (self.custody, self.prices, self.identity_provider, self.mail_catcher)
        for child in helpers:
            child.ask_to_stop()
        for child in helpers:
            child.stop()
        self.redis.stop()
        self.postgres.stop()
        if not self._durable:
            # Who throws `root` away does not know of what may lie elsewhere.
            shutil.rmtree(stand_in_folder(self.root / "postgres"), ignore_errors=True)

    def restarts(self) -> dict[str, tuple[Child, Callable[[], None]]]:
        """What the supervisor watches: each child with the way to start it again."""
        return {
            "postgres": (self.postgres.child, self.postgres.restart),
            "redis": (self.redis.child, self.redis.start),
            "custody": (self.custody, self.custody.start),
            "prices": (self.prices, self.prices.start),
            "identity-provider": (self.identity_provider, self.identity_provider.start),
            "mail-catcher": (self.mail_catcher, self.mail_catcher.start),
        }

    def environment(self) -> dict[str, str]:
        """Every setting of the portal. The two URLs of owner and superuser are for set-up alone."""
        portal_port = self._portal_ports[0]
        secret = self._secrets.password
        return {
            "ENVIRONMENT": self._environment_name,
            "DATABASE_URL": self.postgres.url(APP, DATABASE, secret("database-app")),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER, DATABASE, secret("database-owner")),
            "DATABASE_ADMIN_URL": self.postgres.url(),
            "REDIS_URL": self.redis.url,
            "SECRET_KEY": secret("secret-key"),
            "SIGNING_KEY_FILE": str(self._secrets.rsa_key_file("signing-key.pem")),
            "AUDIT_KEY_FILE": str(self._secrets.ed25519_key_file("audit-key.pem")),
            "PUBLIC_URL": f"http://localhost:{portal_port}",
            "PORT": str(portal_port),
            "STAKEHOLD_HOST": HOST,
            "OIDC_ISSUER": issuer_url(self._identity_provider_port),
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": secret("oidc-client-secret"),
            "CUSTODY_URL": f"http://{HOST}:{self._custody_port}",
            "CUSTODY_API_KEY": secret("custody-api-key"),
            "PRICES_URL": f"http://{HOST}:{self._prices_port}",
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(self._mail_port),
            "MAIL_FROM": "Stakehold <portal@stakehold.example>",
            "OBJECT_STORE_URL": (self.root / "objects").as_uri(),
            "PROMETHEUS_MULTIPROC_DIR": str(self.root / "metrics"),
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
            **_without_proxy(),
        }

    def _prepare(self) -> None:
        self._secrets = Secrets(self.root / "secrets")
        ports = RememberedPorts(self.root / "ports.json")
        secret = self._secrets.password
        self._mail_port = ports.get("mail")
        self._custody_port = ports.get("custody")
        self._prices_port = ports.get("prices")
        self._identity_provider_port = ports.get("identity-provider")
        self.postgres = Postgres(
            data=self.root / "postgres",
            port=ports.get("postgres"),
            password=secret("database-admin"),
            log=self.logs / "postgres.log",
            durable=self._durable,
        )
        self.redis = Redis(
            folder=self.root / "redis",
            port=ports.get("redis"),
            password=secret("redis"),
            log=self.logs / "redis.log",
        )
        users_file = self.root / "secrets" / "users.json"
        write_users(users_file, self._users)
        self.identity_provider = self._python(
            "identity-provider",
            ["identity-provider", "--port", str(self._identity_provider_port)]
            + [f"--portal-port={port}" for port in self._portal_ports]
            + ["--users", str(users_file)]
            + ["--signing-key", str(self._secrets.rsa_key_file("identity-provider-key.pem"))],
            {
                "OIDC_CLIENT_SECRET": secret("oidc-client-secret"),
                "IDENTITY_PROVIDER_SECRET_KEY": secret("identity-provider"),
            },
        )
        self.mail_catcher = self._python(
            "mail-catcher",
            ["mail-catcher", "--port", str(self._mail_port), "--folder", str(self.mail_folder)],
        )
        self.custody = self._python(
            "custody",
            ["sandbox", "--port", str(self._custody_port)],
            {
                "CUSTODY_API_KEY": secret("custody-api-key"),
                "SANDBOX_STATE": str(self.root / "custody.sqlite"),
                "PUBLIC_URL": f"http://localhost:{self._portal_ports[0]}",
            },
        )
        self.prices = self._python("prices", ["prices-sandbox", "--port", str(self._prices_port)])

    def _python(
        self, name: str, arguments: list[str], environment: dict[str, str] | None = None
    ) -> Child:
        return Child(
            name,
            [sys.executable, "-m", "app", *arguments],
            log=self.logs / f"{name}.log",
            environment={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                **_without_proxy(),
                **(environment or {}),
            },
        )

    def _readiness(self) -> list[tuple[Child, Callable[[], bool]]]:
        return [
            (self.redis.child, self.redis.is_ready),
            (self.mail_catcher, lambda: accepts(self._mail_port)),
            (self.custody, lambda: accepts(self._custody_port)),
            (self.prices, lambda: accepts(self._prices_port)),
            (self.identity_provider, self._provider_is_ready),
        ]

    def _provider_is_ready(self) -> bool:
        # By the name in its issuer: it answers under no other.
        return answers_well(
            issuer_url(self._identity_provider_port) + "/.well-known/openid-configuration"
        )


def _without_proxy() -> dict[str, str]:
    """Keeps HTTP clients from sending calls to this machine to a proxy of the surroundings."""
    given = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    names = ",".join(filter(None, [given, "localhost", HOST]))
    return {"NO_PROXY": names, "no_proxy": names}
