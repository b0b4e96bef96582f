"""0 layers to freeze is as if it were left out, wherever it is given."""

from __future__ import annotations

import pytest
from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Source, schema_of
from vistry.registry.catalogue import Catalogue
from vistry.sweep.checked_distribution import checked_distribution
from vistry.sweep.distribution import Distribution

NAME = "layers_to_freeze"


@pytest.mark.parametrize("value", [0, "0", 0.0, " 0 ", None, "none"])
def test_it_is_unset_in_a_single_training_and_in_a_sweep(tiny_plugin: None, value: object) -> None:
    catalogue = Catalogue.read()
    schema = schema_of(catalogue, catalogue.model("resnet18"), "multiclass")
    assert schema.resolve([Source.of({NAME: value}, "a test")])[NAME] is None
    choice = Distribution(kind="choice", choices=(value, 2))  # type: ignore[arg-type]
    drawn, problems = checked_distribution(choice, schema, NAME, where="a test")
    assert not problems
    assert drawn is not None
    assert drawn.choices == (None, 2)


@pytest.mark.parametrize("value", [-1, 6, "00.5", False])
def test_no_other_number_outside_the_range_is(tiny_plugin: None, value: object) -> None:
    catalogue = Catalogue.read()
    schema = schema_of(catalogue, catalogue.model("resnet18"), "multiclass")
    with pytest.raises(HyperparameterError, match="must be an integer in"):
        schema.resolve([Source.of({NAME: value}, "a test")])
