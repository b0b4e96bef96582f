"""What is looked at, in which order, and why a model is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

import pytest
from vistry.data.table import Table
from vistry.errors import TrainingError
from vistry.hyperparameter.schema import Source
from vistry.registry.weights_cache import WeightsCache
from vistry.sweep.automatic import survey as module
from vistry.sweep.automatic.candidates import Candidate
from vistry.sweep.automatic.choice import choice_of
from vistry.sweep.automatic.survey import Survey
from vistry.sweep.request import Constraints

from tests.sweep.automatic.conftest import Animal
from tests.weights.hub_server import Hub

FAR = {
    "ant": Animal(top1=50.0),
    "bee": Animal(top1=80.0, is_here=False, size=600),
    "big": Animal(top1=75.0, is_here=False, size=500),
    "cat": Animal(top1=70.0, is_here=False, size=300),
    "dog": Animal(top1=60.0, is_here=False, size=10),
}
SurveyOf = Callable[..., Survey]


def names(survey: Survey) -> list[str]:
    return [one.candidate.card.name for one in survey.tried]


def test_two_of_a_kind_come_before_the_rest_of_it(survey_of: SurveyOf) -> None:
    ants = {f"ant{size}": Animal(top1=90.0 - size, kind="ant") for size in range(5)}
    bees = {f"bee{size}": Animal(top1=80.0 - size, kind="bee") for size in range(3)}
    dearest = {"cat": Animal(top1=10.0, parameters=9_000_000)}
    survey = survey_of({**ants, **bees, **dearest})
    survey.look()
    # The cheapest is first, of which the first of equals is taken; two of each kind, then what is left over.
    assert names(survey) == ["ant0", "ant1", "ant2", "bee0", "bee1", "cat"]


def test_each_fault_costs_one_line(survey_of: SurveyOf) -> None:
    survey = survey_of(
        {
            "ant": Animal(top1=1.0),
            "bee": Animal(top1=2.0, error="ValueError: no such layer"),
            "cat": Animal(top1=3.0, parameters=5_000_000),
        },
        constraints=Constraints(max_model_size=8_000_000),
    )
    survey.look()
    assert names(survey) == ["ant"]
    assert survey.dropped["zoo/bee"] == "ValueError: no such layer"
    assert "19.1 MiB are more than 7.6 MiB" in survey.dropped["zoo/cat"]
    assert sum("is left out" in line for line in survey.decisions) == 2


def test_what_is_too_slow_for_the_time_is_left_out_by_measuring_or_by_its_size(survey_of: SurveyOf) -> None:
    # 100 updates of 16 images take 20 s at 0.2 s; over a third of 30 s, and 40 times the size is not even measured.
    survey = survey_of(
        {
            "ant": Animal(top1=1.0, seconds=0.05),
            "bee": Animal(top1=2.0, seconds=0.2),
            "cat": Animal(top1=3.0, parameters=118_000_000),
        },
        time_limit=30.0,
    )
    survey.look()
    assert names(survey) == ["ant"]
    assert "take 20s, over a third of the 30s" in survey.dropped["zoo/bee"]
    assert {model for model, _ in survey.process.measured} == {"zoo/ant", "zoo/bee"}  # type: ignore[attr-defined]
    assert any("1 model not looked at, too slow" in line for line in survey.decisions)


def test_what_seems_fast_enough_comes_before_what_only_may_be(survey_of: SurveyOf) -> None:
    # By the size of the first, 100 updates of 16 images take 5 s of it, 9 s of bee, and 15 s of cat: over 10 s.
    survey = survey_of(
        {
            "ant": Animal(top1=1.0, seconds=0.05),
            "bee": Animal(top1=2.0, seconds=0.09, parameters=3_400_000),
            "cat": Animal(top1=3.0, seconds=0.09, parameters=7_000_000),
        },
        time_limit=30.0,
    )
    survey.look()
    assert [model for model, _ in survey.process.measured] == ["zoo/ant", "zoo/bee", "zoo/cat"]  # type: ignore[attr-defined]
    assert names(survey) == ["cat", "bee", "ant"]


def test_where_there_is_no_time_for_all_of_a_model_its_head_alone_is_trained(survey_of: SurveyOf) -> None:
    # All of bee takes 20 s and its head 6.7; all of cat and its head are over the 10 s, which are a third of 30.
    survey = survey_of(
        {
            "ant": Animal(top1=1.0, seconds=0.05, freezes=True),
            "bee": Animal(top1=2.0, seconds=0.2, freezes=True),
            "cat": Animal(top1=3.0, seconds=0.4, freezes=True),
        },
        time_limit=30.0,
    )
    survey.look()
    assert {one.candidate.card.name: one.head_alone for one in survey.tried} == {"ant": False, "bee": True}
    assert "take 40s" in survey.dropped["zoo/cat"]
    assert any(line.startswith("of bee the head alone is trained: of all of it, 100 upd") for line in survey.decisions)
    ant, bee = (next(one for one in survey.tried if one.candidate.card.name == name) for name in ("ant", "bee"))
    assert [part.head_alone for part in ant.parts()] == [True, False]
    assert [part.head_alone for part in bee.parts()] == [True]
    assert bee.epoch_seconds == pytest.approx(0.2 / 48 * (40 + 8))  # the images that are trained on and validated


@pytest.mark.parametrize(
    ("animal", "fixed"),
    [
        (Animal(top1=1.0), {}),  # nothing to freeze
        (Animal(has_weights=False, freezes=True), {}),
        (Animal(top1=1.0, freezes=True), {"layers_to_freeze": 2}),
    ],
)
def test_heads_are_not_trained_alone(survey_of: SurveyOf, animal: Animal, fixed: dict[str, object]) -> None:
    survey = survey_of({"ant": animal}, fixed=(Source.of(fixed, "a test"),))
    [ant] = survey.look()
    assert ant.head is None
    assert ant.parts() == [ant]


def test_a_head_of_many_images_is_not_trained_alone(
    survey_of: SurveyOf, table_of: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = survey_of({"ant": Animal(top1=1.0, freezes=True)})
    monkeypatch.setattr(module, "PROBE_IMAGES", 10)
    training = table_of([[row % 2] for row in range(2_000)], classes=2)
    survey.splits = replace(survey.splits, training=training)
    [ant] = survey.look()
    assert ant.head is None


def test_where_all_are_too_slow_the_fastest_is_taken(survey_of: SurveyOf) -> None:
    survey = survey_of({"ant": Animal(top1=1.0, seconds=0.2), "bee": Animal(top1=2.0, seconds=0.1)}, time_limit=20.0)
    survey.look()
    assert names(survey) == ["bee"]
    assert set(survey.dropped) == {"zoo/ant"}
    assert any("bee is taken all the same" in line for line in survey.decisions)


def test_where_none_can_be_trained_the_reasons_are_told(survey_of: SurveyOf) -> None:
    survey = survey_of({"ant": Animal(top1=1.0, error="out of memory")})
    with pytest.raises(TrainingError, match="no installed model can be trained.*zoo/ant: out of memory"):
        survey.look()


def test_where_there_is_no_model_at_all_it_says_so(survey_of: SurveyOf) -> None:
    survey = survey_of({"ant": Animal(top1=1.0)}, constraints=Constraints(max_parameters=10))
    with pytest.raises(TrainingError, match="there is none that torch trains and that keeps to the constraints"):
        survey.look()


def test_measuring_ends_with_its_time_but_not_before_one_is_there(
    survey_of: SurveyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = survey_of({name: Animal(top1=1.0) for name in ("ant", "bee", "cat")})
    ticks = iter([0.0, 0.0, 61.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(ticks))
    survey.look()
    assert len(survey.tried) == 1
    assert any("no more models were looked at" in line for line in survey.decisions)


def test_where_the_first_ones_fail_until_a_third_of_the_time_is_over_it_gives_up(
    survey_of: SurveyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = survey_of({name: Animal(top1=1.0, error="late") for name in ("ant", "bee", "cat")}, time_limit=300.0)
    ticks = iter([0.0, 0.0, 99.0, 101.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(ticks))
    with pytest.raises(TrainingError, match="zoo/ant: late; zoo/bee: late$"):
        survey.look()


def test_weights_are_fetched_as_far_as_the_bytes_go_and_until_the_first_failure(
    survey_of: SurveyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_fetched: list[str] = []

    def fetched(candidate: Candidate, seconds: float) -> CompletedProcess[str]:
        names_fetched.append(candidate.card.name)
        status = 1 if candidate.card.name == "cat" else 0
        return CompletedProcess([], status, "", "error: nobody answers")

    monkeypatch.setattr(module, "fetched", fetched)
    survey = survey_of(FAR, may_fetch=True, max_download=1_000)
    survey.look()
    assert names_fetched == ["bee", "cat"]
    assert names(survey) == ["bee", "ant"]
    assert "nobody answers" in survey.dropped["zoo/cat"]
    assert any("--max-download, 1.0 kB in all" in line for line in survey.decisions)
    assert any("1 model not looked at, whose weights aren't here" in line for line in survey.decisions)


def test_a_fetch_that_takes_its_time_is_ended(survey_of: SurveyOf, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(candidate: Candidate, seconds: float) -> CompletedProcess[str]:
        raise TimeoutExpired([candidate.model], seconds)

    monkeypatch.setattr(module, "fetched", fetched)
    survey = survey_of(FAR, may_fetch=True, time_limit=600.0)
    survey.look()
    assert names(survey) == ["ant"]
    assert survey.dropped["zoo/bee"] == "its weights, about 600 bytes, weren't here after 30s"


def test_weights_come_from_a_hub(survey_of: SurveyOf, hub: Hub, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(site))
    there = hub.folder / "zoo" / "ant" / "model.safetensors"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"x" * 100)
    survey = survey_of(
        {
            "ant": Animal(top1=1.0, is_here=False, size=100, source="hub:zoo/ant/model.safetensors"),
            "bee": Animal(top1=0.5, is_here=False, size=100, source="hub:zoo/bee/model.safetensors"),
        },
        may_fetch=True,
    )
    survey.look()
    assert names(survey) == ["ant"]
    assert WeightsCache.read().find(survey.tried[0].candidate.card.weights["imagenet"]) is not None
    assert "its weights can't be fetched" in survey.dropped["zoo/bee"]
    assert any(line == "ant: its weights 'imagenet' are fetched, about 100 bytes, MIT" for line in survey.decisions)


def test_the_three_best_by_both_and_the_fastest_are_chosen(survey_of: SurveyOf) -> None:
    survey = survey_of(
        {
            "ant": Animal(top1=80.0, probe=0.2),
            "bee": Animal(top1=79.0, probe=0.9),
            "cat": Animal(top1=78.0, probe=0.8),
            "dog": Animal(top1=77.0, probe=0.7),
            "eel": Animal(top1=60.0, probe=0.1, seconds=0.01),
        }
    )
    choice = choice_of(survey.look(), by_speed=False)
    # Places by figure and by probe: ant 0 and 3, bee 1 and 0, cat 2 and 1, dog 3 and 2, eel 4 and 4.
    assert [one.candidate.card.name for one in choice.ranked] == ["bee", "ant", "cat", "eel"]
    assert choice.fastest.candidate.card.name == "eel"
    assert choice.reasons["zoo/dog"] == "place 4, after the 3 best and the fastest"
    assert choice.reasons["zoo/eel"] == "place 5, and the fastest"


def test_detectors_are_chosen_by_their_figure_over_their_time(survey_of: SurveyOf) -> None:
    survey = survey_of({"ant": Animal(top1=50.0, seconds=1.0), "bee": Animal(top1=40.0, seconds=0.1)})
    choice = choice_of(survey.look(), by_speed=True)
    assert [one.candidate.card.name for one in choice.ranked] == ["bee", "ant"]


def test_random_weights_need_more_updates_and_are_never_probed(survey_of: SurveyOf) -> None:
    survey = survey_of(
        {"ant": Animal(has_weights=False, seconds=0.2), "bee": Animal(has_weights=False, seconds=0.05)}, time_limit=90.0
    )
    survey.look()
    assert names(survey) == ["bee"]  # 500 updates of 0.2 s are over 30 s
    assert survey.process.probed == []  # type: ignore[attr-defined]
