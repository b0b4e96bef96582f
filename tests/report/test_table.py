"""Cells of a table."""

from __future__ import annotations

from vistry.report.table import Number, Share, table


def test_a_table_puts_numbers_at_the_right() -> None:
    html = table(("name", "n", "share", "x"), [("a", 1204, Share(0.5), Number("7"))], sortable=True)
    assert '<td class="number">1,204</td>' in html
    assert '<td class="number share" style="--share:50.0%">0.500</td>' in html
    assert html.count('<th scope="col" class="number">') == 3
    assert "scroll tall" in table(("n",), [(number,) for number in range(40)])
