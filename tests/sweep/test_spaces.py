"""The space of a sweep: what is drawn, and every mistake in it told before any work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.schema import Source, schema_of
from vistry.registry.catalogue import Catalogue
from vistry.sweep.coordinates import Coordinates
from vistry.sweep.distribution import Distribution
from vistry.sweep.flag_values import requests_of_flags
from vistry.sweep.request import GroupRequest, SamplerRequest, SweepRequest
from vistry.sweep.space import Space
from vistry.sweep.spaces import space_of
from vistry.training.plan import Request

TASK, BOXES = "image_classification", "image_object_detection"


def choice(*choices: Any) -> Distribution:
    return Distribution(kind="choice", choices=choices)


def of_groups(
    *groups: GroupRequest,
    task: str = TASK,
    sampler: str = "auto",
    fixed: dict[str, Any] | None = None,
    metric: str | None = None,
    model: str | None = None,
) -> Space:
    request = SweepRequest(
        training=Request(data=Path("data"), task=task, primary_metric=metric, model=model),
        groups=groups or None,
        fixed=(Source(fixed, lambda name: f"a.yaml:{list(fixed).index(name) + 1}"),) if fixed else (),
        sampler=SamplerRequest(name=sampler),
    )
    return space_of(request, Catalogue.read(), task)


def of_flags(models: str, task: str = TASK, **texts: str) -> Space:
    groups, fixed = requests_of_flags(texts, models.split(), catalogue=Catalogue.read(), task=task)
    training = Request(data=Path("data"), task=task)
    return space_of(SweepRequest(training=training, groups=groups, fixed=fixed), Catalogue.read(), task)


def problems(make: Callable[[], Space]) -> list[str]:
    with pytest.raises(HyperparameterError) as error:
        make()
    return [str(problem) for problem in error.value.problems]


def group(*models: str, where: str = "job.yml:7", **parameters: Distribution) -> GroupRequest:
    return GroupRequest(models=models, parameters=parameters, where=dict.fromkeys(parameters, where))


# What is searched where nobody says what


def test_the_default_space_is_around_each_models_own_defaults() -> None:
    space = of_flags("resnet18 mobilenetv2")
    assert space.models == ("resnet/resnet18", "mobilenetv2/mobilenetv2")
    first, second = space.groups
    assert first.parameters == {
        "optimizer": choice("sgd", "adamw"),
        "learning_rate": Distribution(kind="loguniform", low=0.1, high=5.0, is_relative=True),
        "training_batch_size": choice(39, 78, 156),
        "layers_to_freeze": choice(None, 2, 5),
        "weight_decay": Distribution(kind="loguniform", low=1e-6, high=1e-2),
    }
    assert second.parameters["layers_to_freeze"] == choice(None, 9, 19)
    defaults = space.defaults["resnet/resnet18"]
    assert defaults.rates == {"sgd": 0.01, "adam": 0.0005, "adamw": 0.0005}
    assert (defaults.values["number_of_epochs"], space.epochs("resnet/resnet18", {})) == (15, 15)
    assert (space.score.metric, space.score.is_negated, space.score.limit) == ("accuracy", False, 1.0)


def test_what_is_fixed_is_not_searched_and_all_trials_have_it() -> None:
    space = of_flags("resnet18", optimizer="adamw", training_batch_size="16", number_of_epochs="5", weights="none")
    assert set(space.groups[0].parameters) == {
        "learning_rate", "weight_decay", "optimizer", "training_batch_size", "number_of_epochs", "weights"
    }  # fmt: skip
    assert space.groups[0].parameters["number_of_epochs"] == choice(5), "a value in its own type"
    assert space.epochs("resnet/resnet18", {}) == 5
    values, is_own = Coordinates(space).default(0, "resnet/resnet18")
    assert is_own
    assert values["learning_rate"] == 0.0005, "the rate that the model wants with the optimiser that is fixed"


def test_a_rate_never_leaves_its_range() -> None:
    space = of_groups(GroupRequest(models=("resnet18",)), task="image_classification_multilabel")
    highest = Coordinates(space).space.groups[0].parameters["learning_rate"].high
    assert highest * max(space.defaults["resnet/resnet18"].rates.values()) <= 1


def test_nothing_but_models_is_the_default_space_but_for_a_grid() -> None:
    assert len(of_groups(GroupRequest(models=("resnet18",))).groups[0].parameters) == 5
    assert of_groups(GroupRequest(models=("resnet18",)), sampler="grid").groups[0].parameters == {}
    assert of_groups(model="resnet18").models == ("resnet/resnet18",)
    assert of_groups().models == (Catalogue.read().default_model(TASK).full_name,)  # type: ignore[union-attr]
    assert of_groups(fixed={"model_name": "resnet34"}).models == ("resnet/resnet34",)


@pytest.mark.parametrize(
    ("task", "models"), [(TASK, "resnet18 vitb16r224 mobilenetv2"), (BOXES, "yolov5 fasterrcnn_resnet50_fpn")]
)
def test_every_point_of_a_default_space_is_allowed(task: str, models: str) -> None:
    coordinates, catalogue = Coordinates(of_flags(models, task)), Catalogue.read()
    schemas = {name: schema_of(catalogue, catalogue.model(name), task) for name in coordinates.space.models}
    random = np.random.default_rng(0)
    corners = [np.zeros(coordinates.dimensions), np.full(coordinates.dimensions, 1 - 1e-12)]
    for units in [*corners, *random.random((60, coordinates.dimensions))]:
        _, model, values = coordinates.place(coordinates.from_units(units.tolist()))
        schemas[model].resolve([Source.of(dict(values), "trial 1")])


def test_a_plugins_optimiser_has_rates_of_its_own(lay_out: Callable[..., Path]) -> None:
    own = """
