"""What a page says in figures, read from its HTML: each amount, and each number that is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser

# Digits in groups, or with at least two decimals; rates are told in percent.
NUMBER = re.compile(r"(?<![\w.,:/-])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d{2,})(?![\w%.:-])")
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"})
# What nobody reads as a figure, and what tells how one came about.
_SILENT = frozenset({"script", "style", "code", "del", "ins", "title"})


@dataclass
class Amount:
    """`how` is explained, recorded:<of what>, stated, step, input or shown."""

    how: str
    value: Decimal
    address: str


@dataclass
class Figures:
    """`loose` are numbers in the text outside any amount and outside explanations."""

    amounts: list[Amount] = field(default_factory=list)
    loose: list[Decimal] = field(default_factory=list)
    agrees: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Figures()
        self._open: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "data-agrees" in given:
            self.found.agrees.append(given["data-agrees"])
        if "data-amount" in given:
            value = given["title"].split(" ")[0].replace(",", "").replace("−", "-")
            links = [a["href"] for name, a in self._open if name == "a" and "data-explain" in a]
            self.found.amounts.append(
                Amount(given["data-amount"], Decimal(value), links[-1] if links else "")
            )
        if tag not in _VOID:
            self._open.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag, given in self._open:
            if (
                tag in _SILENT
                or "data-amount" in given
                or "data-computed" in given
                or "data-told" in given
            ):
                return
        self.found.loose += [Decimal(number.replace(",", "")) for number in NUMBER.findall(data)]


def figures_of(html: str) -> Figures:
    reader = _Reader()
    reader.feed(html)
    return reader.found
