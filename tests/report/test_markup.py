"""Elements and what is escaped in them."""

from __future__ import annotations

from markupsafe import Markup
from vistry.report.markup import element, name_of


def test_elements_are_escaped() -> None:
    assert (
        element("p", "a < b", class_="x", data_name='"', hidden=None) == '<p class="x" data-name="&#34;">a &lt; b</p>'
    )
    assert element("p", Markup("<b>"), 3) == "<p><b>3</p>"
    assert element("img", src="data:,") == '<img src="data:,">'
    assert name_of("y" * 60).startswith(f'<bdi title="{"y" * 60}">yyy')