[optimizers.mine]
summary = "s"
torch = "vistry_mine.hooks:build"
relative_rate = 0.01
"""
    lay_out("mine", more=own)
    space = of_flags("resnet18", optimizer="sgd,mine,adam", learning_rate="0.001..0.1")
    assert space.defaults["resnet/resnet18"].rates == {"sgd": 0.01, "adam": 0.0005, "adamw": 0.0005, "mine": 0.0001}
    assert "mine" not in of_flags("resnet18").groups[0].parameters["optimizer"].choices


# What is asked for


def test_models_that_are_searched_alike_are_one_group() -> None:
    space = of_flags("resnet18 resnet34 mobilenetv2", learning_rate="0.001..0.1", optimizer="sgd,adamw")
    assert [one.models for one in space.groups] == [("resnet/resnet18", "resnet/resnet34", "mobilenetv2/mobilenetv2")]
    apart = of_flags("resnet18 resnet34 mobilenetv2", layers_to_freeze="..")
    assert [one.models for one in apart.groups] == [
        ("resnet/resnet18", "resnet/resnet34"),
        ("mobilenetv2/mobilenetv2",),
    ]


def test_values_are_in_the_hyperparameters_own_type_and_once() -> None:
    space = of_groups(
        group(
            "resnet18",
            nesterov=choice("1", 0, True),
            number_of_epochs=choice(15.0, "15", 20),
            learning_rate=choice("1e-3", 0.01),
            layers_to_freeze=choice(0, None, 2),
            optimizer=choice("SGD", "adamw"),
            training_batch_size=Distribution(kind="uniform", low=8, high=32),
        )
    )
    drawn = space.groups[0].parameters
    assert drawn["nesterov"].choices == (True, False)
    assert drawn["number_of_epochs"].choices == (15, 20)
    assert drawn["learning_rate"].choices == (0.001, 0.01)
    assert drawn["layers_to_freeze"].choices == (None, 2)
    assert drawn["optimizer"].choices == ("sgd", "adamw")
    assert drawn["training_batch_size"] == Distribution(kind="uniform", low=8, high=32, is_integer=True)


def test_no_frozen_layers_is_written_as_0() -> None:
    assert of_flags("resnet18", layers_to_freeze="0..3").groups[0].parameters["layers_to_freeze"] == choice(
        None, 1, 2, 3
    )


def test_a_range_of_what_has_choices_is_those_inside() -> None:
    space = of_groups(group("seresnext", training_crop_size=Distribution(kind="uniform", low=100, high=300)))
    assert space.groups[0].parameters["training_crop_size"] == choice(224)


def test_what_some_models_lack_is_left_out_for_them() -> None:
    together = group(
        "yolov5",
        "fasterrcnn_resnet50_fpn",
        image_size=choice(320, 640),
        min_size=choice(300, 600),
        learning_rate=choice(0.01),
    )
    space = of_groups(together, task=BOXES, fixed={"max_size": 900})
    assert [set(one.parameters) for one in space.groups] == [
        {"image_size", "learning_rate"},
        {"min_size", "learning_rate", "max_size"},
    ]


def test_a_plugins_own_hyperparameters_are_searched_where_its_manifest_says(lay_out: Callable[..., Path]) -> None:
    own = """
