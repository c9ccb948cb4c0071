"""Checksums of addresses, against the published examples."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.investments.calculations.addresses import (
    checksummed,
    has_checksum,
    iban_checks,
    is_iban,
    keccak_256,
)

# https://eips.ethereum.org/EIPS/eip-55, "Test Cases".
EIP_55 = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]
# The registry of SWIFT (https://www.swift.com/standards/data-standards/iban), "IBAN examples".
IBANS = [
    "GB29NWBK60161331926819",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "CH9300762011623852957",
]


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        # The Keccak team's known answers (ShortMsgKAT_256.txt, Len = 0) and go-ethereum's "abc".
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_gives_the_published_digests(message: bytes, digest: str) -> None:
    assert keccak_256(message).hex() == digest


@given(st.binary(max_size=600))
def test_keccak_differs_from_sha3_in_its_padding_alone(message: bytes) -> None:
    """With the padding of FIPS 202 the same permutation gives Python's own SHA3-256."""
    from app.domains.investments.calculations import addresses

    state = [[0] * 5 for _ in range(5)]
    padded = bytearray(message + b"\6" + b"\0" * (-(len(message) + 1) % 136))
    padded[-1] |= 0x80
    for start in range(0, len(padded), 136):
        for index in range(17):
            lane = padded[start + 8 * index : start + 8 * index + 8]
            state[index % 5][index // 5] ^= int.from_bytes(lane, "little")
        addresses._permute(state)
    digest = b"".join(state[x][0].to_bytes(8, "little") for x in range(4))
    assert digest == hashlib.sha3_256(message).digest()


@pytest.mark.parametrize("address", EIP_55)
def test_an_address_gets_the_letters_of_eip_55(address: str) -> None:
    for given_as in (address, address.lower(), "0x" + address[2:].upper()):
        assert checksummed(given_as) == address


def test_one_case_of_letters_says_nothing() -> None:
    assert [has_checksum(address) for address in EIP_55] == [False] * 4 + [True] * 4


@given(st.sampled_from(EIP_55[4:]), st.integers(2, 41))
def test_a_letter_in_the_wrong_case_is_found(address: str, place: int) -> None:
    swapped = address[:place] + address[place].swapcase() + address[place + 1 :]
    assert (checksummed(swapped) == swapped) is (swapped == address)


@pytest.mark.parametrize("iban", IBANS)
def test_published_ibans_are_right(iban: str) -> None:
    assert is_iban(iban) and iban_checks(iban)


@given(st.sampled_from(IBANS), st.data())
def test_a_wrong_digit_or_two_swapped_are_found(iban: str, data: st.DataObject) -> None:
    """MOD 97-10 finds every single substitution of a digit, and every swap of two neighbours."""
    digits = [place for place in range(4, len(iban)) if iban[place].isdigit()]
    place = data.draw(st.sampled_from(digits))
    other = data.draw(st.sampled_from("0123456789"))
    changed = iban[:place] + other + iban[place + 1 :]
    assert iban_checks(changed) is (changed == iban)
    after = data.draw(st.integers(4, len(iban) - 2))
    swapped = iban[:after] + iban[after + 1] + iban[after] + iban[after + 2 :]
    assert iban_checks(swapped) is (swapped == iban)


@pytest.mark.parametrize("text", ["", "GB29", "gb29nwbk60161331926819", "GB29NWBK6016133192681é"])
def test_what_is_no_iban(text: str) -> None:
    assert not is_iban(text)
