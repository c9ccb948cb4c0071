"""What schemathesis cannot know: who asks, which things are there, and what is not to be touched.

`WORLD` names the file of the world, `ANSWERS` the one that takes a line for each answer. Every
operation is asked once so that it succeeds (its `golden` request), and then with whatever its
document allows: most often by somebody who may, about something that is there.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response

from e2e.rest.world import World

_WORLD = msgspec.json.decode(Path(os.environ["WORLD"]).read_bytes(), type=World)
_ANSWERS = Path(os.environ["ANSWERS"]).open("a", buffering=1)  # noqa: SIM115 - as long as the run
_DICE = random.Random(int(os.environ.get("SEED") or 0))
_NAMES = {f"Bearer {token}": login for login, token in _WORLD.tokens.items()}
_REAL_THINGS = 0.7
_SOMEBODY_WHO_MAY = 0.8
# Of the 300 requests a minute that one person has: refusals for haste would hide the rest, and some
# checks send requests of their own.
_QUOTA = 200
_USED: Counter[tuple[str, int]] = Counter()
_PORTIONS = ("fraction", "units", "amount")
_CLOCK_SECONDS_MAX = 400 * 24 * 3600


def _minute() -> int:
    return int(time.time() // 60)


def _label(case: schemathesis.Case) -> str:
    return f"{case.method.upper()} {case.operation.path}"


def _is_golden(case: schemathesis.Case) -> bool:
    return bool(case.headers and case.headers.get("X-Golden"))


@schemathesis.hook
def before_add_examples(context: schemathesis.HookContext, examples: list[Any]) -> None:
    """The one request that succeeds, in place of what the document's examples would make."""
    operation = context.operation
    golden = _WORLD.golden.get(f"{operation.method.upper()} {operation.path}")
    if golden is None:
        return
    token = _WORLD.leaving.pop() if golden.login == "leaving" else _WORLD.tokens.get(golden.login)
    headers = {"X-Golden": "1", "Idempotency-Key": uuid4().hex}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    case = operation.Case(
        path_parameters=dict(golden.path),
        headers=headers,
        media_type=None if golden.body is None else "application/json",
        **({} if golden.body is None else {"body": golden.body}),
    )
    # As though by SomebodysToken, which is not asked about examples: the checks try it without.
    case._has_explicit_auth = token is not None
    examples[:] = [case]


@schemathesis.auth(refresh_interval=None)
class SomebodysToken:
    """Of somebody who may, most often; of anybody else at times."""

    def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> str | None:
        if "security" not in case.operation.definition.raw:
            return None
        if case.operation.path.endswith("/auth/logout"):
            # Whoever asks this is signed out: those who are needed are not let near it.
            return "nobodys"
        wanted = set(case.operation.definition.raw.get("x-permissions", []))
        rested = _rested()
        may = [login for login in rested if wanted & set(_WORLD.permissions[login])]
        logins = may if may and _DICE.random() < _SOMEBODY_WHO_MAY else rested
        return _WORLD.tokens[_DICE.choice(logins)]

    def set(
        self, case: schemathesis.Case, data: str | None, context: schemathesis.AuthContext
    ) -> None:
        if data is not None:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def _rested() -> list[str]:
    """Who has requests left in this minute; where nobody has, those of the next, once it begins."""
    while not (found := [login for login in _WORLD.tokens if _USED[login, _minute()] < _QUOTA]):
        time.sleep(0.2)
    return found


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]
) -> None:
    if _is_golden(case):
        return
    if not _is_negative(case, ParameterLocation.PATH):
        _put_real(case.path_parameters)
    if not _is_negative(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        _put_real(case.body)
        if _label(case) == "POST /api/v1/auth/login":
            # A wrong password counts against this address, and every later test has it.
            case.body = _WORLD.golden[_label(case)].body
    if not _is_negative(case, ParameterLocation.HEADER) and case.headers:
        if "Idempotency-Key" in case.headers and _DICE.random() < _REAL_THINGS:
            case.headers["Idempotency-Key"] = uuid4().hex
        if "If-Match" in case.headers and _DICE.random() < _REAL_THINGS:
            del case.headers["If-Match"]
    _spare_the_clock(case)
    _spare_the_client(case)


def _is_negative(case: schemathesis.Case, location: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(location)


def _put_real(values: dict[str, Any] | None) -> None:
    """Real things in place of made-up ones, and of three ways to say how much, one."""
    if values and "subscription_id" in values and _DICE.random() < _REAL_THINGS:
        for name in _DICE.sample(_PORTIONS, 2):
            values.pop(name, None)
    for name in values or {}:
        real = _WORLD.ids.get(name)
        if values is not None and real and _DICE.random() < _REAL_THINGS:
            values[name] = _DICE.choice(real)


def _spare_the_clock(case: schemathesis.Case) -> None:
    """Business time moves for everybody, and never back: a second at a time will do."""
    if case.operation.path.endswith("/demo/clock") and isinstance(case.body, dict):
        given = case.body.get("advance_seconds")
        if isinstance(given, int) and 1 <= given <= _CLOCK_SECONDS_MAX:
            case.body["advance_seconds"] = 1


def _spare_the_client(case: schemathesis.Case) -> None:
    """A client who is barred could ask for nothing any more: it happens to the other one."""
    golden = _WORLD.golden.get(_label(case))
    if case.method.upper() != "POST" or golden is None or "client_id" not in golden.path:
        return
    if case.path_parameters and case.path_parameters.get("client_id") in _WORLD.ids["client_id"]:
        case.path_parameters |= golden.path


@schemathesis.check
def a_reason_of_its_own(
    ctx: schemathesis.CheckContext, response: Response, case: schemathesis.Case
) -> None:
    """What the document allows is refused by a rule that it names, not because it is malformed."""
    if case.meta is None or case.meta.generation.mode.is_negative or response.status_code != 422:
        return
    problem = json.loads(response.content)
    malformed = [error for error in problem["errors"] if error["code"] == "INVALID"]
    assert malformed == [], f"the document allows what is refused as malformed: {malformed}"


@schemathesis.hook
def after_call(
    context: schemathesis.HookContext, case: schemathesis.Case, response: Response
) -> None:
    sent = response.request.headers.get("Authorization", "")
    code = ""
    if response.status_code >= 400 and "json" in "".join(response.headers.get("content-type", [])):
        code = json.loads(response.content or b"{}").get("code", "")
    login = _NAMES.get(sent, "nobody")
    _USED[login, _minute()] += 1
    line = {
        "operation": _label(case),
        "method": response.request.method,
        "login": login,
        "golden": _is_golden(case),
        "status": response.status_code,
        "code": code,
    }
    _ANSWERS.write(f"{json.dumps(line)}\n")
