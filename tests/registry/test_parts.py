"""Parts that plugins bring: whom a name means, what is said where it means nobody, and that no code runs for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.schema import Schema, Source, schema_of
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import discover
from vistry.registry.part_specs import KINDS, OptimizerSpec, PartTables, ScheduleSpec
from vistry.registry.parts import PartRecord, PartTable, check_recorded, core_parts, parts_not_on_offer
from vistry.registry.policy import Policy
from vistry.registry.toml_file import TomlFileError, validated
from vistry.registry.unmatched_policy import notices

LayOut = Callable[..., Path]
HEAD = 'manifest = 1\napi = "1.0"\nlicense = "MIT"\nsummary = "Parts for tests"\n'


def optimizer(name: str, more: str = "") -> str:
    return f'[optimizers.{name}]\nsummary = "s"\ntorch = "vistry_nowhere.code:build"\n{more}\n'


def number(kind: str, part: str, name: str) -> str:
    return (
        f'[{kind}.{part}.hyperparameters.{name}]\ntype = "number"\nminimum = 0\nmaximum = 1\ndefault = 0.3\n'
        'description = "A number."\n'
    )


def schema(task: str = "multiclass") -> Schema:
    return schema_of(Catalogue.read(), None, task)


def refusal(**values: Any) -> str:
    with pytest.raises(HyperparameterError) as caught:
        schema().resolve([Source.of(values, "the test")])
    return str(caught.value)


def policy(text: str) -> None:
    Path("registry.toml").write_text(text)


def test_a_part_joins_the_hyperparameters_of_every_model_and_runs_no_code(lay_out: LayOut) -> None:
    folder = lay_out("sharp", manifest=HEAD + optimizer("sharp") + number("optimizers", "sharp", "sharp_beta"))
    for name in (None, "resnet50"):
        fields = vistry.hyperparameters(name, "multiclass").fields
        assert fields["optimizer"].spec.choices == ("sgd", "adam", "adamw", "sharp")
        assert fields["sharp_beta"].default == 0.3
        assert fields["sharp_beta"].origin == f"{folder / 'plugin.toml'}:13"
        assert list(fields).index("sharp_beta") < list(fields).index("weight_decay")
    written = vistry.hyperparameters("resnet50", "multiclass").json_schema()["properties"]
    assert written["optimizer"]["enum"] == ["sgd", "adam", "adamw", "sharp"]
    assert "vistry_sharp" not in sys.modules
    assert schema().resolve([Source.of({"optimizer": "sharp", "sharp_beta": 0.5}, "the test")]).warnings == ()


def test_its_hyperparameter_has_an_effect_where_it_is_chosen(lay_out: LayOut) -> None:
    uses = optimizer("sharp", 'uses = ["momentum"]')
    lay_out("sharp", manifest=HEAD + uses + number("optimizers", "sharp", "sharp_beta"))
    [warning] = schema().resolve([Source.of({"sharp_beta": 0.5}, "the test")]).warnings
    assert str(warning) == "sharp_beta: has no effect unless optimizer is sharp; leave it out"
    values = {"optimizer": "sharp", "momentum": 0.5, "beta1": 0.5}
    [warning] = schema().resolve([Source.of(values, "the test")]).warnings
    assert str(warning) == "beta1: has no effect unless optimizer is adam or adamw; leave it out"


def test_cores_names_keep_their_meaning(lay_out: LayOut) -> None:
    lay_out("greedy", manifest=HEAD + optimizer("adamw") + optimizer("other"))
    catalogue = Catalogue.read()
    table = PartTable.of(catalogue, OptimizerSpec)
    assert list(table.parts) == ["sgd", "adam", "adamw", "other"]
    assert table.parts["adamw"].plugin is None
    assert list(parts_not_on_offer(catalogue, catalogue.plugin("greedy"))) == [
        "optimizer 'adamw': the name means that of vistry"
    ]


def test_a_contested_name_means_nobody_until_policy_decides(lay_out: LayOut) -> None:
    for name in ("one", "two"):
        lay_out(name, manifest=HEAD + optimizer("lion") + optimizer(f"of_{name}"))
    table = PartTable.of(Catalogue.read(), OptimizerSpec)
    assert list(table.parts) == ["sgd", "adam", "adamw", "of_one", "of_two"]  # nobody else's is worse off
    assert (
        "must be sgd, adam, adamw, of_one or of_two; the plugins one of vistry-one and two of vistry-two both offer"
        in (message := refusal(optimizer="lion"))
    )
    assert message.endswith('[prefer]\nlion = "one"')
    policy('[prefer]\nlion = "two"\n')
    part = PartTable.of(Catalogue.read(), OptimizerSpec).named("lion")
    assert part.owner == "two"
    assert notices(Catalogue.read()) == []
    policy('[prefer]\nlion = "three"\n')
    assert notices(Catalogue.read()) == [f"{Path.cwd() / 'registry.toml'}:2: no plugin 'three' offers a model 'lion'"]


def test_a_run_keeps_the_meaning_it_began_with(lay_out: LayOut) -> None:
    for name in ("one", "two"):
        lay_out(name, manifest=HEAD + optimizer("lion"))
    policy('[prefer]\nlion = "two"\n')
    record = PartRecord(kind="optimizers", name="lion", plugin="one", distribution="vistry-one", version="1.0")
    assert PartTable.of(Catalogue.read(), OptimizerSpec, [record]).named("lion").owner == "one"
    assert PartTable.of(Catalogue.read(), OptimizerSpec).named("lion").owner == "two"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            ("lion", "gone"),
            r"\[optimizers.lion\] of vistry-gone 2.0, which is not installed; type: pip install vistry-gone",
        ),
        (("tiger", "one"), "vistry-one 1.0 has none of that name; type: pip install vistry-one==2.0"),
    ],
)
def test_what_a_run_was_trained_with_and_lacks(record: tuple[str, str], message: str, lay_out: LayOut) -> None:
    lay_out("one", manifest=HEAD + optimizer("lion"))
    name, plugin = record
    part = PartRecord(kind="optimizers", name=name, plugin=plugin, distribution=f"vistry-{plugin}", version="2.0")
    with pytest.raises(RegistryError, match=message):
        check_recorded(Catalogue.read(), [part])


def test_a_disabled_plugin_is_named(lay_out: LayOut, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out("one", manifest=HEAD + optimizer("lion"))
    policy('[plugins]\ndisable = ["one"]\n')
    assert "it is in the plugin 'one', which is disabled by " in refusal(optimizer="lion")
    assert "type: vistry plugins enable one" in refusal(optimizer="lion")
    policy('[plugins]\ndisable = ["one"]\n[defaults."*"]\noptimizer = "lion"\n')
    with pytest.raises(
        RegistryError, match=r"registry\.toml:4: optimizer = 'lion' must be sgd, .* in the plugin 'one'"
    ):
        schema()


def test_an_unknown_name_lists_what_is_there() -> None:
    table = PartTable.of(None, ScheduleSpec)
    with pytest.raises(RegistryError, match="there is no schedule 'xyz'; known: warmup_cosine, step"):
        table.named("xyz")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (optimizer("sharp") + number("optimizers", "sharp", "beta"), "hyperparameters.beta' must begin with 'sharp_'"),
        ('[optimizers.sharp]\nsummary = "s"\n', "'optimizers.sharp' has code for no backend; set 'torch', 'jax'"),
        ('[schedules.flat]\nsummary = "s"\n', "5: 'schedules.flat.function' is missing; add function = ..."),
        ('[schedules.flat]\nsummary = "s"\nfunction = "x"\n', "7: 'schedules.flat.function' must be of the form"),
        (optimizer("sharp", 'use = ["x"]'), "8: 'optimizers.sharp.use' is not a known key; did you mean 'uses'?"),
    ],
)  # fmt: skip
def test_a_fault_in_a_manifest_has_its_line(manifest: str, message: str, lay_out: LayOut) -> None:
    lay_out("faulty", manifest=HEAD + manifest)
    plugin = next(plugin for plugin in discover() if plugin.name == "faulty")
    assert plugin.state == "invalid"
    assert message in plugin.reason


def test_the_line_of_a_hyperparameter_with_a_strange_name(lay_out: LayOut) -> None:
    folder = lay_out("faulty", manifest=HEAD + optimizer("sharp") + number("optimizers", "sharp", "beta"))
    plugin = next(plugin for plugin in discover() if plugin.name == "faulty")
    assert plugin.reason.startswith(f"{folder / 'plugin.toml'}:9: 'optimizers.sharp.hyperparameters.beta'")


@pytest.mark.parametrize("part", ["early", "learning"])
def test_a_part_whose_hyperparameter_would_take_a_name_is_not_on_offer(part: str, lay_out: LayOut) -> None:
    name = {"early": "early_stopping", "learning": "learning_rate"}[part]
    lay_out("taking", manifest=HEAD + optimizer(part) + number("optimizers", part, name) + optimizer("good"))
    assert schema().fields["optimizer"].spec.choices == ("sgd", "adam", "adamw", "good")
    assert schema().fields[name].spec.type != "string"
    assert f"its hyperparameter '{name}' of vistry-taking has a name that is taken" in refusal(optimizer=part)


def test_a_models_own_hyperparameter_keeps_its_meaning(lay_out: LayOut, site: Path) -> None:
    lay_out("part", manifest=HEAD + optimizer("width") + number("optimizers", "width", "width_factor"))
    own = '\n[hyperparameters.width_factor]\ntype = "integer"\ndefault = 4\ndescription = "The model\'s."\n'
    lay_out("owner", more=own)
    fields = vistry.hyperparameters("ownernet", "multiclass").fields
    assert fields["width_factor"].spec.type == "integer"
    assert "width" not in (fields["optimizer"].spec.choices or ())
    assert vistry.hyperparameters("resnet50", "multiclass").fields["width_factor"].spec.type == "number"


def test_cores_own_are_declared_as_a_plugins_are() -> None:
    assert list(core_parts(OptimizerSpec)) == ["sgd", "adam", "adamw"]
    assert list(core_parts(ScheduleSpec)) == ["warmup_cosine", "step"]
    assert all(part.spec.backends == ("torch", "jax") for part in core_parts(OptimizerSpec).values())


def test_a_manifest_has_every_kind_of_part() -> None:
    from vistry.registry.manifest import Manifest

    types = {field: Manifest.__annotations__[field] for field in KINDS}
    assert types == {field: PartTables.__annotations__[field] for field in KINDS}


def test_a_catalogue_without_plugins_has_cores_parts() -> None:
    assert list(PartTable.of(Catalogue.of([], Policy()), ScheduleSpec).parts) == ["warmup_cosine", "step"]


def test_a_file_of_core_is_held_to_the_grammar(tmp_path: Path) -> None:
    with pytest.raises(TomlFileError, match="'optimizer' is not a known key; did you mean 'optimizers'"):
        validated(PartTables, tmp_path / "parts.toml", "", data={"optimizer": {}})
