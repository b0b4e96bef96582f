"""docs/reference/hooks.md has every hook as it is, and its examples are a plugin that passes the checks."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.plugin import hooks, manifest_answers
from vistry.plugin.calls import HOOK_NAMES
from vistry.task import hook_answers
from vistry.testing import check_runs_of

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "hooks.md").read_text()
SECTIONS = dict(re.findall(r"^## (vistry_\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
WritePlugin = Callable[..., Path]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def joined(text: str) -> str:
    """The text of a section without line breaks and marks."""
    return " ".join(text.replace("*", "").split())


def test_every_hook_has_its_section_in_the_order_of_the_code() -> None:
    assert list(SECTIONS) == list(HOOK_NAMES)


@pytest.mark.parametrize("name", HOOK_NAMES)
def test_arguments_and_return_are_those_of_the_code(name: str) -> None:
    [printed] = ast.parse(blocks(SECTIONS[name])[0]).body
    real = inspect.signature(getattr(hooks, name))
    assert isinstance(printed, ast.FunctionDef)
    assert printed.name == name
    arguments = [(argument.arg, ast.unparse(argument.annotation or ast.Constant(""))) for argument in printed.args.args]
    assert arguments == [(word, parameter.annotation) for word, parameter in real.parameters.items()]
    assert ast.unparse(printed.returns or ast.Constant("")) == real.return_annotation


@pytest.mark.parametrize("name", HOOK_NAMES)
def test_the_section_says_what_it_does_when_and_what_happens_without_it(name: str) -> None:
    section = joined(SECTIONS[name])
    first_paragraph = (inspect.getdoc(getattr(hooks, name)) or "").partition("\n\n")[0]
    assert joined(first_paragraph).rstrip(".") in section
    assert " Called " in section
    fallback = getattr(manifest_answers, name, None) or getattr(hook_answers, name, None)
    if fallback is None:
        assert name in ("vistry_build_model", "vistry_build_feature_maps", "vistry_build_exportable")
        assert re.search(
            r"If there is none, (models can't be built|nothing can be built|the module itself is exported)", section
        )
    else:
        assert f"If there is none: {inspect.getdoc(fallback)}" in section


def test_each_argument_is_explained_once() -> None:
    explained = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    used = dict.fromkeys(word for name in HOOK_NAMES for word in inspect.signature(getattr(hooks, name)).parameters)
    assert explained == list(used)


@pytest.mark.parametrize("name", HOOK_NAMES)
def test_the_docstring_documents_each_argument(name: str) -> None:
    hook = getattr(hooks, name)
    arguments = (inspect.getdoc(hook) or "").partition("Args:\n")[2]
    assert re.findall(r"^    (\w+): .", arguments, re.MULTILINE) == list(inspect.signature(hook).parameters)


@pytest.mark.parametrize("name", HOOK_NAMES)
def test_the_example_is_of_that_hook(name: str) -> None:
    defined = [item.name for item in ast.parse(blocks(SECTIONS[name])[1]).body if isinstance(item, ast.FunctionDef)]
    assert defined == [name]


def test_the_examples_together_are_a_plugin_that_passes_the_checks(plugin: WritePlugin) -> None:
    computing = 'api = "1.0"\ncomputes_defaults = true\ncomputes_kernels = true'
    folder = plugin(("plugin.toml", 'api = "1.0"', computing))
    (folder / "vistry_mynet" / "hooks.py").write_text("\n\n".join(blocks(SECTIONS[name])[1] for name in HOOK_NAMES))
    results = [trial.result() for trial in check_runs_of("mynet")]
    assert {result.check: result.reason for result in results if result.status == "failed"} == {}
    assert vistry.hyperparameters("mynet", "multiclass").defaults()["learning_rate"] == 0.02


def test_the_wrapper_changes_the_answer(plugin: WritePlugin) -> None:
    [declared] = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [wrapper] = re.findall(r"<!-- checked: a wrapper -->\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    plugin()
    folder = plugin(("plugin.toml", 'api = "1.0"\n', f'api = "1.0"\n{declared}'), name="house")
    (folder / "vistry_house" / "hooks.py").write_text(
        f"{(folder / 'vistry_house' / 'hooks.py').read_text()}\n\n{wrapper}"
    )
    assert vistry.hyperparameters("mynet", "multiclass").defaults()["early_stopping_patience"] == 10
