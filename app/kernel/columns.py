"""Column helpers. Piccolo invents data where a value is left out (0, '', now(), CASCADE);
these invent nothing: a column without a value is NULL, or the database refuses the row.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from piccolo.columns import (
    JSONB,
    Array,
    BigInt,
    Boolean,
    Bytea,
    Date,
    Numeric,
    Text,
    Time,
    Timestamptz,
)
from piccolo.columns import UUID as PiccoloUUID
from piccolo.columns.base import Column

NUMERIC_DIGITS = (38, 18)


class NoDefault:
    """Mixed into a Piccolo column: it may be required and still have no default."""

    def _validate_default(self, *_: Any, **__: Any) -> bool:
        return True


class _Identifier(NoDefault, PiccoloUUID):
    pass


class _Words(NoDefault, Text):
    pass


class _Amount(NoDefault, Numeric):
    pass


class _Instant(NoDefault, Timestamptz):
    pass


class _Day(NoDefault, Date):
    pass


class _TimeOfDay(NoDefault, Time):
    pass


class _Whole(NoDefault, BigInt):
    pass


class _Flag(NoDefault, Boolean):
    pass


class _Json(NoDefault, JSONB):
    pass


class _Bytes(NoDefault, Bytea):
    pass


class _List(NoDefault, Array):
    pass


def identifier(*, null: bool = False, primary_key: bool = False) -> Column:
    """A UUID; foreign keys are composite with the tenant and stand in the migration."""
    return _Identifier(default=None, null=null, primary_key=primary_key)


def words(*, null: bool = False, primary_key: bool = False) -> Column:
    return _Words(default=None, null=null, primary_key=primary_key)


def choice(_: type[Enum], *, null: bool = False) -> Column:
    """Text that the migration limits to the enum's values with a CHECK."""
    return _Words(default=None, null=null)


def amount(*, null: bool = False) -> Column:
    """numeric(38,18); the migration's CHECK refuses NaN."""
    return _Amount(digits=NUMERIC_DIGITS, default=None, null=null)


def instant(*, null: bool = False) -> Column:
    return _Instant(default=None, null=null)


def day(*, null: bool = False) -> Column:
    return _Day(default=None, null=null)


def time_of_day(*, null: bool = False) -> Column:
    return _TimeOfDay(default=None, null=null)


def whole(*, null: bool = False, primary_key: bool = False) -> Column:
    return _Whole(default=None, null=null, primary_key=primary_key)


def flag(*, null: bool = False) -> Column:
    return _Flag(default=None, null=null)


def json(*, null: bool = False) -> Column:
    """Written with SQL only: the driver encodes it, Piccolo would encode it twice."""
    return _Json(default=None, null=null)


def octets(*, null: bool = False, primary_key: bool = False) -> Column:
    return _Bytes(default=None, null=null, primary_key=primary_key)


def amount_list(*, null: bool = False) -> Column:
    return _List(base_column=Numeric(digits=NUMERIC_DIGITS), default=None, null=null)


def words_list(*, null: bool = False) -> Column:
    return _List(base_column=Text(), default=None, null=null)
