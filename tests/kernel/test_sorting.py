"""The order of a list, and cursors that belong to it and to nothing else."""

from __future__ import annotations

import base64

import pytest

from app.kernel.errors import InputInvalid
from app.kernel.ids import new_id
from app.kernel.sorting import Place, Sorting, SortKey

THINGS = Sorting(
    keys={
        "made_at": SortKey("t.made_at", "timestamptz"),
        "name": SortKey("lower(t.name)", "text"),
        "net": SortKey("t.net", "numeric"),
        "rank": SortKey("t.rank", "integer"),
        "id": SortKey("t.id", "uuid"),
    },
    default="-made_at",
    tie="t.id",
)


class TestOrder:
    def test_is_the_default_where_none_is_asked_for(self) -> None:
        for text in (None, ""):
            assert THINGS.order(text) == THINGS.default
        assert THINGS.default.text == "-made_at"

    def test_goes_both_ways(self) -> None:
        assert THINGS.order("net").clause == "ORDER BY t.net ASC, t.id ASC"
        assert THINGS.order("-net").clause == "ORDER BY t.net DESC, t.id DESC"
        assert THINGS.order("-net").behind(Place("1", new_id()), argument=4) == (
            "(t.net, t.id) < ($4::text::numeric, $5::uuid)"
        )

    @pytest.mark.parametrize("text", ["x", "--net", "net ", "t.net", "-", "net;DROP", "\0"])
    def test_is_refused_where_it_is_none_of_the_list(self, text: str) -> None:
        with pytest.raises(InputInvalid) as refused:
            THINGS.order(text)
        [error] = refused.value.errors
        assert (error.field, error.code) == ("sort", "UNKNOWN_SORT")


class TestCursor:
    @pytest.mark.parametrize(
        ("sort", "value"),
        [
            ("-made_at", "2026-03-02 10:00:00.123456+00"),
            ("made_at", "2026-03-02 10:00:00.1+00"),
            ("made_at", "infinity"),
            ("name", "ærø „=1+1“ " * 20),
            ("net", "-12345678901234567890.123456789012345678"),
            ("rank", "7"),
        ],
    )
    def test_comes_back_as_it_went(self, sort: str, value: str) -> None:
        order, place = THINGS.order(sort), Place(value, new_id())
        cursor = order.cursor(place)
        assert cursor is not None and cursor.isascii()
        assert order.place(cursor) == place
        assert order.cursor(None) is None and order.place(None) is None

    def test_tells_nothing_to_whoever_reads_the_address(self) -> None:
        order, place = THINGS.order("net"), Place("1234567.89", new_id())
        cursor = order.cursor(place)
        assert cursor is not None
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        assert b"1234567" not in raw and b"net" not in raw
        # The same place has the same address: a page that did not change is not sent again.
        assert order.cursor(place) == cursor

    def test_is_refused_where_somebody_changed_it(self) -> None:
        order = THINGS.order("net")
        cursor = order.cursor(Place("1", new_id()))
        assert cursor is not None
        for place in range(0, len(cursor), 5):
            letter = "A" if cursor[place] != "A" else "B"
            with pytest.raises(InputInvalid, match="same order"):
                order.place(cursor[:place] + letter + cursor[place + 1 :])

    @pytest.mark.parametrize("other", ["net", "-name", "rank"])
    def test_is_refused_in_another_order(self, other: str) -> None:
        cursor = THINGS.order("name").cursor(Place("a", new_id()))
        with pytest.raises(InputInvalid, match="same order"):
            THINGS.order(other).place(cursor)

    @pytest.mark.parametrize("text", ["", "x", "é", "e30", "bnVsbA", "AA" * 2000, "019abf6b-2c1e"])
    def test_is_refused_where_it_is_nobodys(self, text: str) -> None:
        with pytest.raises(InputInvalid, match="same order"):
            THINGS.default.place(text)
