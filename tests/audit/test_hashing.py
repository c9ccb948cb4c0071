"""The tree over the leaves, against the definition in RFC 6962, section 2.1."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.audit.hashing import _LEAF_FIELDS, leaf_hash, merkle_root


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962: split at the largest power of two smaller than the number of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == by_definition(leaves)


def test_a_tree_has_at_least_one_leaf() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle_root([])


_rows = st.fixed_dictionaries({name: st.none() | st.text(max_size=3) for name in _LEAF_FIELDS})


@given(_rows, _rows)
def test_different_records_have_different_leaves(
    first: dict[str, str | None], second: dict[str, str | None]
) -> None:
    assert (leaf_hash(first) == leaf_hash(second)) == (first == second)


def test_moving_a_letter_from_one_field_to_the_next_changes_the_leaf() -> None:
    row = dict.fromkeys(_LEAF_FIELDS, "")
    assert leaf_hash(row | {"action": "ab"}) != leaf_hash(
        row | {"action": "a", "subject_kind": "b"}
    )