[hyperparameters.mine_dropout]
type = "number"
description = "Dropout."
default = 0.2
minimum = 0
below = 1
search = [0.1, 0.5]

[hyperparameters.mine_depth]
type = "integer"
description = "Depth."
default = 3
minimum = 1
maximum = 9

[restrict.learning_rate]
reason = "it is odd"
maximum = 0.5
search = [0.002, 0.3]

[restrict.weight_decay]
reason = "it is odd"
maximum = 0.001
"""
    lay_out("mine", more=own)
    default = of_groups(GroupRequest(models=("minenet",))).groups[0].parameters
    assert default["mine_dropout"] == Distribution(kind="uniform", low=0.1, high=0.5)
    assert default["learning_rate"] == Distribution(kind="loguniform", low=0.002, high=0.3)
    assert default["weight_decay"] == Distribution(kind="loguniform", low=1e-6, high=1e-3)
    assert "mine_depth" not in default, "nobody says that it is worth searching"
    assert "layers_to_freeze" not in default
    whole = of_flags("minenet", mine_depth="..").groups[0].parameters["mine_depth"]
    assert whole == Distribution(kind="uniform", low=1, high=9, is_integer=True)


# What is wrong


def test_all_that_is_wrong_is_told_at_once_with_its_place() -> None:
    told = problems(
        lambda: of_flags(
            "resnet18 mobilenetv2",
            learning_rate="0.001..10",
            optimizer="sgd,adm",
            layers_to_freeze="8,2",
            number_of_epochs="0,5",
            lr="1,2",
            min_size="200,300",
            training_batch_size="8..",
            weight_decay="0.1..0.01",
            momentum="2",
        )
    )
    assert sorted(told) == [
        "layers_to_freeze: '8', from --layers_to_freeze, must be an integer in [1, 5] (resnet18 has 5 layers to "
        "freeze)",
        "learning_rate: 10.0, from --learning_rate, must be a number in [0, 1]",
        "lr: from --lr: resnet18 has no such hyperparameter; did you mean 'learning_rate'?",
        "min_size: from --min_size: resnet18 doesn't take it; it is for image_object_detection and "
        "image_instance_segmentation",
        "momentum: '2', from --momentum, must be a number in [0, 1]",
        "number_of_epochs: '0', from --number_of_epochs, must be an integer of at least 1",
        "optimizer: 'adm', from --optimizer, must be sgd, adam or adamw; did you mean 'adam'?",
        "training_batch_size: '8..', from --training_batch_size, must be an integer of at least 1; its table has no "
        "such end: write both, as LOW..HIGH",
        "weight_decay: from --weight_decay: the range goes from 0.1 to 0.01; give the lower end first",
    ]


WRONG: Sequence[tuple[Distribution, str, str]] = [
    (choice(), "learning_rate", "from job.yml:7: there is nothing to choose from; give values"),
    (choice(0.1, 2), "learning_rate", "2, from job.yml:7, must be a number in [0, 1]"),
    (choice(None), "learning_rate", "null, from job.yml:7, must be a number in [0, 1]"),
    (Distribution(kind="uniform", low=1, high=10), "learning_rate", "10.0, from job.yml:7, must be a number in [0, 1]"),
    (Distribution(kind="loguniform", low=0, high=0.1), "learning_rate", "a log scale can't begin at 0; begin above 0"),
    (
        Distribution(kind="uniform", low=0.5, high=0.1),
        "learning_rate",
        "the range goes from 0.5 to 0.1; give the",
    ),
    (Distribution(kind="normal", mean=0.1, deviation=0.1), "learning_rate", "-0.375"),
    (Distribution(kind="normal", mean=0.1, deviation=0), "learning_rate", "the deviation is 0; it must be above 0"),
    (Distribution(kind="lognormal", mean=0, deviation=1), "learning_rate", "must be a number in [0, 1]"),
    (Distribution(kind="uniform", low=0, high=1, step=-1), "learning_rate", "the step is -1; it must be above 0"),
    (
        Distribution(kind="betavariate"),
        "learning_rate",
        "'betavariate' is no kind of distribution; known: choice",
    ),
    (
        Distribution(kind="uniform", low=0, high=3),
        "warmup_cosine_lr_warmup_epochs",
        "0, from job.yml:7, must be an",
    ),
    (Distribution(kind="uniform", low=1.2, high=1.8), "number_of_epochs", "there is no multiple of 1 from 1.2 to 1.8"),
    (Distribution(kind="uniform", low=0, high=1), "optimizer", "no range is possible; it must be sgd"),
    (
        choice("sgd..adam"),
        "optimizer",
        "'sgd..adam', from job.yml:7, must be sgd, adam or adamw; did you mean 'adam'?",
    ),
    (choice(1, 2), "momentun", "resnet18 has no such hyperparameter; did you mean 'momentum'?"),
    (choice(1, 2), "mask_pixel_score_threshold", "resnet18 doesn't take it; it is for image_instance_segmentation"),
]


@pytest.mark.parametrize(("one", "name", "message"), WRONG, ids=range(len(WRONG)))
def test_what_a_hyperparameter_cant_be_drawn_from(one: Distribution, name: str, message: str) -> None:
    told = problems(lambda: of_groups(group("resnet18", **{name: one})))
    assert len(told) == 1
    assert told[0].startswith(f"{name}: ")
    assert message in told[0]


def test_multiples(lay_out: Callable[..., Path]) -> None:
    own = """
