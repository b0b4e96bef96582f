"""The README shows what is so: the commands of the first run, their answers, and a plugin that is tested."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
WORDS = 800


def block(language: str, text: str) -> str:
    """The one block of code of a language that has this text in it."""
    [code] = [code for code in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if text in code]
    return str(code)


def commands_of_the_demo() -> dict[str, str]:
    """What is printed after each command of the first run, by command."""
    parts = re.split(r"^\$ vistry ", block("", "$ make demo").replace("\\\n", " "), flags=re.MULTILINE)[1:]
    return {command: printed for command, _, printed in (part.partition("\n") for part in parts)}


def demo() -> ModuleType:
    """docs/demo.py as a module, not run."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "docs" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_run_is_what_the_demo_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module, ran = demo(), []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "vistry", ran.append)
    module.main()
    assert [shlex.split(command) for command in commands_of_the_demo()] == [shlex.split(command) for command in ran]


def test_the_models_shown_are_listed() -> None:
    [(command, shown)] = [(key, value) for key, value in commands_of_the_demo().items() if key.startswith("models")]
    printed = CliRunner().invoke(main, shlex.split(command)).stdout.splitlines()
    for line in shown.strip().splitlines():
        assert any(row.startswith(line.removesuffix("...")) for row in printed), line


def is_shown(shown: str, answer: str) -> bool:
    """Whether an answer is the one shown, of which a tuple may be cut off after an element: `(1, 2, ...)`."""
    if shown.endswith(", ...)"):
        return answer.startswith(shown.removesuffix(" ...)")) and len(answer) > len(shown)
    return answer == shown


def test_the_programs_questions_have_the_answers_shown() -> None:
    names = {"vistry": vistry, "schema": vistry.hyperparameters("resnet50", "multilabel")}
    answers = 0
    for line in block("python", "max_parameters").splitlines():
        code, _, shown = line.partition("  # ")
        if shown:
            assert is_shown(shown, repr(eval(code, names))), line
            answers += 1
    assert answers == 3


def test_what_counts_as_the_answer_shown() -> None:
    assert is_shown("['a', 'b']", "['a', 'b']")
    assert not is_shown("['a', 'b']", "['a', 'b', 'c']")
    assert is_shown("(('a',), ...)", "(('a',), ('b',), ('c',))")
    assert not is_shown("(('a',), ...)", "(('a',),)")


def test_the_figures_are_those_of_the_benchmarks() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    rows = re.findall(r"^\| .* \| (.*?\d[\d.]*(?: times)?)\b.* \|$", README, re.MULTILINE)
    assert len(rows) == 4
    assert [figure for figure in rows if figure not in page] == []


def test_it_is_short() -> None:
    assert len(README.split()) < WORDS


def test_the_plugin_shown_is_the_one_that_is_tested() -> None:
    manifest = (ROOT / "tests" / "tiny_plugin" / "vistry_tiny" / "plugin.toml").read_text()
    assert [line for line in block("toml", "manifest = 1").splitlines() if line not in manifest.splitlines()] == []
    hooks = (ROOT / "tests" / "tiny_plugin" / "vistry_tiny" / "hooks.py").read_text()
    [imported] = [line for line in block("python", "hookimpl").splitlines() if line.startswith("from vistry")]
    assert imported in hooks.splitlines()


def test_core_names_no_architecture() -> None:
    families = [path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()]
    for path in (ROOT / "core" / "vistry").rglob("*"):
        if path.suffix in (".py", ".toml"):
            text = path.read_text().casefold()
            assert not [family for family in families if re.search(rf"(?<![a-z]){family}(?![a-z])", text)], path
