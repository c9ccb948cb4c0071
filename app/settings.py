"""Every setting, typed, read from the environment once and checked at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec


class Environment(StrEnum):
    demo = "demo"
    test = "test"
    production = "production"


class DemoScale(StrEnum):
    """How much the demo's data is: two clients and two months, or three hundred and a year."""

    small = "small"
    full = "full"


class SettingInvalid(Exception):
    """A setting is missing or makes no sense; the message names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    environment: Environment
    database_url: str
    redis_url: str
    secret_key: str
    signing_key_file: str
    audit_key_file: str
    public_url: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    custody_url: str
    custody_api_key: str
    smtp_host: str
    smtp_port: int
    mail_from: str
    object_store_url: str
    # Without it no price in dollars is known, and compliance is asked about every redemption.
    prices_url: str = ""
    prices_api_key: str = ""
    # A deposit worth more than this in US dollars is put before the traders at once.
    large_deposit_usd: Decimal = Decimal(100_000)
    # Only `bootstrap` and `migrate` need these two; the running portal must not have them.
    database_owner_url: str = ""
    database_admin_url: str = ""
    database_pool_size: int = 20
    log_level: str = "INFO"
    # Spans go to this collector (OTLP over HTTP, such as http://collector:4318); empty: nowhere.
    otlp_endpoint: str = ""
    # Worker and relay serve their metrics here; 0 does not.
    metrics_port: int = 0
    demo_scale: DemoScale = DemoScale.full
    # Sessions end after this long without a request, and after this long in all.
    session_idle_seconds: int = 15 * 60
    session_seconds: int = 12 * 60 * 60
    # Who asks for /metrics from elsewhere than this machine must show it; empty: nobody may.
    metrics_token: str = ""

    @property
    def may_move_clock(self) -> bool:
        """Only demo and test environments may move business time."""
        return self.environment is not Environment.production

    @property
    def origins(self) -> frozenset[str]:
        """Origins that a browser may name when it writes or opens a socket.

        Outside production both names of loopback are the portal.
        """
        origin = self.public_url.rstrip("/")
        found = {origin}
        if self.environment is not Environment.production:
            port = urlsplit(origin).port or 80
            found |= {f"http://localhost:{port}", f"http://127.0.0.1:{port}"}
        return frozenset(found)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `environ`, named in upper case; raises `SettingInvalid` naming the first bad one."""
    given = {
        name: environ[name.upper()]
        for name in Settings.__struct_fields__
        if environ.get(name.upper(), "") != ""
    }
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingInvalid(f"{error} (settings are environment variables)") from error
    if len(settings.secret_key) < 64:
        raise SettingInvalid("SECRET_KEY must be at least 64 hexadecimal characters")
    if not (settings.large_deposit_usd.is_finite() and settings.large_deposit_usd >= 0):
        raise SettingInvalid("LARGE_DEPOSIT_USD must be an amount, zero or more")
    return settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    return read_settings(os.environ)