[hyperparameters.mine_size]
type = "integer"
description = "Size."
default = 64
minimum = 32
maximum = 640
multiple_of = 32
"""
    lay_out("mine", more=own)

    def drawn(**keys: Any) -> Distribution:
        one = Distribution(kind="uniform", is_integer=True, **keys)
        return of_groups(group("minenet", mine_size=one)).groups[0].parameters["mine_size"]

    assert drawn(low=40, high=200).grid() == (64, 96, 128, 160, 192)
    assert drawn(low=416, high=600, step=64).grid() == (448, 512, 576)
    coarse = problems(lambda: drawn(low=40, high=200, step=48))[0]
    assert "draws multiples of 48, of which not all are multiples of 32" in coarse
    assert "there is no multiple of 32 from 33 to 63" in problems(lambda: drawn(low=33, high=63))[0]
    wide = problems(lambda: drawn(low=64, high=700))[0]
    assert "672, from job.yml:7, must be an integer in [32, 640], a multiple of 32" in wide


def test_fixed_values_are_checked_for_every_model() -> None:
    told = problems(
        lambda: of_groups(group("resnet18", optimizer=choice("sgd", "adam")), fixed={"learning_rate": 2, "zzz": 1})
    )
    assert told[0].startswith("zzz: from a.yaml:2: resnet18 has no such hyperparameter")
    assert told[1] == "learning_rate: 2, from a.yaml:1, must be a number in [0, 1]"


def test_what_is_fixed_and_searched_is_an_error() -> None:
    told = problems(lambda: of_groups(group("resnet18", momentum=choice(0.8, 0.9)), fixed={"momentum": 0.9}))
    assert told == ["momentum: is set by a.yaml:1 and searched by job.yml:7; leave out one of the two"]


def test_unknown_models_and_those_of_other_tasks_are_told_together() -> None:
    told = problems(lambda: of_groups(group("resnet18", "resnet19", "yolov5", zzz=choice(1, 2))))
    assert [problem.split(";")[0] for problem in told] == [
        "model: there is no model 'resnet19'",
        "model: yolov5 doesn't do image_classification",
        "zzz: from job.yml:7: resnet18 has no such hyperparameter",
    ]


def test_an_unknown_primary_metric_is_among_the_problems() -> None:
    told = problems(lambda: of_groups(group("resnet18", zzz=choice(1, 2)), metric="acuracy"))
    assert [problem.split(":")[0] for problem in told] == ["zzz", "primary_metric"]


def test_a_metric_that_falls_is_negated_and_ends_at_its_lowest(lay_out: Callable[..., Path]) -> None:
    metric = """
