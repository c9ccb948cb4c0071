"""A form as somebody without scripts fills it in: by the labels of its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from tests.support.plain_html import is_sent_by, name_of, shut_away, words_of

_TEXTS = frozenset({"text", "search", "email", "password", "date", "datetime-local"})
# What browsers take for a value of such a field; anything else they throw away.
_PARSERS = {"date": date.fromisoformat, "datetime-local": datetime.fromisoformat}


class PlainForm:
    """The form of a page that has this button, with what stands in its fields.

    `to`: the path that it is sent to, where several have such a button.
    """

    def __init__(self, document: HtmlElement, button: str, *, to: str = "") -> None:
        found = [
            one
            for one in document.xpath("//form//button")
            if re.match(rf"{re.escape(button)}\b", name_of(one)) and to in ("", _address_of(one))
        ]
        names = [name_of(one) for one in document.xpath("//form//button")]
        assert len(found) == 1, f"{len(found)} of {button!r} {to} among {names}"
        self.name, self.to = button, to
        self.button: HtmlElement = found[0]
        assert is_sent_by(self.button) and not shut_away(self.button), button
        self.element: Any = _form_of(self.button)
        self.typed: dict[str, str] = {}
        self.chosen: list[str] = []
        for control in self._texts():
            control.value = _kept_by_browsers(control, control.value or "")

    @property
    def address(self) -> str:
        return _address_of(self.button)

    @property
    def path(self) -> str:
        return urlsplit(self.address).path

    def fill(self, fields: Mapping[str, str]) -> PlainForm:
        """Write into fields, by their labels; of a list, choose the option of that text."""
        for label, text in fields.items():
            control = self._labelled(label, checkable=False)
            if control.tag == "select":
                control.value = _value_of(control, text)
            else:
                control.value = _kept_by_browsers(control, text)
                assert control.value == text, f"no browser takes {text!r} for {label}"
            self.typed[label] = text
        return self

    def choose(self, label: str, *, ticked: bool = True) -> PlainForm:
        """One of several, or a box."""
        control = self._labelled(label, checkable=True)
        assert control.get("disabled") is None, label
        if control.type == "radio":
            for other in self.element.xpath(".//input[@name=$name]", name=control.name):
                other.checked = False
        control.checked = ticked
        if ticked:
            self.chosen.append(label)
        return self

    def value(self, label: str) -> str:
        control = self._labelled(label, checkable=False)
        if control.tag == "select":
            return _option_of(control, control.value)
        return str(control.value)

    def is_chosen(self, label: str) -> bool:
        return bool(self._labelled(label, checkable=True).checked)

    def boxes(self) -> dict[str, bool]:
        """What may be ticked or not, by label; not what is always so."""
        boxes = [one for one in self._checkables() if one.type == "checkbox"]
        return {words_of(one.label): bool(one.checked) for one in boxes}

    def again(self, document: HtmlElement) -> PlainForm:
        """The same form on another page, such as the one that refused it."""
        return PlainForm(document, self.name, to=self.to)

    def pairs(self) -> list[tuple[str, str]]:
        """Names and values as they are sent: of what is switched off or not ticked, none."""
        pressed = self.button.get("name")
        own = [(pressed, self.button.get("value", ""))] if pressed else []
        return [*self.element.form_values(), *own]

    def complaints(self) -> list[str]:
        """What a browser asks to be mended before it sends anything."""
        found = []
        chosen = {one.name for one in self._checkables() if one.checked}
        for control in self._checkables():
            if control.get("required") is not None and control.name not in chosen:
                found.append(f"choose a {control.name}")
        for control in self._texts():
            value = control.value or ""
            if control.get("required") is not None and not value:
                found.append(f"fill in {control.name}")
            if len(value) > int(control.get("maxlength", len(value))):
                found.append(f"too long: {control.name}")
            if control.get("min") and value and value < control.get("min"):
                found.append(f"too early: {control.name}")
            if control.get("type") == "email" and value and "@" not in value:
                found.append(f"no address: {control.name}")
        return found

    def _texts(self) -> list[Any]:
        inputs = [one for one in self.element.iter("input") if (one.type or "text") in _TEXTS]
        return [one for one in [*inputs, *self.element.iter("textarea")] if _is_on(one)]

    def _checkables(self) -> list[Any]:
        return [one for one in self.element.iter("input") if one.checkable and _is_on(one)]

    def _labelled(self, label: str, *, checkable: bool) -> Any:
        """By the label's words, or by those it begins with where no other does."""
        controls = [
            one
            for one in self.element.inputs
            if one.label is not None and getattr(one, "checkable", False) == checkable
        ]
        exact = [one for one in controls if words_of(one.label) == label]
        found = exact or [one for one in controls if words_of(one.label).startswith(label)]
        assert len(found) == 1, f"{len(found)} fields {label!r} for {self.name!r}"
        return found[0]


def _is_on(control: Any) -> bool:
    return control.get("disabled") is None


def _value_of(select: Any, text: str) -> str:
    (value,) = (one.get("value") for one in select.iter("option") if words_of(one) == text)
    return str(value)


def _option_of(select: Any, value: str) -> str:
    (text,) = (words_of(one) for one in select.iter("option") if one.get("value") == value)
    return text


def _form_of(button: HtmlElement) -> Any:
    return button.xpath("ancestor::form[1]")[0]


def _address_of(button: HtmlElement) -> str:
    return str(button.get("formaction") or _form_of(button).get("action"))


def _kept_by_browsers(control: Any, text: str) -> str:
    parse = _PARSERS.get(control.get("type", ""))
    if parse is None or not text:
        return text
    try:
        parsed = parse(text)
    except ValueError:
        return ""
    return "" if isinstance(parsed, datetime) and parsed.tzinfo else text
