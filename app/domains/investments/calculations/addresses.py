"""Checksums of where money is sent: what they catch is a mistyped or mangled address.

Wallets of EVM chains: EIP-55 (https://eips.ethereum.org/EIPS/eip-55), over Keccak-256 as it was
before NIST changed its padding (https://keccak.team/keccak_specs_summary.html), which Python's
`sha3_256` is not. Bank accounts: IBAN, ISO 13616 with the check digits of ISO/IEC 7064, MOD 97-10.
"""

from __future__ import annotations

import re

EVM_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\Z", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z", re.ASCII)
_MASK = (1 << 64) - 1
_RATE_OCTETS = 136
_ROUNDS = 24
_ROTATIONS = (
    (0, 36, 3, 41, 18),
    (1, 44, 10, 45, 2),
    (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)


def checksummed(address: str) -> str:
    """An EVM address in the letters that EIP-55 gives it, whatever letters it came in.

    `address` matches `EVM_ADDRESS`.
    """
    digits = address[2:].lower()
    marks = keccak_256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit
        for digit, mark in zip(digits, marks, strict=False)
    )


def has_checksum(address: str) -> bool:
    """Whether the letters say anything: all small or all capital ones carry no checksum."""
    return address[2:] not in (address[2:].lower(), address[2:].upper())


def is_iban(text: str) -> bool:
    """Of the shape of an IBAN, without spaces, whatever its check digits are."""
    return _IBAN.match(text) is not None


def iban_checks(iban: str) -> bool:
    """Whether the check digits are right. `iban` has the shape of one."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


def keccak_256(message: bytes) -> bytes:
    """The 32 octets of Keccak-256, with the padding of the original submission."""
    padded = bytearray(message + b"\1" + b"\0" * (-(len(message) + 1) % _RATE_OCTETS))
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE_OCTETS):
        for index in range(_RATE_OCTETS // 8):
            lane = padded[start + 8 * index : start + 8 * index + 8]
            state[index % 5][index // 5] ^= int.from_bytes(lane, "little")
        _permute(state)
    return b"".join(state[x][0].to_bytes(8, "little") for x in range(4))


def _permute(state: list[list[int]]) -> None:
    """Keccak-f[1600], in place."""
    shift = 1
    for _ in range(_ROUNDS):
        columns = [column[0] ^ column[1] ^ column[2] ^ column[3] ^ column[4] for column in state]
        for x in range(5):
            parity = columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1)
            for y in range(5):
                state[x][y] ^= parity
        moved = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                moved[y][(2 * x + 3 * y) % 5] = _rotated(state[x][y], _ROTATIONS[x][y])
        for x in range(5):
            for y in range(5):
                state[x][y] = moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y] & _MASK)
        shift = _add_round_constant(state, shift)


def _add_round_constant(state: list[list[int]], shift: int) -> int:
    """The bits of the round constant come from a linear feedback shift register."""
    for power in range(7):
        if shift & 1:
            state[0][0] ^= 1 << ((1 << power) - 1)
        shift = (shift << 1) ^ (0x171 if shift & 0x80 else 0)
    return shift


def _rotated(lane: int, bits: int) -> int:
    return ((lane << bits) | (lane >> (64 - bits))) & _MASK
