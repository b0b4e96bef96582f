"""Which model a name means, which models match, and what is said when none does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.errors import RegistryError
from vistry.registry.catalogue import Catalogue
from vistry.registry.unmatched_policy import notices

LayOut = Callable[..., Path]


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(RegistryError) as caught:
        call()
    return str(caught.value)


def policy(text: str) -> None:
    Path("registry.toml").write_text(text)


def states() -> dict[str, str]:
    return {plugin.distribution: plugin.state for plugin in vistry.plugins()}


def names(**filters: Any) -> list[str]:
    return [card.name for card in vistry.models(**filters) if card.family in ("mobilenetv2", "resnet", "third")]


@pytest.fixture
def third(lay_out: LayOut) -> None:
    lay_out("third", more='backends = ["jax"]\ntasks = ["image_object_detection"]\n')


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["mobilenetv2", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "thirdnet"]),
        ({"task": "detection"}, ["thirdnet"]),
        ({"task": "image_object_detection"}, ["thirdnet"]),
        ({"family": "mobilenetv2"}, ["mobilenetv2"]),
        ({"backend": "jax", "family": "third"}, ["thirdnet"]),
        ({"name": "*50*"}, ["resnet50"]),
        ({"name": "resnet1?"}, ["resnet18"]),
        ({"name": "third/*"}, ["thirdnet"]),
        ({"name": "RESNET50"}, []),
        ({"max_parameters": 3504872}, ["mobilenetv2", "thirdnet"]),
        ({"license": "mit"}, ["thirdnet"]),
        ({"family": "resnet", "max_parameters": 22_000_000, "name": "*34"}, ["resnet34"]),
        ({"license": "GPL-3.0"}, []),
        ({"task": None, "name": None, "family": "third"}, ["thirdnet"]),
    ],
)
@pytest.mark.usefixtures("third")
def test_filters(filters: dict[str, Any], expected: list[str]) -> None:
    assert names(**filters) == expected


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"tasks": "multiclass"}, "there is no filter 'tasks'; did you mean 'task'?"),
        ({"task": "multi-class"}, "there is no task 'multi-class'; did you mean 'multiclass'?"),
        ({"family": "resnets"}, "there is no family 'resnets'; did you mean 'resnet'?"),
        ({"backend": "tensorflow"}, "there is no backend 'tensorflow'; known: torch, jax"),
        ({"max_parameters": "many"}, "max_parameters = 'many' must be an integer of at least 1"),
        ({"max_parameters": True}, "max_parameters = True must be an integer of at least 1"),
        ({"max_parameters": 0}, "max_parameters = 0 must be an integer of at least 1"),
    ],
)
def test_a_filter_that_means_nothing_is_an_error(filters: dict[str, Any], message: str) -> None:
    assert error_of(lambda: vistry.models(**filters)) == message


def test_a_model_by_short_name_full_name_and_alias() -> None:
    policy('[aliases]\nmine = "resnet18"\nyours = "resnet/resnet34"\n')
    assert vistry.model("resnet50") == vistry.model("resnet/resnet50")
    assert vistry.model("mine").name == "resnet18"
    assert vistry.model("yours").name == "resnet34"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnt50", "there is no model 'resnt50'; did you mean 'resnet50'?"),
        ("resnet/resnt50", "there is no model 'resnet/resnt50'; did you mean 'resnet/resnet50'?"),
        (
            "mine",
            "there is no model 'resnte18' (what 'mine' means in {cwd}/registry.toml:2); did you mean 'resnet18'?",
        ),
    ],
)
def test_a_name_that_means_nothing(name: str, message: str) -> None:
    policy('[aliases]\nmine = "resnte18"\n')
    assert error_of(lambda: vistry.model(name)) == message.format(cwd=Path.cwd())


def test_a_name_in_a_plugin_that_is_not_in_use(lay_out: LayOut) -> None:
    lay_out("third", more="licence = 1\n")
    policy('[plugins]\ndisable = ["resnet"]\n')
    assert error_of(lambda: vistry.model("resnet50")) == (
        f"the model 'resnet50' is in the plugin 'resnet', which is disabled by {Path.cwd()}/registry.toml:2; "
        "type: vistry plugins enable resnet"
    )
    assert error_of(lambda: vistry.model("thirdnet")).endswith(
        "; and third can't be used, to see why type: vistry plugins"
    )


def test_no_models_at_all() -> None:
    catalogue = Catalogue.of([], Catalogue.read().policy)
    message = "there is no model 'resnet50': no plugin with models is in use; type: vistry plugins"
    assert error_of(lambda: catalogue.model("resnet50")) == message
    assert catalogue.models() == []
    assert error_of(lambda: catalogue.plugin("x")) == "no plugin 'x' is installed"


class TestTwoPluginsWithOneModel:
    @pytest.fixture(autouse=True)
    def _rivals(self, lay_out: LayOut) -> None:
        lay_out("one", model="shared", more='[models.own]\nsummary = "s"\nparameters = 1\n')
        lay_out("two", model="shared")

    def test_the_short_name_is_an_error_that_settles_it(self) -> None:
        assert error_of(lambda: vistry.model("shared")) == (
            "two plugins offer a model 'shared': one/shared of vistry-one and two/shared of vistry-two; choose one in "
            'registry.toml:\n[prefer]\n"shared" = "one"'
        )
        assert (states()["vistry-one"], states()["vistry-two"]) == ("conflict", "conflict")

    def test_everything_else_works(self) -> None:
        assert vistry.model("two/shared").distribution == "vistry-two"
        assert vistry.model("own").family == "one"
        assert {card.full_name for card in vistry.models(name="shared")} == {"one/shared", "two/shared"}

    @pytest.mark.parametrize("winner", ["two", "vistry-two"])
    def test_a_preference_settles_it(self, winner: str) -> None:
        policy(f'[prefer]\nshared = "{winner}"\n')
        assert vistry.model("shared").family == "two"
        assert vistry.model("one/shared").family == "one"
        assert (states()["vistry-one"], states()["vistry-two"]) == ("ok", "ok")

    def test_an_alias_settles_it(self) -> None:
        policy('[aliases]\nshared = "two/shared"\n')
        assert vistry.model("shared").family == "two"

    def test_disabling_one_settles_it(self) -> None:
        policy('[plugins]\ndisable = ["vistry-one"]\n')
        assert vistry.model("shared").family == "two"
        assert states()["vistry-two"] == "ok"

    def test_a_preference_for_nobody_is_named_in_the_error(self) -> None:
        policy('[prefer]\nshared = "three"\n')
        assert f"; {Path.cwd()}/registry.toml:2 prefers 'three', a name that none of them has; choose one" in error_of(
            lambda: vistry.model("shared")
        )
        [plugin] = [plugin for plugin in vistry.plugins() if plugin.name == "one"]
        assert plugin.reason == (
            f"vistry-two offers shared too, and {Path.cwd()}/registry.toml:2 prefers 'three', which decides nothing"
        )

    def test_overridden_defaults_of_the_short_name_are_the_winners(self) -> None:
        policy('[prefer]\nshared = "two"\n[models.shared.defaults."*"]\nmomentum = 0.5\n')
        for family, momentum in (("one", 0.9), ("two", 0.5)):
            assert vistry.hyperparameters(f"{family}/shared", "multiclass").defaults()["momentum"] == momentum


class TestTwoPluginsWithOneName:
    @pytest.fixture(autouse=True)
    def _twins(self, lay_out: LayOut) -> None:
        lay_out("twin", distribution="vistry-a", model="shared", more='[models.own]\nsummary = "s"\nparameters = 1\n')
        lay_out("twin", distribution="vistry-b", model="shared")

    @pytest.mark.parametrize("name", ["shared", "twin/shared"])
    def test_neither_name_of_the_model_is_unique(self, name: str) -> None:
        assert error_of(lambda: vistry.model(name)) == (
            f"two plugins offer a model '{name}': twin/shared of vistry-a and twin/shared of vistry-b; choose one in "
            'registry.toml:\n[prefer]\n"shared" = "vistry-a"'
        )

    def test_a_preference_for_the_common_name_settles_nothing(self) -> None:
        policy('[prefer]\nshared = "twin"\n')
        assert "registry.toml:2 prefers 'twin', a name that both have; choose" in error_of(
            lambda: vistry.model("shared")
        )

    def test_a_preference_for_a_distribution_settles_it(self) -> None:
        policy('[prefer]\nshared = "vistry-b"\n')
        assert vistry.model("twin/shared").distribution == "vistry-b"
        assert vistry.model("twin/own").distribution == "vistry-a"
        assert len(vistry.models(name="shared")) == 1

    def test_the_plugin_is_asked_for_by_its_distribution(self) -> None:
        catalogue = Catalogue.read()
        assert error_of(lambda: catalogue.plugin("twin")) == (
            "two plugins are called 'twin': name the distribution, vistry-a or vistry-b"
        )
        assert catalogue.plugin("vistry-a").models == ("shared", "own")


def test_a_distribution_with_two_plugins(lay_out: LayOut) -> None:
    entries = "[vistry.plugins]\nleft = vistry_left:plugin.toml\nright = vistry_left:plugin.toml\n"
    lay_out("left", entry_points=entries)
    catalogue = Catalogue.read()
    assert catalogue.plugin("right").name == "right"
    assert error_of(lambda: catalogue.plugin("vistry-left")) == (
        "vistry-left brings more than one plugin: name one, left or right"
    )
    assert error_of(lambda: catalogue.plugin("rigth")) == ("no plugin 'rigth' is installed; did you mean 'right'?")


class TestTheDefaultModel:
    @pytest.fixture(autouse=True)
    def _no_other_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VISTRY_DISABLE", "seresnext")

    def test_a_plugin_says_so(self, lay_out: LayOut) -> None:
        lay_out("one", more='default_for = ["image_classification"]\n')
        found = Catalogue.read().default_model("image_classification")
        assert found is not None
        assert found.full_name == "one/onenet"

    def test_two_plugins_say_so(self, lay_out: LayOut) -> None:
        for name in ("one", "two"):
            lay_out(name, more='default_for = ["image_classification"]\n')
        assert error_of(lambda: Catalogue.read().default_model("image_classification")) == (
            "one/onenet (vistry-one) and two/twonet (vistry-two) are both the default model of image_classification; "
            'name one, or add to registry.toml:\n[defaults.image_classification]\nmodel_name = "one/onenet"'
        )

    @pytest.mark.parametrize("task", ["image_classification", "image_classification_multilabel"])
    def test_policy_says_so(self, lay_out: LayOut, task: str) -> None:
        lay_out("one", more='default_for = ["image_classification"]\n')
        policy('[defaults."*"]\nmodel_name = "resnet18"\n')
        found = Catalogue.read().default_model(task)
        assert found is not None
        assert found.name == "resnet18"

    @pytest.mark.parametrize(
        ("task", "name", "message"),
        [
            ("image_classification", "resnt18", "there is no model 'resnt18'; did you mean 'resnet18'?"),
            (
                "image_object_detection",
                "resnet18",
                "resnet18 doesn't do image_object_detection; it does image_classification, "
                "image_classification_multilabel",
            ),
        ],
    )
    def test_policy_names_one_that_cannot_be(self, task: str, name: str, message: str) -> None:
        policy(f'[defaults.{task}]\nmodel_name = "{name}"\n')
        assert error_of(lambda: Catalogue.read().default_model(task)) == f"{Path.cwd()}/registry.toml:2: {message}"


def test_notices_name_what_matches_nothing() -> None:
    policy(
        '[plugins]\ndisable = ["resnt", "mobilenetv2"]\nenable = ["zzz"]\n[prefer]\nresnet50 = "acme"\n'
        'resnet18 = "resnet"\n[aliases]\nx = "resnet19"\ny = "resnet18"\n[models.zzz.defaults."*"]\nmomentum = 0.5\n'
    )
    where = f"{Path.cwd()}/registry.toml"
    every = [word for plugin in vistry.plugins() for word in (plugin.name, plugin.distribution)]
    assert notices(Catalogue.read()) == [
        f"{where}:2: no plugin 'resnt' is installed; did you mean 'resnet'?",
        f"{where}:3: no plugin 'zzz' is installed" + (f"; known: {', '.join(every)}" if len(every) <= 20 else ""),
        f"{where}:5: no plugin 'acme' offers a model 'resnet50'",
        f"{where}:8: there is no model 'resnet19' (what 'x' means in {where}:8); did you mean 'resnet18'?",
        f"{where}:10: there is no model 'zzz'; for their list type: vistry models",
    ]
