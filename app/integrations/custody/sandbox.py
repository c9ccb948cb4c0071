"""Our sandbox of Hex Safe: the vendor's protocol over HTTP on loopback, for demo and tests alone.

`/v1` is the vendor's, signed as the vendor wants it. `/control` is ours, and only ours: it makes
vaults, says how the next withdrawals shall end, lists what was really executed, and is told of
withdrawals older than itself. It has no authentication, so the sandbox binds to loopback and
answers no browser.

Its environment: CUSTODY_API_KEY (as the portal's), SANDBOX_STATE (a SQLite file; in memory when
left out), SANDBOX_CONFIRM_SECONDS (1), SANDBOX_HOLD_SECONDS (10: how long it keeps silent).
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import uvicorn
from litestar import Litestar, Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.integrations.custody.hex_safe_protocol import (
    IDEMPOTENCY_HEADER,
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TIMESTAMP_SKEW_SECONDS_MAX,
    Credential,
    WireError,
    WireErrorBody,
    WireInstruction,
    WireVault,
    WireWithdrawal,
    WireWithdrawals,
    sign,
)
from app.integrations.custody.sandbox_state import SandboxState
from app.integrations.custody.sandbox_values import (
    Holding,
    Outcome,
    PastWithdrawal,
    Plan,
    Refused,
)
from app.kernel.errors import InputInvalid
from app.kernel.money import parse_amount, parse_signed_amount

HOST = "127.0.0.1"
PLAN_COUNT_MAX = 1000
NAME_CHARACTERS_MAX = 200

AnyRequest = Request[Any, Any, Any]


class Credit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    asset: str
    amount: str


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`plans_only` leaves vaults and withdrawals as they are."""

    plans_only: bool = False


def create_sandbox(
    *,
    api_key: str,
    state_path: str,
    confirm_seconds: float = 1.0,
    hold_seconds: float = 10.0,
) -> Litestar:
    """The sandbox as an ASGI app; `state_path` may be `:memory:`."""
    credential = Credential.of(api_key)
    state = SandboxState(state_path, confirm_seconds=confirm_seconds)

    async def check_signature(request: AnyRequest) -> None:
        _check_signature(request, await request.body(), credential)

    async def instruct(request: AnyRequest) -> Response[WireWithdrawal]:
        key = request.headers.get(IDEMPOTENCY_HEADER, "")
        asked = _instruction(await request.body(), key)
        made, outcome, is_new = state.withdraw(key=key, asked=asked, now=time.time())
        if outcome in (Outcome.time_out, Outcome.unknown):
            await _keep_silent(request, hold_seconds)
        if made is None or outcome in (Outcome.unknown, Outcome.server_error):
            raise Refused(500, "INTERNAL", "Something went wrong")
        return Response(made, status_code=201 if is_new else 200)

    return Litestar(
        route_handlers=[
            Router(
                "/v1",
                route_handlers=_vendor_routes(state, instruct),
                before_request=check_signature,
            ),
            Router(
                "/control",
                route_handlers=_control_routes(state),
                before_request=_refuse_browsers,
            ),
        ],
        exception_handlers={Refused: _refused, InputInvalid: _invalid},
        on_shutdown=[state.close],
        openapi_config=None,
        logging_config=None,
    )


def _vendor_routes(state: SandboxState, instruct: Any) -> list[Any]:
    @get("/vaults/{reference:str}/balances", sync_to_thread=False)
    def balances(reference: FromPath[str]) -> WireVault:
        held = state.balances(reference=reference, now=time.time())
        return WireVault(reference=reference, balances=held, read_at=datetime.now(UTC))

    @get("/withdrawals/{withdrawal_id:str}", sync_to_thread=False)
    def withdrawal(withdrawal_id: FromPath[str]) -> WireWithdrawal:
        return state.withdrawal(withdrawal_id=withdrawal_id, now=time.time())

    @get("/withdrawals", sync_to_thread=False)
    def by_key(
        idempotency_key: Annotated[str, QueryParameter(min_length=1)],
    ) -> WireWithdrawals:
        return WireWithdrawals(state.withdrawals(now=time.time(), idempotency_key=idempotency_key))

    return [balances, withdrawal, by_key, post("/withdrawals")(instruct)]


