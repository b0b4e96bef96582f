from __future__ import annotations

from pathlib import Path

from vistry.data.digest import LIST_LENGTH, class_listing, finding_lines, left_out_lines, readable
from vistry.data.findings import Finding

ROOT = Path("/data")


def test_the_gravest_come_first_and_are_counted() -> None:
    small = [Finding.of("image-small", f"small {number}", f"/data/{number}.jpg") for number in range(300)]
    found = [
        *small,
        Finding.of("image-grey", "grey", "/data/a.jpg"),
        Finding.of("class-untrained", "1 class(es) have no training image: 'bird' (4)", ROOT),
        Finding.of("class-single", "one class", ROOT),
    ]
    lines = finding_lines(found, ROOT)
    assert lines == [
        "class-single: one class; add images of another class",
        "class-untrained: 1 class(es) have no training image: 'bird' (4); add training images of this class",
        "300 x image-small, such as /data/0.jpg: small 0; check that it is not a thumbnail",
    ]


def test_what_is_left_out_is_a_line_for_each_reason() -> None:
    found = [Finding.of("image-empty", "the image file has zero bytes", f"{number}.jpg") for number in range(12)]
    (line,) = left_out_lines(found)
    assert line.endswith("the image file has zero bytes and 11 more (image-empty)")


def test_a_long_list_of_classes_is_wrapped() -> None:
    text = class_listing({f"class {number}": number for number in range(80)})
    assert text.startswith("class 0 (0), class 1 (1)")
    assert text.endswith(" more")
    assert len(text) < LIST_LENGTH + 20
    assert class_listing({"x" * 80_000: 1, "y": 2}).count("x") < 50


def test_no_name_steers_a_terminal() -> None:
    assert readable("a\x1b[31mb\u202ec\ud800 é") == "a\\x1b[31mb\\u202ec\\ud800 é"
    assert "\x1b" not in class_listing({"\x1b]0;title\x07": 1})
