"""The browser without scripts sees what it is there to see."""

from __future__ import annotations

import pytest
from lxml import html

from tests.support.plain_form import PlainForm
from tests.support.plain_html import faults_of, shut_away

TOKEN = '<input type="hidden" name="csrf_token" value="x">'
FORM = f'<form method="post" action="/a">{TOKEN}{{}}<button>Send</button></form>'


def _page(body: str) -> html.HtmlElement:
    return html.document_fromstring(f"<main>{body}</main>")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (f"<dialog>{FORM}</dialog>", "only a script shows"),
        (f"<div hidden>{FORM}</div>", "only a script shows"),
        (f'<div popover id="menu">{FORM}</div>', "only a script shows"),
        (FORM.replace("<button>", '<button type="button">'), "without a button"),
        (FORM.replace(' action="/a"', ""), "without an action"),
        (FORM.replace(' method="post"', ""), "without a method"),
        (FORM.replace(TOKEN, ""), "without its token"),
        (f"{FORM}<input name='units'>", "a field of no form: units"),
        ('<p id="one"></p><p id="one"></p>', "2 elements called one"),
        ('<label for="one">One</label>', "for names one"),
    ],
)
def test_a_page_that_needs_a_script_is_at_fault(body: str, fault: str) -> None:
    assert list(faults_of(_page(FORM))) == []
    assert any(fault in line for line in faults_of(_page(body)))


def test_a_popover_has_a_button_that_opens_it() -> None:
    page = _page(f'<button popovertarget="menu">Menu</button><div popover id="menu">{FORM}</div>')
    assert not shut_away(page.xpath("//form")[0])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("<input name='a' required>", ["fill in a"]),
        ("<textarea name='a' required></textarea>", ["fill in a"]),
        ("<input type='radio' name='a' value='1' required>", ["choose a a"]),
        ("<input name='a' maxlength='2' value='abc'>", ["too long: a"]),
        ("<input name='a' type='date' min='2026-02-01' value='2026-01-31'>", ["too early: a"]),
        ("<input name='a' type='email' value='nobody'>", ["no address: a"]),
        ("<input name='a' required disabled>", []),
    ],
)
def test_what_browsers_do_not_send_is_not_sent(field: str, wrong: list[str]) -> None:
    assert PlainForm(_page(FORM.format(field)), "Send").complaints() == wrong


def test_only_what_browsers_send_is_sent() -> None:
    fields = (
        "<input name='empty'><input name='off' value='1' disabled>"
        "<input type='checkbox' name='no' value='1'><input type='checkbox' name='yes' checked>"
        "<select name='one'><option value='1'>First</option><option value='2'>Second</option></select>"
        "<input type='datetime-local' name='at' value='2026-01-31T18:00:00+00:00'>"
    )
    form = PlainForm(
        _page(FORM.format(fields).replace("<button>", "<button name='b' value='c'>")), "Send"
    )
    assert form.pairs() == [
        ("csrf_token", "x"),
        ("empty", ""),
        ("yes", "on"),
        ("one", "1"),
        ("at", ""),
        ("b", "c"),
    ]
