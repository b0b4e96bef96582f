"""Every relative link in Markdown leads to a file, and to a heading where it names one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def pages() -> list[Path]:
    """The Markdown files that are tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in listed.splitlines() if (path := CHECKOUT / name).is_file())


def links(text: str) -> list[str]:
    """The targets of a page's links and pictures, without those in code."""
    return LINK.findall(CODE.sub(lambda code: " " if code[0].startswith(("```", "~~~")) else "code", text))


def anchors(text: str) -> set[str]:
    """The anchors that headings get, with a number for each one that comes again."""
    seen: dict[str, int] = {}
    result = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        result.add(f"{anchor}-{count}" if count else anchor)
    return result


def fault(page: Path, target: str) -> str:
    """What is wrong with a link, or nothing."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.is_relative_to(CHECKOUT):
        return "leads out of the repository"
    if not file.exists():
        return "leads to no file"
    if anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
        return f"{file.name} has no heading with this anchor"
    return ""


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    local = [target for target in links(page.read_text(encoding="utf-8")) if not re.match(r"https?://|mailto:", target)]
    assert not {target: problem for target in local if (problem := fault(page, target))}


def test_what_counts_as_a_link() -> None:
    text = "[a](b.md) ![`c`](d.png) `[x](y)` [e [f]](g.md#h)\n```\n[x](y)\n```\n[https](https://example.org/z)"
    assert links(text) == ["b.md", "d.png", "g.md#h", "https://example.org/z"]


def test_what_is_an_anchor() -> None:
    text = "# One, two!\n## `[models.NAME]`\n## One two\n```\n# no heading\n```\n### 2.1 [A](b.md) R-CNN\n"
    assert anchors(text) == {"one-two", "modelsname", "one-two-1", "21-a-r-cnn"}


def test_a_broken_link_is_a_fault(tmp_path: Path) -> None:
    page = CHECKOUT / "docs" / "reference" / "hooks.md"
    assert fault(page, "nothing.md") == "leads to no file"
    assert fault(page, "../../..") == "leads out of the repository"
    assert fault(page, "#nothing") == "hooks.md has no heading with this anchor"
    assert not fault(page, "manifest.md#modelsname")
