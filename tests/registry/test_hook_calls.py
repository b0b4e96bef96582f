"""Hooks are asked of the model's owner, then of core; a plugin whose code can't be used says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import vistry
from vistry.errors import RegistryError
from vistry.hyperparameter.schema import Source
from vistry.plugin import hooks as specs
from vistry.plugin.calls import HOOK_NAMES, BrokenPluginError, OwnerHooks
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import WRAPPABLE_HOOKS
from vistry.testing.plugin_states import check_plugins

LayOut = Callable[..., Path]
HEAD = "from vistry.plugin import FreezingMap, hookimpl\n"
BUILD = "@hookimpl\ndef vistry_build_model(num_classes):\n    return num_classes\n"
FREEZING = "@hookimpl\ndef vistry_freezing_map(card):\n    return FreezingMap((('{prefix}' + card.name,),))\n"
WRAPS = 'wraps = ["vistry_freezing_map"]\n'
WRAPPER = (
    "@hookimpl(wrapper=True)\ndef vistry_freezing_map(card, task):\n    found = yield\n"
    "    return FreezingMap((('wrapped',), *found.groups))\n"
)


MANIFEST = run_path(str(Path(__file__).parents[1] / "conftest.py"))["MANIFEST"]


def with_head(line: str) -> str:
    """The manifest with one more line at its top."""
    return str(MANIFEST).replace("api =", f"{line}api =", 1)


def reason_of(name: str) -> tuple[str, str]:
    [plugin] = [plugin for plugin in check_plugins(Catalogue.read()) if plugin.name == name]
    assert plugin.state == "broken"
    return plugin.reason, plugin.remedy.replace(f", or go on without it: vistry plugins disable {name}", "")


def states() -> dict[str, str]:
    return {plugin.name: plugin.state for plugin in check_plugins(Catalogue.read())}


def test_the_hooks_that_can_be_wrapped_are_all_of_them() -> None:
    assert set(WRAPPABLE_HOOKS) == set(HOOK_NAMES)


def test_the_owner_answers_and_no_other_plugin(lay_out: LayOut) -> None:
    for name in ("aaa", "mmm", "zzz"):
        lay_out(name, hooks=HEAD + BUILD + FREEZING.format(prefix=name))
    for name in ("aaa", "mmm", "zzz"):
        assert vistry.layers_to_freeze(f"{name}net", "multiclass") == ((f"{name}{name}net",),)


def test_core_answers_where_the_owner_does_not(lay_out: LayOut) -> None:
    lay_out("other", hooks=HEAD + BUILD + FREEZING.format(prefix="x"))
    lay_out("plain", more='freeze = [["a.", "b."], ["c."]]\n')
    assert vistry.layers_to_freeze("plainnet", "multiclass") == (("a.", "b."), ("c.",))


def test_an_argument_may_be_left_out_and_a_new_one_breaks_nothing(lay_out: LayOut) -> None:
    lay_out("plain")
    catalogue = Catalogue.read()
    card = catalogue.model("plainnet")
    arguments: dict[str, Any] = {"card": card, "task": "image_classification", "num_classes": 7}
    built = OwnerHooks.of_model(catalogue, card).ask(
        specs.vistry_build_model, **arguments, hyperparameters={}, backend="torch", backbone=None
    )
    assert built.out_features == 7


@pytest.mark.parametrize("wrapping", ["aaa", "zzz"])
def test_a_wrapper_takes_part_whatever_its_name(lay_out: LayOut, wrapping: str) -> None:
    lay_out("mmm", hooks=HEAD + BUILD + FREEZING.format(prefix=""))
    lay_out(wrapping, manifest=with_head(WRAPS), hooks=HEAD + BUILD + WRAPPER)
    assert vistry.layers_to_freeze("mmmnet", "multiclass") == (("wrapped",), ("mmmnet",))
    assert vistry.layers_to_freeze("mmmnet") == ()


def test_a_disabled_wrapper_does_not(lay_out: LayOut, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out("mmm", hooks=HEAD + BUILD + FREEZING.format(prefix=""))
    lay_out("zzz", manifest=with_head(WRAPS), hooks="raise RuntimeError('imported')")
    monkeypatch.setenv("VISTRY_DISABLE", "zzz")
    assert vistry.layers_to_freeze("mmmnet", "multiclass") == (("mmmnet",),)


def test_a_wrapper_that_cannot_be_loaded_stops_the_call(lay_out: LayOut) -> None:
    lay_out("mmm")
    lay_out("zzz", manifest=with_head(WRAPS), hooks="raise RuntimeError('no licence')")
    with pytest.raises(BrokenPluginError, match=r"the plugin 'zzz' of vistry-zzz 1\.0 is broken: .* no licence"):
        vistry.layers_to_freeze("mmmnet", "multiclass")


@pytest.mark.parametrize(
    ("hooks", "reason", "remedy"),
    [
        (
            "raise RuntimeError('no driver')",
            "importing vistry_bad.hooks ({file}:1) raised RuntimeError: no driver",
            'to see where, type: python -c "import vistry_bad.hooks"',
        ),
        (
            "raise SystemExit('bye')",
            "importing vistry_bad.hooks ({file}:1) raised SystemExit: bye",
            'to see where, type: python -c "import vistry_bad.hooks"',
        ),
        (
            "import no_such_library",
            "importing vistry_bad.hooks ({file}:1) raised ModuleNotFoundError: No module named 'no_such_library'",
            'to see where, type: python -c "import vistry_bad.hooks"',
        ),
        (
            HEAD + BUILD.replace("model", "modle"),
            "there is no hook 'vistry_build_modle'; did you mean 'vistry_build_model'?",
            "correct {file}",
        ),
        (HEAD + BUILD.replace("@hookimpl\n", ""), "'vistry_build_model' lacks @hookimpl above it", "correct {file}"),
        (HEAD, "it has models but no hook 'vistry_build_model' to build them", "correct {file}"),
        (
            HEAD + BUILD + WRAPPER,
            "'vistry_freezing_map' wraps other plugins, but plugin.toml doesn't say so; "
            'add wraps = ["vistry_freezing_map"]',
            "correct {file}",
        ),
        (
            HEAD + BUILD + "@hookimpl\ndef vistry_default_hyperparameters(card):\n    return {}\n",
            "'vistry_default_hyperparameters' computes defaults, but plugin.toml doesn't say so; "
            "add computes_defaults = true",
            "correct {file}",
        ),
        (
            HEAD + BUILD.replace("@hookimpl", "@hookimpl(hookwrapper=True)"),
            "'vistry_build_model' is a wrapper of pluggy's old kind; "
            "write @hookimpl(wrapper=True), and return the answer",
            "correct {file}",
        ),
        (
            HEAD + BUILD.replace("@hookimpl", "@hookimpl(trylast=True)"),
            "'vistry_build_model' asks for a place with tryfirst or trylast, but plugins' names give the order",
            "correct {file}",
        ),
        (
            HEAD + BUILD.replace("num_classes", "number_of_classes"),
            "'vistry_build_model' has an argument 'number_of_classes' that the hook doesn't have; "
            "did you mean 'num_classes'?",
            "correct {file}",
        ),
    ],
)
def test_code_that_cannot_be_used(lay_out: LayOut, hooks: str, reason: str, remedy: str) -> None:
    file = lay_out("bad", hooks=hooks) / "hooks.py"
    lay_out("good")
    found = reason_of("bad")
    assert found == (reason.replace("{file}", str(file)), remedy.format(file=file))
    assert states()["good"] == "ok"


def test_a_manifest_that_names_a_missing_attribute(lay_out: LayOut) -> None:
    folder = lay_out("bad", manifest=with_head("").replace("{package}.hooks", "{package}.hooks:Missing"))
    assert reason_of("bad") == (
        "plugin.toml says hooks = \"vistry_bad.hooks:Missing\", but vistry_bad.hooks has no 'Missing'",
        f"correct {folder}/plugin.toml",
    )


def test_hooks_may_be_an_object_of_a_module(lay_out: LayOut) -> None:
    hooks = HEAD + "class Hooks:\n    @hookimpl\n    def vistry_build_model(self):\n        pass\n"
    hooks += "    @hookimpl\n    def vistry_freezing_map(self, card):\n        return FreezingMap(((card.name,),))\n"
    manifest = with_head("").replace("{package}.hooks", "{package}.hooks:hooks")
    lay_out("object", manifest=manifest, hooks=hooks + "hooks = Hooks()\n")
    catalogue = Catalogue.read()
    card = catalogue.model("objectnet")
    assert states()["object"] == "ok"
    freezing = OwnerHooks.of_model(catalogue, card).ask(specs.vistry_freezing_map, card=card, task="t")
    assert freezing.groups == (("objectnet",),)


def test_a_fault_in_an_object_of_hooks_names_the_object(lay_out: LayOut) -> None:
    manifest = with_head("").replace("{package}.hooks", "{package}.hooks:hooks")
    lay_out("bad", manifest=manifest, hooks="class Hooks: pass\nhooks = Hooks()\n")
    assert reason_of("bad")[1] == "correct vistry_bad.hooks:hooks"


class TestSchemas:
    """What a manifest says of hyperparameters is checked where it is used, and by `plugins check`."""

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            (
                "[exclude]\nmomentm = 'no'\n",
                "{manifest}:13: there is no hyperparameter 'momentm'; did you mean 'momentum'?",
            ),
            (
                "[restrict.learning_rte]\nreason = 'r'\n",
                "{manifest}:12: there is no hyperparameter 'learning_rte'; did you mean 'learning_rate'?",
            ),
            (
                "[hyperparameters.momentum]\ntype = 'number'\ndescription = 'd'\n",
                "{manifest}:12: 'momentum' means the same for every model and can't be defined again; "
                "narrow it under [restrict], or set its default under [defaults]",
            ),
            (
                "[defaults.'*']\nlearning_rate = 2\n",
                "{manifest}:13: learning_rate = 2 must be a number in [0, 1] for bad/badnet",
            ),
            (
                "[defaults.'*']\nlearning_rte = 0.2\n",
                "{manifest}:13: bad/badnet has no hyperparameter 'learning_rte'; did you mean 'learning_rate'?",
            ),
            (
                "[exclude]\nmomentum = 'no'\n[defaults.'*']\nmomentum = 0.5\n",
                "{manifest}:15: bad/badnet has no hyperparameter 'momentum'",
            ),
        ],
    )
    def test_a_manifest_that_contradicts_the_tables(self, lay_out: LayOut, more: str, message: str) -> None:
        manifest = lay_out("bad", more=more) / "plugin.toml"
        with pytest.raises(RegistryError) as caught:
            vistry.hyperparameters("badnet", "multiclass")
        assert str(caught.value) == message.format(manifest=manifest)
        assert reason_of("bad") == (str(caught.value), f"correct {manifest}")

    def test_a_narrower_range_needs_a_default_inside_it(self, lay_out: LayOut) -> None:
        more = "[restrict.training_crop_size]\nreason = 'fixed pooling'\nchoices = [192]\n"
        lay_out("bad", more=more)
        lay_out("good", more=f"{more}[defaults.'*']\ntraining_crop_size = 192\n")
        with pytest.raises(RegistryError) as caught:
            vistry.hyperparameters("badnet", "multiclass")
        assert str(caught.value).endswith(
            "classification.toml:32: training_crop_size = 224 must be 192 (fixed pooling) for bad/badnet"
        )
        field = vistry.hyperparameters("goodnet", "multiclass").fields["training_crop_size"]
        assert (field.default, field.rule) == (192, "192 (fixed pooling)")

    def test_what_a_family_narrows_adds_and_leaves_out(self, lay_out: LayOut) -> None:
        lay_out(
            "acme",
            more="restrict.number_of_epochs = { reason = 'it is huge', maximum = 20 }\n"
            "[exclude]\nweighted_loss = 'its loss has weights of its own'\n"
            "[hyperparameters.dropout]\ntype = 'number'\nminimum = 0\nbelow = 1\ndefault = 0.1\ndescription = 'd'\n"
            "[hyperparameters.boxes]\ntype = 'flag'\ndescription = 'd'\ntasks = ['image_object_detection']\n",
        )
        schema = vistry.hyperparameters("acmenet", "multiclass")
        assert schema.fields["number_of_epochs"].rule == "an integer in [1, 20] (it is huge)"
        assert schema.defaults()["dropout"] == 0.1
        assert "boxes" not in schema.fields
        source = {"weighted_loss": 1, "dropout": 1, "number_of_epochs": 21}
        with pytest.raises(vistry.VistryError) as caught:
            schema.resolve([Source.of(source, "the test")])
        assert str(caught.value).splitlines()[1:] == [
            "  - number_of_epochs: 21, from the test, must be an integer in [1, 20] (it is huge)",
            "  - dropout: 1, from the test, must be a number in [0, 1)",
            "  - weighted_loss: from the test: acmenet doesn't take it; its loss has weights of its own",
        ]
        with pytest.raises(vistry.VistryError, match=r"dropout: .* resnet50 doesn't take it; it is for acme"):
            vistry.hyperparameters("resnet50", "multiclass").resolve([Source.of({"dropout": 0.5}, "the test")])

    def test_computed_defaults_are_asked_for_and_named(self, lay_out: LayOut) -> None:
        hooks = "@hookimpl\ndef vistry_default_hyperparameters(card, task):\n    return {result}\n"
        more = "[defaults.'*']\nmomentum = 0.7\n"
        line = "computes_defaults = true\n"
        result = "{'momentum': 0.7, 'weight_decay': 0.25}"
        folder = lay_out("acme", manifest=with_head(line), more=more, hooks=HEAD + BUILD + hooks.format(result=result))
        fields = vistry.hyperparameters("acmenet", "multiclass").fields
        assert fields["weight_decay"].default == 0.25
        assert fields["weight_decay"].origin == f"vistry_default_hyperparameters of acme ({folder}/hooks.py:5)"
        assert fields["momentum"].origin == f"{folder}/plugin.toml:14"

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            ("['momentum']", "vistry_default_hyperparameters ({file}:5) returned list; "
             "return a dictionary of values by name"),
            ("{'momentum': 2}", "vistry_default_hyperparameters of acme ({file}:5): momentum = 2 must be a number "
             "in [0, 1] for acme/acmenet"),
            ("{'momentm': 0.2}", "vistry_default_hyperparameters of acme ({file}:5): acme/acmenet has no "
             "hyperparameter 'momentm'; did you mean 'momentum'?"),
            ("1 / 0", "vistry_default_hyperparameters ({file}:7) raised ZeroDivisionError: division by zero"),
        ],
    )  # fmt: skip
    def test_computed_defaults_that_cannot_be_used(self, lay_out: LayOut, result: str, message: str) -> None:
        hooks = f"@hookimpl\ndef vistry_default_hyperparameters(card, task):\n    return {result}\n"
        folder = lay_out("acme", manifest=with_head("computes_defaults = true\n"), hooks=HEAD + BUILD + hooks)
        with pytest.raises(BrokenPluginError) as caught:
            vistry.hyperparameters("acmenet", "multiclass")
        assert caught.value.reason == message.replace("{file}", str(folder / "hooks.py"))
        assert reason_of("acme")[0] == caught.value.reason


def test_a_wrapper_that_is_no_generator_is_refused_by_pluggy(lay_out: LayOut) -> None:
    hooks = HEAD + BUILD + "@hookimpl(wrapper=True)\ndef vistry_freezing_map(card):\n    return card\n"
    file = lay_out("bad", manifest=with_head(WRAPS), hooks=hooks) / "hooks.py"
    assert reason_of("bad") == (
        "Declared as wrapper=True or hookwrapper=True but function is not a generator function",
        f"correct {file}",
    )


def test_a_wrapping_plugin_answers_for_its_own_models_only(lay_out: LayOut) -> None:
    lay_out("plain", more='freeze = [["a."]]\n')
    wrapper = "@hookimpl(wrapper=True)\ndef vistry_map_weights():\n    return (yield)\n"
    hooks = HEAD + BUILD + FREEZING.format(prefix="zzz") + wrapper
    lay_out("zzz", manifest=with_head('wraps = ["vistry_map_weights"]\n'), hooks=hooks)
    assert vistry.layers_to_freeze("plainnet", "multiclass") == (("a.",),)
    assert vistry.layers_to_freeze("zzznet", "multiclass") == (("zzzzzznet",),)
