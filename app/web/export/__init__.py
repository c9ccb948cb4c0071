"""A list as a file, exactly as it is filtered and in that order: CSV for programs, Excel for people.

A list says its columns once (`Sheet`); `export_of` answers a form with the file. The file is made
whole before the first byte is sent, from one snapshot of the database, in keyset batches: it is
never cut short, and no row is in it twice because somebody worked meanwhile. That it was taken out
is on the audit record.
"""

from app.web.export.answering import EXPORT_ROWS_MAX, Exports, ExportTooLong, export_of
from app.web.export.columns import Column, Sheet, amount, day, instant, text

__all__ = [
    "EXPORT_ROWS_MAX",
    "Column",
    "ExportTooLong",
    "Exports",
    "Sheet",
    "amount",
    "day",
    "export_of",
    "instant",
    "text",
]
