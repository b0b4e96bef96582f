"""Code that cites a page cites one that is there, and a numbered section that it has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
NUMBERED = ("behaviour", "yolov5")
CITATION = re.compile(rf"docs/reference/({'|'.join(NUMBERED)})\.md,\s+(\d+(?:\.\d+)?)\b")
PAGE = re.compile(r"docs/[\w/-]+\.(?:md|py|png)")


def code() -> dict[Path, str]:
    """The text of every tracked file that isn't a page, this one excepted, with comments joined over line ends."""
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    paths = [CHECKOUT / name for name in listed.splitlines()]
    return {
        path: re.sub(r"\n[ #]*", " ", path.read_text(encoding="utf-8"))
        for path in paths
        if path.suffix in (".py", ".toml", ".pyi") and path != Path(__file__) and path.is_file()
    }


def sections(name: str) -> set[str]:
    text = (CHECKOUT / "docs" / "reference" / f"{name}.md").read_text()
    return set(re.findall(r"^#+ (\d+(?:\.\d+)?) ", text, re.MULTILINE))


def test_each_citation_has_its_section() -> None:
    cited = {(name, number) for text in code().values() for name, number in CITATION.findall(text)}
    assert {name for name, _ in cited} == set(NUMBERED)
    assert not [f"{name}, {number}" for name, number in sorted(cited) if number not in sections(name)]


def test_no_citation_has_another_form() -> None:
    other = re.compile(r"[^.]{0,60}(?:behaviour (?:of the reference's product, )?\d|(?<!docs/reference/)yolov5\.md)")
    assert not {str(path): other.findall(text) for path, text in code().items() if other.search(text)}


def test_a_numbered_page_is_cited_by_section() -> None:
    for path, text in code().items():
        whole = re.findall(rf"docs/reference/(?:{'|'.join(NUMBERED)})\.md(?!,\s+\d)", text)
        assert not whole, f"{path} cites no section"


def test_each_page_that_code_names_is_there() -> None:
    for path, text in code().items():
        for name in PAGE.findall(text):
            assert (CHECKOUT / name).is_file(), f"{path} names {name}"
