"""Hyperparameters of a model on a backbone: what both manifests set, where each was set, and what wins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.fields import Field
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec, Restriction, narrowed, narrowed_further, nearest
from vistry.training.auto_values import with_auto_resolved
from vistry.training.model_context import ModelContext

LayOut = Callable[..., Path]
BOXES = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A detector for tests"
tasks = ["image_object_detection"]
backends = ["torch"]
composition = { name = "boxes_{backbone}", summary = "Boxes", strides = [8, 16], parameters = 500, classes = 4 }
"""
GOOD = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A classifier for tests"
tasks = ["image_classification"]
backends = ["torch"]
models.goodnet.summary = "A model"
models.goodnet.parameters = 10
models.goodnet.feature_maps = { channels = [16, 32], strides = [8, 16], parameters = 1000 }
"""
HOOKS = """
from vistry.plugin import Problem, hookimpl

@hookimpl
def vistry_build_model():
    return None

@hookimpl
def vistry_check_hyperparameters(card, task, hyperparameters):
    size = hyperparameters["SIZE"]
    return [] if size % 32 == 0 else [Problem("SIZE", f"{card.name} needs a multiple of 32, not {size}")]

@hookimpl
def vistry_resolve_auto(hyperparameters):
    return {name: value for name, value in {"layers_to_freeze": 1, "width": 7}.items() if hyperparameters[name] is None}
"""


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None) -> None:
    """Every test begins with nobody's policy."""


@pytest.fixture
def fields(lay_out: LayOut, site: Path) -> Callable[..., dict[str, Field]]:
    """The fields of the detector on the backbone, whose manifests end with these texts."""

    def fields_of(boxes: str = "", good: str = "", **options: Any) -> dict[str, Field]:
        lay_out("boxes", manifest=BOXES, more=boxes)
        lay_out("good", manifest=GOOD, more=good, **options)
        return dict(vistry.hyperparameters("boxes_goodnet", "detection").fields)

    return fields_of


def stated(field: Field) -> tuple[str, str]:
    """The folder of the manifest that sets a field's default, and the line there."""
    path, line = field.origin.rsplit(":", 1)
    return Path(path).parent.name, Path(path).read_text().splitlines()[int(line) - 1]


def test_defaults_of_the_backbone_hold_with_their_own_place(fields: Any) -> None:
    found = fields(
        good="""
[hyperparameters.width]
type = "integer"
default = 3
description = "How wide."
[hyperparameters.depth]
type = "integer"
default = 3
description = "How deep."
[defaults."*"]
weight_decay = 0.003
depth = 4
validation_crop_size = 96
[defaults.image_classification]
learning_rate = 0.5
number_of_epochs = 77
[defaults.image_object_detection]
warmup_cosine_lr_cycles = 0.7
[models.goodnet.defaults."*"]
momentum = 0.8
"""
    )
    for name, value, line in [
        ("width", 3, "default = 3"),
        ("depth", 4, "depth = 4"),
        ("weight_decay", 0.003, "weight_decay = 0.003"),
        ("warmup_cosine_lr_cycles", 0.7, "warmup_cosine_lr_cycles = 0.7"),
        ("momentum", 0.8, "momentum = 0.8"),
    ]:
        assert (found[name].default, stated(found[name])) == (value, ("vistry_good", line))
    # What is for classifiers stays with them, and a detector has no crops.
    shared = vistry.hyperparameters(None, "detection").fields
    for name in ("learning_rate", "number_of_epochs"):
        assert (found[name].default, found[name].origin) == (shared[name].default, shared[name].origin)
    assert "validation_crop_size" not in found
    assert vistry.hyperparameters("goodnet", "multiclass").defaults()["validation_crop_size"] == 96


def test_the_detectors_own_default_wins(fields: Any) -> None:
    found = fields(
        boxes='defaults."*" = { weight_decay = 0.001 }\n',
        good="[defaults.image_object_detection]\nweight_decay = 0.003\nmomentum = 0.8\n",
    )
    assert (found["weight_decay"].default, stated(found["weight_decay"])[0]) == (0.001, "vistry_boxes")
    assert (found["momentum"].default, stated(found["momentum"])[0]) == (0.8, "vistry_good")


def test_restrictions_of_both_hold(fields: Any) -> None:
    found = fields(
        boxes='restrict.min_size = { reason = "its anchors are large", minimum = 64 }\n'
        'restrict.max_size = { reason = "of memory", maximum = 2000 }\n',
        good='[restrict.min_size]\nreason = "a patch is 16 pixels wide"\nminimum = 16\nmaximum = 512\n'
        '[restrict.optimizer]\nreason = "sgd diverges"\nchoices = ["adam", "adamw"]\n'
        '[restrict.training_crop_size]\nreason = "a patch is 16 pixels wide"\nminimum = 16\n',
    )
    assert found["min_size"].rule == "an integer in [64, 512] (its anchors are large; a patch is 16 pixels wide)"
    assert found["max_size"].rule == "an integer in [1, 2000] (of memory)"
    assert found["optimizer"].rule == "adam or adamw (sgd diverges)"
    schema = vistry.hyperparameters("boxes_goodnet", "detection")
    with pytest.raises(HyperparameterError, match="min_size: 32, from the call, must be an integer in"):
        schema.resolve([Source.of({"min_size": 32}, "the call")])


