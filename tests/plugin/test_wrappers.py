"""Wrappers: their order, what those of defaults are given, that problems only add up, and who is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.schema import Source, schema_of
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin import hooks
from vistry.plugin.calls import BrokenPluginError, OwnerHooks
from vistry.registry.catalogue import Catalogue
from vistry.testing.plugin_states import check_plugins

DEFAULTS, CHECK, FREEZE = "vistry_default_hyperparameters", "vistry_check_hyperparameters", "vistry_freezing_map"
WRAPPER = """
@hookimpl(wrapper=True)
def {hook}({arguments}):
    before = yield
    {body}
"""
VETO = "\n@hookimpl\ndef vistry_check_hyperparameters():\n    return [Problem('momentum', 'is odd', 'lower it')]\n"
IMPORTS = "from vistry.plugin import FreezingMap, Problem\n"

Write = Callable[..., Path]


def wraps(*names: str) -> str:
    return f"wraps = {json.dumps(names)}\n"


@pytest.fixture
def wrap(write: Write, no_policy: None) -> Write:
    """Lay a plugin out that wraps a hook."""

    def write_wrapper(name: str, hook: str, body: str, arguments: str = "") -> Path:
        text = IMPORTS + WRAPPER.format(hook=hook, body=body, arguments=arguments)
        return write(name, hooks=text, head=wraps(hook))

    return write_wrapper


def problems_of(model: str) -> list[Problem]:
    catalogue = Catalogue.read()
    card = catalogue.model(model)
    values = Hyperparameters(schema_of(catalogue, card, "multiclass").explain())
    owner = OwnerHooks.of_model(catalogue, card)
    return owner.ask(hooks.vistry_check_hyperparameters, card=card, task="image_classification", hyperparameters=values)


class TestOrder:
    BODY = "return FreezingMap((*before.groups, ('{name}',)))"

    def groups(self) -> list[str]:
        return [group[0] for group in vistry.layers_to_freeze("soundnet", "multiclass")]

    def test_is_that_of_the_names_and_the_last_one_has_the_last_word(self, write: Write, wrap: Write) -> None:
        for name in ("zzz", "aaa", "mmm"):
            wrap(name, FREEZE, self.BODY.format(name=name))
        write("sound")
        assert self.groups() == ["conv.", "aaa", "mmm", "zzz"]

    def test_counts_the_owner_among_the_others(self, write: Write, wrap: Write) -> None:
        wrap("zzz", FREEZE, self.BODY.format(name="zzz"))
        text = IMPORTS + WRAPPER.format(hook=FREEZE, body=self.BODY.format(name="sound"), arguments="")
        write("sound", hooks=text, head=wraps(FREEZE))
        assert self.groups() == ["conv.", "sound", "zzz"]

    def test_may_be_changed_by_policy_which_is_shown(self, write: Write, wrap: Write, run: Any) -> None:
        for name in ("zzz", "aaa", "mmm"):
            wrap(name, FREEZE, self.BODY.format(name=name))
        write("sound")
        Path("registry.toml").write_text('[plugins]\nlast = ["vistry-mmm", "aaa"]\n')
        assert self.groups() == ["conv.", "zzz", "mmm", "aaa"]

    def test_is_shown_without_running_code(self, wrap: Write, write: Write, run: Any, capsys: Any) -> None:
        for name in ("aaa", "zzz"):
            (wrap(name, FREEZE, "return before") / "hooks.py").write_text("raise RuntimeError('imported')")
        from click.testing import CliRunner
        from vistry.cli import main

        shown = CliRunner().invoke(main, ["plugins", "show", "zzz"]).stdout
        assert "vistry_freezing_map (2 of 2: aaa -> zzz)" in shown
        assert "vistry_build_model" in shown
        facts = json.loads(CliRunner().invoke(main, ["plugins", "show", "aaa", "--json"]).stdout)["plugin"]
        assert facts["wraps"] == [{"hook": FREEZE, "order": ["aaa", "zzz"]}]
        assert facts["implements"] == ["vistry_build_model"]


class TestDefaults:
    def test_a_wrapper_is_given_every_default_and_is_named_for_what_it_changes(self, write: Write, wrap: Write) -> None:
        body = "return {**before, 'learning_rate': before['learning_rate'] / 2, 'number_of_epochs': 7}"
        write("sound")
        before = vistry.hyperparameters("soundnet", "multiclass")
        file = wrap("house", DEFAULTS, body) / "hooks.py"
        after = vistry.hyperparameters("soundnet", "multiclass")
        assert after.defaults() == {
            **before.defaults(),
            "learning_rate": before.defaults()["learning_rate"] / 2,  # type: ignore[operator]
            "number_of_epochs": 7,
        }
        changed = {name for name, field in after.fields.items() if field.origin != before.fields[name].origin}
        assert changed == {"learning_rate", "number_of_epochs"}
        line = file.read_text().splitlines().index("@hookimpl(wrapper=True)") + 1
        assert after.fields["learning_rate"].origin == f"{DEFAULTS} of house ({file}:{line})"

    def test_what_it_leaves_out_stays(self, write: Write, wrap: Write) -> None:
        write("sound")
        wrap("house", DEFAULTS, "return {'momentum': 0.5}")
        defaults = vistry.hyperparameters("soundnet", "multiclass").defaults()
        assert (defaults["momentum"], defaults["training_crop_size"]) == (0.5, 16)

    def test_each_is_given_what_the_one_before_made_of_it(self, write: Write, wrap: Write) -> None:
        write("sound")
        wrap("aaa", DEFAULTS, "return {**before, 'momentum': 0.5}")
        wrap("bbb", DEFAULTS, "return {**before, 'weight_decay': before['momentum'] / 2}")
        fields = vistry.hyperparameters("soundnet", "multiclass").fields
        assert (fields["momentum"].default, fields["weight_decay"].default) == (0.5, 0.25)
        assert "of aaa (" in fields["momentum"].origin
        assert "of bbb (" in fields["weight_decay"].origin

    def test_a_value_that_is_set_is_never_changed(self, write: Write, wrap: Write) -> None:
        write("sound")
        wrap("house", DEFAULTS, "return {**before, 'momentum': 0.5}")
        resolved = vistry.hyperparameters("soundnet", "multiclass").resolve([Source.of({"momentum": 0.8}, "the call")])
        assert resolved["momentum"] == 0.8

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (
                "return {**before, 'learning_rate': 7}",
                "learning_rate = 7 must be a number in [0, 1] for sound/soundnet",
            ),
            ("return {**before, 'learning_rte': 0.1}", "has no hyperparameter 'learning_rte'; did you mean"),
            ("return {**before, 'momentum': None}", "momentum = null must be a number in [0, 1]"),
            ("return [before]", "returned list; return a dictionary of values by name"),
            ("return 1 / 0", "raised ZeroDivisionError"),
            ("yield", "yields twice"),
        ],
    )
    def test_a_wrapper_that_is_wrong_is_named_and_found_by_the_check(
        self, body: str, said: str, write: Write, wrap: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        installed = [plugin.name for plugin in Catalogue.read().plugins]
        monkeypatch.setenv("VISTRY_DISABLE", ",".join(installed))  # the check asks a wrapper about each model in use
        write("sound")
        file = wrap("house", DEFAULTS, body) / "hooks.py"
        wrap("other", DEFAULTS, "return before")
        with pytest.raises(BrokenPluginError) as caught:
            vistry.hyperparameters("soundnet", "multiclass")
        assert caught.value.plugin.name == "house"
        assert said in caught.value.reason
        assert f"({file}:" in caught.value.reason
        states = {plugin.name: plugin for plugin in check_plugins(Catalogue.read())}
        assert {name: plugin.state for name, plugin in states.items() if plugin.state != "ok" and name in (
            "house", "other", "sound"
        )} == {"house": "broken"}  # fmt: skip
        assert said.partition(" for ")[0] in states["house"].reason


class TestVetoes:
    @pytest.mark.parametrize(
        "body",
        [
            "return []",
            "before.clear(); return before",
            "return [problem for problem in before if problem.severity == 'warning']",
            "from dataclasses import replace; return [replace(one, severity='warning') for one in before]",
        ],
    )
    def test_a_wrapper_takes_none_back(self, body: str, write: Write, wrap: Write) -> None:
        write("sound", hooks=IMPORTS + VETO)
        wrap("mild", CHECK, body)
        wrap("strict", CHECK, "return [*before, Problem('weights', 'are forbidden')]")
        wrap("zzz", CHECK, body)
        found = problems_of("soundnet")
        errors = [(problem.field, problem.plugin) for problem in found if problem.severity == "error"]
        assert errors == [("momentum", "sound"), ("weights", "strict")]

    def test_a_veto_names_its_plugin(self, write: Write, wrap: Write, train: Any) -> None:
        write("sound")
        wrap("house", CHECK, "return [*before, Problem('weights', 'are forbidden', 'leave them out')]")
        said = train("soundnet").text
        assert "  - weights: are forbidden, says the plugin 'house'; leave them out" in said

    def test_each_problem_is_told_once(self, write: Write, wrap: Write) -> None:
        write("sound", hooks=IMPORTS + VETO)
        wrap("polite", CHECK, "return [*before, *before]")
        assert len(problems_of("soundnet")) == 1

    def test_a_wrapper_may_clean_up_after_an_error(self, write: Write, wrap: Write) -> None:
        write("sound", hooks="\n@hookimpl\ndef vistry_freezing_map():\n    raise OSError('gone')\n")
        body = "return before"
        folder = wrap("house", FREEZE, body)
        text = (folder / "hooks.py").read_text().replace("    before = yield\n", "    try:\n        before = yield\n"
        "    finally:\n        print('cleaned')\n")  # fmt: skip
        (folder / "hooks.py").write_text(text)
        with pytest.raises(BrokenPluginError, match="'sound' .* raised OSError: gone"):
            vistry.layers_to_freeze("soundnet", "multiclass")

    def test_out_of_range_values_of_a_user_are_told_before(self, write: Write, wrap: Write) -> None:
        write("sound")
        wrap("house", CHECK, "return before")
        with pytest.raises(HyperparameterError, match="learning_rate: 7, from the call"):
            vistry.hyperparameters("soundnet", "multiclass").resolve([Source.of({"learning_rate": 7}, "the call")])