def _control_routes(state: SandboxState) -> list[Any]:
    @post("/vaults", sync_to_thread=False)
    def set_holding(data: JSONBody[Holding]) -> Holding:
        if parse_signed_amount(data.balance, field="balance") < 0:
            raise InputInvalid.of("balance", "NEGATIVE", "Must not be negative")
        if parse_signed_amount(data.network_fee, field="network_fee") < 0:
            raise InputInvalid.of("network_fee", "NEGATIVE", "Must not be negative")
        state.set_holding(data)
        return data

    @post("/vaults/{reference:str}/credit", sync_to_thread=False)
    def credit(reference: FromPath[str], data: JSONBody[Credit]) -> WireVault:
        amount = parse_amount(data.amount, field="amount")
        state.credit(reference=reference, asset=data.asset, amount=amount)
        held = state.balances(reference=reference, now=time.time())
        return WireVault(reference=reference, balances=held, read_at=datetime.now(UTC))

    @post("/next", sync_to_thread=False)
    def plan(data: JSONBody[Plan]) -> list[Plan]:
        if not 1 <= data.count <= PLAN_COUNT_MAX:
            raise InputInvalid.of("count", "OUT_OF_RANGE", f"Must be from 1 to {PLAN_COUNT_MAX}")
        state.plan(data)
        return state.plans()

    @get("/next", sync_to_thread=False)
    def plans() -> list[Plan]:
        return state.plans()

    @get("/withdrawals", sync_to_thread=False)
    def executed(idempotency_key: FromQuery[str | None] = None) -> WireWithdrawals:
        return WireWithdrawals(state.withdrawals(now=time.time(), idempotency_key=idempotency_key))

    @post("/past-withdrawals", status_code=204, sync_to_thread=False)
    def remember(data: JSONBody[list[PastWithdrawal]]) -> None:
        state.remember(data, now=time.time())

    @post("/reset", status_code=204, sync_to_thread=False)
    def reset(data: JSONBody[Reset]) -> None:
        state.reset(plans_only=data.plans_only)

    return [set_holding, credit, plan, plans, executed, remember, reset]


def _check_signature(request: AnyRequest, body: bytes, credential: Credential) -> None:
    timestamp = request.headers.get(TIMESTAMP_HEADER, "")
    query = request.scope["query_string"].decode("latin-1")
    raw_path = request.scope["raw_path"].decode("latin-1")
    expected = sign(
        secret=credential.secret,
        timestamp=timestamp,
        method=request.method,
        target=f"{raw_path}?{query}" if query else raw_path,
        idempotency_key=request.headers.get(IDEMPOTENCY_HEADER, ""),
        body=body,
    )
    given = request.headers.get(SIGNATURE_HEADER, "")
    known = hmac.compare_digest(
        request.headers.get(KEY_HEADER, "").encode(), credential.id.encode()
    )
    if not known or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Refused(401, "SIGNATURE_INVALID", "Key or signature is wrong")
    fresh = timestamp.isdigit() and abs(time.time() - int(timestamp)) <= TIMESTAMP_SKEW_SECONDS_MAX
    if not fresh:
        raise Refused(401, "TIMESTAMP_STALE", "The request was signed too long ago, or too early")


def _refuse_browsers(request: AnyRequest) -> None:
    """A page of some other site, open in the same machine's browser, must not steer the sandbox.

    Browsers name where they come from; a domain pointed at loopback is no name of ours.
    """
    host = request.headers.get("host", "").partition(":")[0]
    from_browser = "origin" in request.headers or "sec-fetch-site" in request.headers
    if from_browser or host not in (HOST, "localhost"):
        raise Refused(403, "NOT_FOR_BROWSERS", "Use a program")


def _instruction(body: bytes, key: str) -> WireInstruction:
    if not 1 <= len(key) <= NAME_CHARACTERS_MAX:
        raise Refused(400, "KEY_MISSING", f"{IDEMPOTENCY_HEADER} must be given")
    try:
        asked = msgspec.json.decode(body, type=WireInstruction)
    except msgspec.DecodeError as error:
        raise Refused(400, "BODY_INVALID", str(error)) from error
    parse_amount(asked.amount, field="amount")
    if not 1 <= len(asked.destination_address) <= NAME_CHARACTERS_MAX:
        raise Refused(400, "DESTINATION_INVALID", "destination_address must be given")
    return asked


async def _keep_silent(request: AnyRequest, seconds: float) -> None:
    """Until the caller hangs up, or for so long."""
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


def _refused(_: AnyRequest, refusal: Refused) -> Response[WireError]:
    error = WireError(WireErrorBody(code=refusal.code, message=refusal.message))
    return Response(error, status_code=refusal.status)


def _invalid(request: AnyRequest, invalid: InputInvalid) -> Response[WireError]:
    first = invalid.errors[0]
    return _refused(request, Refused(400, first.code, f"{first.field}: {first.message}"))


def main(port: int) -> None:
    """Serve the sandbox on loopback until it is told to stop."""
    state_path = os.environ.get("SANDBOX_STATE") or ":memory:"
    if state_path != ":memory:":
        Path(state_path).parent.mkdir(parents=True, exist_ok=True)
    app = create_sandbox(
        api_key=os.environ["CUSTODY_API_KEY"],
        state_path=state_path,
        confirm_seconds=float(os.environ.get("SANDBOX_CONFIRM_SECONDS") or 1),
        hold_seconds=float(os.environ.get("SANDBOX_HOLD_SECONDS") or 10),
    )
    uvicorn.run(
        app, host=HOST, port=port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=2, timeout_keep_alive=30,
    )  # fmt: skip