def test_a_default_that_the_backbone_cannot_take_becomes_the_nearest(fields: Any) -> None:
    found = fields(
        good='[restrict.training_batch_size]\nreason = "r"\nminimum = 3\n'
        '[restrict.min_size]\nreason = "r"\nmaximum = 512\n'
        '[models.goodnet.restrict.optimizer]\nreason = "r"\nchoices = ["adam", "adamw"]\n'
    )
    assert vistry.hyperparameters(None, "detection").defaults()["training_batch_size"] == 2
    expected = {
        "training_batch_size": (3, "[restrict.training_batch_size]"),
        "min_size": (512, "[restrict.min_size]"),
        "optimizer": ("adam", "[models.goodnet.restrict.optimizer]"),
    }
    for name, (value, line) in expected.items():
        assert (found[name].default, stated(found[name])) == (value, ("vistry_good", line))


def test_restrictions_that_leave_nothing_are_an_error_with_the_place(fields: Any, site: Path) -> None:
    with pytest.raises(RegistryError) as caught:
        fields(
            boxes='restrict.min_size = { reason = "its anchors are large", minimum = 600 }\n',
            good='restrict.min_size = { reason = "its positions are few", maximum = 512 }\n',
        )
    assert str(caught.value) == (
        "boxes/boxes_goodnet can't be used: it needs min_size to be an integer of at least 600 (its anchors are "
        f"large), and {site}/vistry_good/plugin.toml:11 leaves none of that (its positions are few); choose another "
        "backbone"
    )


def test_a_fault_of_the_backbones_manifest_is_told_with_its_own_place(fields: Any, site: Path) -> None:
    message = "there is no hyperparameter 'min_sise'; did you mean 'min_size'?"
    with pytest.raises(RegistryError, match=f"{site}/vistry_good/plugin.toml:11: {message}".replace("?", r"\?")):
        fields(good='restrict.min_sise = { reason = "r", minimum = 16 }\n')


WIDTH = '[hyperparameters.width]\ntype = "integer"\ndescription = "How wide."\n'


def context() -> ModelContext:
    catalogue = Catalogue.read()
    return ModelContext.of(catalogue, catalogue.model("boxes_goodnet"), task="image_object_detection", backend="torch")


def test_rules_of_the_backbone_are_asked(fields: Any) -> None:
    fields(good=WIDTH, hooks=HOOKS.replace("SIZE", "min_size"))
    with pytest.raises(HyperparameterError, match="min_size: goodnet needs a multiple of 32, not 600"):
        context().resolved([])
    assert context().resolved([Source.of({"min_size": 640}, "the call")]).hyperparameters.min_size == 640


def test_a_rule_about_what_a_detector_does_not_have_does_not_apply(fields: Any) -> None:
    fields(good=WIDTH, hooks=HOOKS.replace("SIZE", "training_crop_size"))
    assert context().resolved([]).hyperparameters.min_size == 600


def test_the_backbone_resolves_its_own_hyperparameters_and_no_other(fields: Any) -> None:
    fields(good=WIDTH, hooks=HOOKS.replace("SIZE", "training_crop_size"))
    values = with_auto_resolved(context(), []).hyperparameters
    assert (values["width"], values.layers_to_freeze) == (7, None)
    given = context().resolved([Source.of({"width": 5}, "the call")])
    assert with_auto_resolved(given, []).hyperparameters["width"] == 5


def integer(**keys: Any) -> FieldSpec:
    return FieldSpec(type="integer", description="d", **keys)


@pytest.mark.parametrize(
    ("spec", "restriction", "rule"),
    [
        (integer(minimum=4), Restriction(reason="", minimum=2), "an integer of at least 4"),
        (integer(minimum=2), Restriction(reason="", minimum=4, maximum=8), "an integer in [4, 8]"),
        (integer(maximum=8), Restriction(reason="", maximum=9), "an integer of at most 8"),
        (integer(minimum=4), Restriction(reason="", maximum=3), None),
        (FieldSpec(type="number", description="d", above=0, maximum=1), Restriction(reason="", maximum=0), None),
        (FieldSpec(type="number", description="d", above=0), Restriction(reason="", maximum=0.5), ""),
        (integer(minimum=200), Restriction(reason="", choices=(160, 224, 256)), "224 or 256"),
        (integer(minimum=300), Restriction(reason="", choices=(160, 224)), None),
        (
            narrowed(integer(), Restriction(reason="", choices=(160, 224, 256))),
            Restriction(reason="", minimum=200, maximum=240),
            "224",
        ),
        (
            narrowed(integer(), Restriction(reason="", choices=(160, 224))),
            Restriction(reason="", choices=(224, 256)),
            "224",
        ),
        (FieldSpec(type="choice", description="d", choices=("a", "b")), Restriction(reason=""), "a or b"),
    ],
)
def test_what_two_ranges_have_in_common(spec: FieldSpec, restriction: Restriction, rule: str | None) -> None:
    both = narrowed_further(spec, restriction)
    assert (both is None) == (rule is None)
    if both and rule:
        assert both.rule == rule


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        (integer(minimum=3), 2, 3),
        (integer(maximum=512), 600, 512),
        (narrowed(integer(), Restriction(reason="", choices=(160, 224, 256))), 230, 224),
        (FieldSpec(type="choice", description="d", choices=("a", "b")), "c", "a"),
    ],
)
def test_the_nearest_value(spec: FieldSpec, value: Any, expected: Any) -> None:
    assert nearest(spec, value) == expected
