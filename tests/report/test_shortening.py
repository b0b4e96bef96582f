"""Names cut by their width."""

from __future__ import annotations

from vistry.report.shortening import shortened, width_of


def test_names_are_cut_by_their_width() -> None:
    assert shortened("daisy", 5) == "daisy"
    assert shortened("dandelion", 5) == "dand\N{HORIZONTAL ELLIPSIS}"
    assert width_of("\u65e5\u672c") == 4
    assert shortened("\u65e5\u672c\u8a9e", 5) == "\u65e5\u672c\N{HORIZONTAL ELLIPSIS}"
    assert width_of("e\N{COMBINING ACUTE ACCENT}") == 1
