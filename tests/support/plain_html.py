"""HTML as somebody without scripts has it: what is said, what is shut away, and what is at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from lxml import html
from lxml.html import HtmlElement

# Shown by a script alone.
SHUT = ("dialog", "template")


def words_of(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def name_of(element: HtmlElement) -> str:
    """The accessible name of a button or a link."""
    return str(element.get("aria-label") or words_of(element))


def shut_away(element: HtmlElement) -> bool:
    """Whether it takes a script to see the element. A popover has a button that opens it."""
    for one in (element, *element.iterancestors()):
        if one.tag in SHUT or one.get("hidden") is not None:
            return True
        if one.get("popover") is not None and not _has_opener(one):
            return True
    return False


def _has_opener(popover: HtmlElement) -> bool:
    openers = popover.xpath("//button[@popovertarget=$id]", id=popover.get("id"))
    inside = set(popover.iterdescendants())
    return any(button not in inside and not shut_away(button) for button in openers)


def is_sent_by(button: HtmlElement) -> bool:
    return str(button.get("type", "submit")) == "submit" and button.get("disabled") is None


def faults_of(document: HtmlElement) -> Iterator[str]:
    """What is wrong with the page for whoever has no scripts, a line each."""
    ids = Counter(str(found) for found in document.xpath("//@id"))
    yield from (f"{count} elements called {found}" for found, count in ids.items() if count > 1)
    for attribute in ("aria-describedby", "aria-labelledby", "for"):
        for names in document.xpath(f"//@{attribute}"):
            lost = [name for name in str(names).split() if name not in ids]
            yield from (f"{attribute} names {name}, which is not there" for name in lost)
    for form in document.xpath("//form[not(@method='dialog')]"):
        what = html.tostring(form, encoding="unicode")[:120]
        yield from (f"{fault}: {what}" for fault in _faults_of_form(form))
    # Outside a form they would be filled in for nobody.
    for control in document.xpath("//*[self::input or self::select or self::textarea]"):
        if control.get("form") is not None or not control.xpath("ancestor::form"):
            yield f"a field of no form: {control.get('name')}"


def _faults_of_form(form: Any) -> Iterator[str]:
    if form.get("method") not in ("post", "get"):
        yield "a form without a method"
    if not form.get("action"):
        yield "a form without an action"
    if form.get("enctype") or form.get("target"):
        yield "a form that is not sent as others are"
    if shut_away(form):
        yield "a form that only a script shows"
    buttons = [button for button in form.xpath(".//button") if is_sent_by(button)]
    # A search of one field is sent with Enter.
    if not buttons and not form.xpath(".//input[@type='search']"):
        yield "a form without a button"
    if form.xpath(".//fieldset[@disabled]"):
        yield "a form with a part that is switched off"
    tokens = form.xpath(".//input[@type='hidden' and @name='csrf_token']")
    if (form.get("method") == "post") != (len(tokens) == 1):
        yield "a form without its token, or with one too many"
