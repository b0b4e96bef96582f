"""The README's Python answers are the ones it shows."""

from __future__ import annotations

import re
from pathlib import Path

import vistry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_programs_questions_have_the_answers_shown() -> None:
    block = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "max_parameters" in block)
    for line in block.splitlines():
        code, _, shown = line.partition("  # ")
        if shown.startswith(("[", "(", "0")):
            found = repr(eval(code, {"vistry": vistry, "schema": vistry.hyperparameters("resnet50", "multilabel")}))
            assert found.startswith(shown.removesuffix(", ...)").removesuffix("]")), line


def test_the_plugin_shown_is_the_one_that_is_tested() -> None:
    manifest = (ROOT / "tests" / "tiny_plugin" / "vistry_tiny" / "plugin.toml").read_text()
    block = next(block for block in re.findall(r"```toml\n(.*?)```", README, re.S) if "manifest = 1" in block)
    for line in block.splitlines():
        assert line in manifest


def test_every_page_it_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_core_names_no_architecture() -> None:
    families = [path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()]
    for path in (ROOT / "core" / "vistry").rglob("*"):
        if path.suffix in (".py", ".toml"):
            text = path.read_text().casefold()
            assert not [family for family in families if re.search(rf"(?<![a-z]){family}(?![a-z])", text)], path
