"""The one HTTP client of Hex Safe. An outcome it does not know is said to be so, never guessed.

Reads are retried with backoff; a withdrawal is sent exactly once per call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec
import stamina

from app.integrations.certificates import certificates
from app.integrations.circuit_breaker import CircuitBreaker, CircuitOpen
from app.integrations.custody.hex_safe_protocol import (
    IDEMPOTENCY_HEADER,
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Credential,
    WireError,
    WireErrorBody,
    WireInstruction,
    WireVault,
    WireWithdrawal,
    WireWithdrawals,
    sign,
)
from app.integrations.custody.port import (
    CustodyUnavailable,
    KeyTaken,
    OutcomeUnknown,
    PayoutInstruction,
    PayoutProgress,
    PayoutRefused,
    PayoutStatus,
    VaultBalance,
    VaultUnknown,
)
from app.kernel.errors import InputInvalid
from app.kernel.money import parse_signed_amount, plain
from app.kernel.real_time import real_seconds
from app.kernel.tracing import SpanKind, span

T = TypeVar("T")

TIMEOUTS = httpx.Timeout(connect=1.0, read=3.0, write=3.0, pool=1.0)
# The read time-out starts anew with every byte; this one does not.
CALL_SECONDS_MAX = 6.0
READ_ATTEMPTS_MAX = 3
# Shorter than the time a server keeps an idle connection, so that none is reused as it closes.
KEEP_ALIVE_SECONDS = 2.0
# Answers that say for certain that nothing was executed, given the vendor's own error in the body.
REFUSALS = frozenset({400, 404, 422})
# The one that it keeps for the key: what arrives under the key later gets the same answer.
KEPT_REFUSAL = 422


class _NotSent(Exception):
    """No connection was had: not a byte of the request left us."""


class _NoAnswer(Exception):
    """The request left us, whole or in part, and no answer to rely on came back."""


class HexSafe:
    """Implements `port.Custody`. Belongs to the event loop it is first used in."""

    def __init__(self, *, url: str, api_key: str, breaker: CircuitBreaker | None = None) -> None:
        self._credential = Credential.of(api_key)
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            timeout=TIMEOUTS,
            limits=httpx.Limits(max_connections=20, keepalive_expiry=KEEP_ALIVE_SECONDS),
            follow_redirects=False,
            trust_env=False,
            verify=certificates(),
        )
        self._breaker = breaker or CircuitBreaker(counts=(_NotSent, _NoAnswer))

    async def close(self) -> None:
        await self._http.aclose()

    async def read_balances(self, *, reference: str) -> list[VaultBalance]:
        answer = await self._read(f"/v1/vaults/{quote(reference, safe='')}/balances")
        if answer.status_code == 404 and _error_of(answer):
            raise VaultUnknown(reference)
        vault = _decoded(answer, WireVault)
        return [
            VaultBalance(
                reference=vault.reference,
                asset=held.asset,
                balance=_amount(held.available),
                read_at=vault.read_at,
            )
            for held in vault.balances
        ]

    async def send_payout(self, *, instruction: PayoutInstruction) -> PayoutStatus:
        if not instruction.amount.is_finite() or instruction.amount <= 0:
            raise ValueError("a payout is a positive amount")
        if not instruction.idempotency_key.isascii():
            raise ValueError("an idempotency key travels in a header: ASCII only")
        body = msgspec.json.encode(
            WireInstruction(
                source_reference=instruction.source_reference,
                destination_address=instruction.destination_address,
                network=instruction.network,
                asset=instruction.asset,
                amount=plain(instruction.amount),
            )
        )
        try:
            answer = await self._call(
                "POST",
                "/v1/withdrawals",
                body=body,
                idempotency_key=instruction.idempotency_key,
            )
        except (_NotSent, CircuitOpen) as error:
            raise CustodyUnavailable(f"The custodian was not reached: {error}") from error
        except _NoAnswer as error:
            raise OutcomeUnknown(f"The custodian did not answer: {error}") from error
        return _outcome(answer)

    async def payout_status(self, *, reference: str) -> PayoutStatus | None:
        answer = await self._read(f"/v1/withdrawals/{quote(reference, safe='')}")
        if answer.status_code == 404 and _error_of(answer):
            return None
        return _status(_decoded(answer, WireWithdrawal))

    async def lookup_payout(
        self, *, idempotency_key: str, expecting: PayoutInstruction | None = None
    ) -> PayoutStatus | None:
        query = urlencode({"idempotency_key": idempotency_key})
        answer = await self._read(f"/v1/withdrawals?{query}")
        found = _decoded(answer, WireWithdrawals).withdrawals
        # Trusting a filter that was ignored would report another client's payout as this one.
        if len(found) > 1 or any(one.idempotency_key != idempotency_key for one in found):
            raise CustodyUnavailable("The custodian's look-up answered for another key")
        if not found:
            return None
        if expecting is not None and not _is_same(found[0], expecting):
            raise KeyTaken("The custodian holds another instruction under this key")
        return _status(found[0])

    async def _read(self, target: str) -> httpx.Response:
        """GET, tried again while the custodian seems away. Raises `CustodyUnavailable`."""
        try:
            async for attempt in stamina.retry_context(
                on=(_NotSent, _NoAnswer),
                attempts=READ_ATTEMPTS_MAX,
                timeout=2 * CALL_SECONDS_MAX,
                wait_initial=0.1,
                wait_max=1.0,
                wait_jitter=0.2,
            ):
                with attempt:
                    return await self._call("GET", target)
        except (_NotSent, _NoAnswer, CircuitOpen) as error:
            raise CustodyUnavailable(f"The custodian is not answering: {error}") from error
        raise AssertionError("the loop above returns or raises")

    async def _call(
        self, method: str, target: str, *, body: bytes = b"", idempotency_key: str = ""
    ) -> httpx.Response:
        """One signed request. Raises `_NotSent`, `_NoAnswer`, `CircuitOpen`; 5xx is no answer."""
        request = self._http.build_request(method, target, content=body)
        timestamp = str(int(real_seconds()))
        request.headers[KEY_HEADER] = self._credential.id
        request.headers[TIMESTAMP_HEADER] = timestamp
        request.headers[SIGNATURE_HEADER] = sign(
            secret=self._credential.secret,
            timestamp=timestamp,
            method=method,
            target=request.url.raw_path.decode(),
            idempotency_key=idempotency_key,
            body=body,
        )
        if body:
            request.headers["Content-Type"] = "application/json"
        if idempotency_key:
            request.headers[IDEMPOTENCY_HEADER] = idempotency_key
        with self._breaker.guard(), span(f"custodian {request.method}", kind=SpanKind.CLIENT):
            async with _translated():
                answer = await self._http.send(request)
            # A gateway's 408 and any 5xx may come after the request was passed on.
            if answer.status_code >= 500 or answer.status_code == 408:
                raise _NoAnswer(f"HTTP {answer.status_code}")
            return answer


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """The HTTP library's errors, sorted by the one question that matters: was anything sent?"""
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise _NotSent(type(error).__name__) from error
    except (httpx.HTTPError, TimeoutError) as error:
        raise _NoAnswer(type(error).__name__) from error