[metrics.mine_cost]
summary = "What mistakes cost"
formula = "-"
tasks = ["image_classification"]
function = "vistry_mine.hooks:cost"
upper = inf
larger_is_better = false
"""
    lay_out("mine", more=metric)
    score = of_groups(group("resnet18", optimizer=choice("sgd")), metric="mine_cost").score
    assert (score.metric, score.is_negated, score.limit) == ("mine_cost", True, 0.0)
    assert score.shown(-0.25) == "0.25"


RULES = [
    (
        {"momentum": choice(0.0, 0.9)},
        {},
        "nesterov: with momentum = 0, which may be drawn, it needs a momentum above 0",
    ),
    ({"momentum": choice(0.0, 0.9)}, {"nesterov": 0}, ""),
    ({"momentum": choice(0.0, 0.9)}, {"optimizer": "adamw"}, ""),
    ({"momentum": choice(0.0, 0.9), "optimizer": choice("sgd", "adamw")}, {}, ""),
    ({"momentum": choice(0.0), "nesterov": choice(True)}, {}, "nesterov: needs a momentum above 0"),
    ({"validation_crop_size": choice(224, 512)}, {}, "validation_crop_size: with validation_crop_size = 512"),
    (
        {"validation_crop_size": choice(500, 512), "validation_resize_size": choice(256, 300)},
        {},
        "validation_crop_size: with",
    ),
    ({"beta1": Distribution(kind="uniform", low=0.5, high=1.0)}, {"optimizer": "adam"}, "beta1: with beta1 = 1"),
    ({"beta1": Distribution(kind="uniform", low=0.5, high=0.99)}, {"optimizer": "adam"}, ""),
]


@pytest.mark.parametrize(("drawn", "fixed", "message"), RULES, ids=range(len(RULES)))
def test_rules_between_hyperparameters(drawn: dict[str, Distribution], fixed: dict[str, Any], message: str) -> None:
    if not message:
        of_groups(group("resnet18", **drawn), fixed=fixed)
        return
    told = problems(lambda: of_groups(group("resnet18", **drawn), fixed=fixed))
    assert len(told) == 1
    assert told[0].startswith(message)


def test_a_task_without_a_default_model_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalogue, "default_model", lambda *_: None)
    with pytest.raises(RegistryError, match="has no default model; choose one or more with --model: "):
        of_groups()
