"""The space around the recipes: what is drawn, what comes first, and what the user's own values do to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from vistry.hyperparameter.schema import Source
from vistry.sweep.automatic.choice import choice_of
from vistry.sweep.automatic.recipe import recipe
from vistry.sweep.automatic.space import Searched, space_around
from vistry.sweep.automatic.survey import Survey
from vistry.sweep.coordinates import Coordinates
from vistry.sweep.request import Limits, SamplerRequest
from vistry.sweep.samplers import sampler_of
from vistry.sweep.space import Score, Space

from tests.sweep.automatic.conftest import Animal

IMAGES = 260


@pytest.fixture
def space_of(survey_of: Callable[..., Survey]) -> Callable[..., Space]:
    """The space of two models for 260 images; `ant` is the faster one, `bee` the better one."""

    def make(images: int = IMAGES, time_limit: float | None = None, freezes: bool = False, **fixed: object) -> Space:
        ant = Animal(top1=50.0, seconds=0.1, freezes=freezes)
        survey = survey_of({"ant": ant, "bee": Animal(top1=70.0, seconds=0.5, probe=0.9, freezes=freezes)})
        fixed_by = (Source.of(fixed, "a test"),) if fixed else ()
        survey.request = replace(survey.request, fixed=fixed_by)
        choice = choice_of(survey.look(), by_speed=False)
        survey.request = replace(survey.request, limits=Limits(time_limit=time_limit))
        searched = [
            Searched(part, recipe(part.defaults, images, (1, 1), 1.0, None), survey.request)
            for one in choice.ranked
            for part in one.parts()
        ]
        return space_around(searched, choice, Score(metric="accuracy"), images)

    return make


def test_the_fastest_is_trained_to_its_end_first_and_then_the_most_promising(space_of: Callable[..., Space]) -> None:
    space = space_of()
    first = space.first
    assert [(one.model, one.why) for one in first] == [
        ("zoo/ant", "default of ant"),
        ("zoo/bee", "default of bee"),
        ("zoo/ant", "recipe of ant with sgd"),
        ("zoo/bee", "recipe of bee with sgd"),
    ]
    sampler = sampler_of(SamplerRequest(), space)
    assert [sampler.suggest(number + 1, []) for number in range(4)] == list(first)


def test_where_time_is_short_the_fastest_is_the_first_and_the_most_promising_alone_ends(
    space_of: Callable[..., Space],
) -> None:
    first = space_of(time_limit=100.0).first[:2]  # 31 epochs of 0.5 s and of 2.5 s are over 75 s
    assert [(one.model, one.why) for one in first] == [("zoo/ant", "recipe of ant"), ("zoo/bee", "default of bee")]


class TestHeads:
    def test_they_come_first_and_are_groups_of_their_own(self, space_of: Callable[..., Space]) -> None:
        space = space_of(freezes=True)
        assert [one.why for one in space.first] == [
            "default of ant, its head alone",
            "default of bee, its head alone",
            "default of ant",
            "default of bee",
            "recipe of ant with sgd",
            "recipe of bee with sgd",
        ]
        frozen = [space.value(one.model, "layers_to_freeze", one.values) for one in space.first]
        assert frozen == [4, 4, None, None, None, None]
        sampler = sampler_of(SamplerRequest(), space)
        assert [sampler.suggest(number + 1, []) for number in range(6)] == list(space.first)

    def test_their_rate_is_twenty_times_the_models(self, space_of: Callable[..., Space]) -> None:
        space = space_of(freezes=True)
        head, _, whole, *_ = space.first
        assert head.values["learning_rate"] == pytest.approx(20 * float(str(whole.values["learning_rate"])), rel=1e-3)
        drawn = Coordinates(space)
        for one in space.first:
            point = drawn.point(one.group, one.model, one.values)
            assert point is not None  # the search learns from it
            assert drawn.place(point)[2]["learning_rate"] == pytest.approx(one.values["learning_rate"], rel=1e-2)

    def test_whole_models_never_freeze_all(self, space_of: Callable[..., Space]) -> None:
        space = space_of(freezes=True)
        frozen = {group.parameters["layers_to_freeze"].choices for group in space.groups}
        assert frozen == {(4,), (None, 2)}

    def test_they_end_as_far_as_there_is_time(self, space_of: Callable[..., Space]) -> None:
        # 31 epochs of 48 images: 3.1 s of ant's head, 15.5 of bee's and of all of ant, 77.5 of all of bee; 75 % of 50.
        why = [one.why for one in space_of(freezes=True, time_limit=50.0).first[:4]]
        assert why == [
            "default of ant, its head alone",
            "default of bee, its head alone",
            "default of ant",
            "recipe of bee",
        ]


def test_a_trial_has_the_recipes_values_and_the_rate_that_goes_with_them(space_of: Callable[..., Space]) -> None:
    space = space_of()
    adamw, sgd = space.first[0].values, space.first[2].values
    assert (sgd["training_batch_size"], sgd["number_of_epochs"]) == (16, 31)
    assert sgd["optimizer"] == "sgd"
    # Of the table's 0.01 for a batch of 78: the linear rule, and for adamw the root of a twentieth.
    assert sgd["learning_rate"] == pytest.approx(0.01 * 16 / 78, rel=1e-3)
    assert adamw["learning_rate"] == pytest.approx(0.01 / 20 * math.sqrt(16 / 78), rel=1e-3)


def test_what_is_drawn_lies_around_the_recipe(space_of: Callable[..., Space]) -> None:
    space = space_of()
    parameters = space.groups[0].parameters
    assert parameters["training_batch_size"].choices == (8, 16, 32)
    assert set(parameters["optimizer"].choices) == {"sgd", "adamw"}
    assert parameters["learning_rate"].is_relative
    assert parameters["number_of_epochs"].choices == (31,)
    drawn = Coordinates(space)
    for place in range(4):
        point = drawn.from_units([(0.13 + 0.21 * place) % 1] * drawn.dimensions)
        group, model, values = drawn.place(point)
        rate, own = values["learning_rate"], space.defaults[model].rates[str(values["optimizer"])]
        assert isinstance(rate, float)
        assert own / 10 * 0.99 <= rate <= own * 5 * 1.01
        assert drawn.point(group, model, values) is not None


def test_what_the_user_has_set_stays(space_of: Callable[..., Space]) -> None:
    space = space_of(training_batch_size=4, number_of_epochs=3, optimizer="adam")
    assert [one.why for one in space.first] == ["default of ant", "default of bee"]
    for suggestion in space.first:
        values = {name: suggestion.values[name] for name in ("training_batch_size", "number_of_epochs", "optimizer")}
        assert values == {"training_batch_size": 4, "number_of_epochs": 3, "optimizer": "adam"}
    # The rate goes with the user's batch: adam's is a twentieth, and goes with the root.
    assert space.first[0].values["learning_rate"] == pytest.approx(0.01 / 20 * math.sqrt(4 / 78), rel=1e-3)
    assert all(len(space.groups[0].parameters[name].choices) == 1 for name in values)


def test_many_images_have_the_models_own_optimiser_alone(space_of: Callable[..., Space]) -> None:
    assert [one.why for one in space_of(images=5_000).first] == ["default of ant", "default of bee"]