def _outcome(answer: httpx.Response) -> PayoutStatus:
    """What an answer to a withdrawal means. Anything not understood is an unknown outcome."""
    error = _error_of(answer)
    if answer.status_code in (200, 201):
        try:
            return _status(_decoded(answer, WireWithdrawal))
        except CustodyUnavailable as unreadable:
            raise OutcomeUnknown("The custodian's answer made no sense") from unreadable
    if error is None:
        raise OutcomeUnknown(f"HTTP {answer.status_code} without the custodian's own words")
    if answer.status_code == 409:
        raise KeyTaken(f"{error.code}: {error.message}")
    if answer.status_code in (401, 403, 429):
        raise CustodyUnavailable(f"The custodian does not listen to us: {error.code}")
    if answer.status_code in REFUSALS:
        raise PayoutRefused(
            reason=f"{error.code}: {error.message}", binds_key=answer.status_code == KEPT_REFUSAL
        )
    raise OutcomeUnknown(f"HTTP {answer.status_code}: {error.code}")


def _is_same(withdrawal: WireWithdrawal, instruction: PayoutInstruction) -> bool:
    return (
        withdrawal.source_reference,
        withdrawal.destination_address,
        withdrawal.asset,
        _amount(withdrawal.amount),
    ) == (
        instruction.source_reference,
        instruction.destination_address,
        instruction.asset,
        instruction.amount,
    )


def _status(withdrawal: WireWithdrawal) -> PayoutStatus:
    return PayoutStatus(
        reference=withdrawal.id,
        state=PayoutProgress(withdrawal.state),
        reason=withdrawal.reason,
        network_fee=_amount(withdrawal.network_fee),
    )


def _decoded(answer: httpx.Response, shape: type[T]) -> T:
    if answer.status_code not in (200, 201):
        error = _error_of(answer)
        said = f": {error.code}" if error else ""
        raise CustodyUnavailable(f"The custodian answered HTTP {answer.status_code}{said}")
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except msgspec.DecodeError as error:
        raise CustodyUnavailable("The custodian's answer made no sense") from error


def _error_of(answer: httpx.Response) -> WireErrorBody | None:
    """The vendor's own error, or none: a proxy's page is not the custodian speaking."""
    if answer.status_code < 400:
        return None
    try:
        return msgspec.json.decode(answer.content, type=WireError).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _amount(text: str) -> Decimal:
    try:
        return parse_signed_amount(text, field="amount")
    except InputInvalid as error:
        raise CustodyUnavailable("The custodian wrote an amount that is none") from error
