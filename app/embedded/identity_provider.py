"""A real OpenID provider for demo and tests: Canaille, in memory, on loopback.

Users, the client and the signing key are given at start, so that a restart changes nothing that
the portal can see. People sign in there with their e-mail address (or their subject) and password.
"""

from __future__ import annotations

import datetime
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from app.embedded.demo_accounts import ProviderUser, read_users
from app.embedded.ports import HOST

if TYPE_CHECKING:
    from flask import Flask

CLIENT_ID = "stakehold"
CALLBACK_PATH = "/auth/oidc/callback"


def issuer_url(port: int) -> str:
    """`localhost`, not the address: the name that browsers treat as one site with the portal's."""
    return f"http://localhost:{port}"


def create_provider(
    *,
    port: int,
    portal_ports: Iterable[int],
    users: Iterable[ProviderUser],
    client_secret: str,
    signing_key: str,
    secret_key: str,
) -> Flask:
    """The provider as a WSGI application. `signing_key` is an RSA private key in PEM."""
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http, which never leaves this machine

    from canaille import create_app
    from joserfc.jwk import RSAKey

    key = RSAKey.import_key(signing_key)
    key.ensure_kid()
    configuration: dict[str, Any] = {
        "SECRET_KEY": secret_key,
        "SERVER_NAME": f"localhost:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {
            "NAME": "Stakehold demo sign-in",
            "DATABASE": "memory",
            "JAVASCRIPT": False,
            "HTMX": False,
            "SMTP": None,
            "ENABLE_PASSWORD_RECOVERY": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}},
        },
        "CANAILLE_OIDC": {
            # Without `alg` it signs with RS512, which is not what relying parties must accept.
            "ACTIVE_JWKS": [key.as_dict(private=True) | {"alg": "RS256", "use": "sig"}],
            # A client at such an address gets no consent page.
            "TRUSTED_DOMAINS": ["localhost"],
        },
    }
    backend = _memory_backend(configuration)
    # No file of settings may be picked up from the folder that this happens to run in.
    provider: Flask = create_app(config=configuration, backend=backend, env_file=os.devnull)
    users = list(users)
    _vouch_for_addresses({user.subject for user in users if user.email_verified})
    with provider.app_context():
        _save_users(backend, users)
        _save_client(backend, portal_ports, client_secret)
    return provider


def _memory_backend(configuration: dict[str, Any]) -> Any:
    from canaille.backends.memory.backend import MemoryBackend

    class StrictMemoryBackend(MemoryBackend):  # type: ignore[misc]
        """Canaille's own finds what matches *any* condition.

        With two sign-ins at once, the code of one person would be answered with the token of
        another. Its other backends, and its documentation, want *all* conditions to hold.
        """

        # Canaille looks for its models beside the backend's module.
        __module__ = MemoryBackend.__module__

        def do_query(self, model: Any, *args: Any, **conditions: Any) -> list[Any]:
            found: list[Any] | None = None
            for name, value in conditions.items():
                matches = super().do_query(model, *args, **{name: value})
                if found is not None:
                    kept = {instance.id for instance in found}
                    matches = [instance for instance in matches if instance.id in kept]
                found = matches
            return super().do_query(model, *args) if found is None else found

    return StrictMemoryBackend(configuration)


def _save_users(backend: Any, users: Iterable[ProviderUser]) -> None:
    from canaille.app import models

    for user in users:
        backend.save(
            models.User(
                id=user.subject,
                user_name=user.subject,  # becomes `sub`
                emails=[user.email],
                given_name=user.given_name,
                family_name=user.family_name,
                formatted_name=f"{user.given_name} {user.family_name}",
                password=user.password,
            )
        )


def _save_client(backend: Any, portal_ports: Iterable[int], client_secret: str) -> None:
    from canaille.app import models

    origins = [f"http://{host}:{port}" for port in portal_ports for host in ("localhost", HOST)]
    client = models.Client(
        client_id=CLIENT_ID,
        client_secret=client_secret,
        client_id_issued_at=datetime.datetime.now(datetime.UTC),
        client_name="Stakehold",
        client_uri="http://localhost",
        redirect_uris=[origin + CALLBACK_PATH for origin in origins],
        post_logout_redirect_uris=[origin + "/" for origin in origins],
        token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - a method, no secret
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile", "email", "groups"],
    )
    backend.save(client)
    client.audience = [client]  # or ID tokens are for nobody: `aud: []`
    backend.save(client)


def _vouch_for_addresses(subjects: set[str]) -> None:
    """Adds `email_verified` to the claims: Canaille's settings can add texts only, no booleans."""
    import canaille.oidc.provider as provider

    generate: Callable[..., dict[str, Any]] = provider.generate_user_claims

    def with_verified_address(*args: Any, **kwargs: Any) -> dict[str, Any]:
        claims = generate(*args, **kwargs)
        return {**claims, "email_verified": claims.get("sub") in subjects}

    provider.generate_user_claims = with_verified_address


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a connection: browsers open some ahead and say nothing on them for a while."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Writes nothing: request lines carry authorization codes."""


def run(*, port: int, portal_ports: list[int], users_file: Path, signing_key_file: Path) -> None:
    """Serves until SIGTERM. The secrets come in the environment, where `ps` does not show them."""
    provider = create_provider(
        port=port,
        portal_ports=portal_ports,
        users=read_users(users_file),
        client_secret=os.environ["OIDC_CLIENT_SECRET"],
        signing_key=signing_key_file.read_text(),
        secret_key=os.environ["IDENTITY_PROVIDER_SECRET_KEY"],
    )
    turn = threading.Lock()  # the memory backend knows nothing of threads

    def one_at_a_time(environ: Any, start_response: Any) -> Any:
        with turn:
            return provider(environ, start_response)

    server = make_server(HOST, port, one_at_a_time, server_class=_Server, handler_class=_Quiet)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"identity provider: {issuer_url(port)}", flush=True)
    server.serve_forever()
