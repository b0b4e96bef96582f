"""Which models there are to choose from, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from vistry.registry.catalogue import Catalogue
from vistry.sweep.automatic.candidates import RANDOM, Candidates
from vistry.sweep.request import Constraints

from tests.sweep.automatic.conftest import TASK, Animal, Zoo

ANIMALS = {
    "ant": Animal(top1=70.0, size=1_000),
    "bee": Animal(top1=80.0, is_here=False, size=2_000),
    "cat": Animal(is_here=True, parameters=2_000_000),
    "dog": Animal(is_here=True, parameters=3_000_000),
    "eel": Animal(has_weights=False),
}


def names(candidates: Candidates) -> list[str]:
    return [one.card.name for one in candidates.ranked]


def test_the_best_published_figure_is_first_and_then_the_largest(zoo: Zoo) -> None:
    ranked = Candidates(zoo(ANIMALS), TASK, "torch").ranked
    assert [(one.card.name, one.figure, one.size) for one in ranked] == [
        ("bee", 80.0, 2_000),
        ("ant", 70.0, 0),
        ("dog", None, 0),
        ("cat", None, 0),
    ]


def test_without_a_network_what_is_here_counts_and_without_that_all(zoo: Zoo) -> None:
    catalogue = zoo(ANIMALS)
    assert names(Candidates(catalogue, TASK, "torch", may_fetch=False)) == ["ant", "dog", "cat"]
    random = Candidates(catalogue, TASK, "torch", starts_random=True).ranked
    assert {one.weights for one in random} == {RANDOM}
    assert [one.card.name for one in random] == ["bee", "ant", "dog", "cat", "eel"]


def test_what_breaks_a_constraint_or_has_no_such_engine_is_none(zoo: Zoo) -> None:
    catalogue = zoo(ANIMALS)
    small = Candidates(catalogue, TASK, "torch", constraints=Constraints(max_parameters=1_500_000))
    assert names(small) == ["bee", "ant"]
    assert names(Candidates(catalogue, TASK, "jax")) == []


def test_a_file_that_a_policy_makes_the_default_is_here(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo(ANIMALS)
    policy = tmp_path / "registry.toml"
    policy.write_text(
        '[models.eel.defaults."*"]\nweights = "eel.safetensors"\n[models.ant.defaults."*"]\nweights = "none"\n'
    )
    monkeypatch.setenv("VISTRY_REGISTRY", str(policy))
    ranked = Candidates(Catalogue.read(), TASK, "torch", may_fetch=False).ranked
    assert {one.card.name: one.weights for one in ranked} == {
        "eel": "eel.safetensors",
        "cat": "imagenet",
        "dog": "imagenet",
    }
