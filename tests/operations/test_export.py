"""What a spreadsheet is given: no formulas, no strange names, no rows missing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.web.export import file_name, written


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_text_that_a_spreadsheet_would_compute_is_not(text: str) -> None:
    assert written([text]).strip('"').startswith(f"'{text[0]}")


def test_figures_and_times_stay_what_they_are() -> None:
    line = written([-5, Decimal("-1.50"), datetime(2026, 1, 2, 3, 4, tzinfo=UTC), None])
    assert line == "-5,-1.5,2026-01-02T03:04:00Z,\r\n"


def test_commas_and_quotes_are_quoted() -> None:
    assert written(['a,"b"', "c"]) == '"a,""b""",c\r\n'


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("deadlines breached", "deadlines-breached.csv"),
        ('x"\r\nSet-Cookie: a=b', "x-set-cookie-a-b.csv"),
        ("../../etc/passwd", "etc-passwd.csv"),
        ("", "export.csv"),
    ],
)
def test_a_file_name_says_nothing_else(name: str, wanted: str) -> None:
    assert file_name(name) == wanted
