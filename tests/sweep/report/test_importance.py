"""What mattered, where Optuna is installed; where it isn't, what to install."""

from __future__ import annotations

import importlib.util

import pytest
from vistry.sweep.report import importance
from vistry.sweep.report.contents import Contents
from vistry.sweep.report.importance import importance_section, importances

from tests.sweep.report.conftest import WriteSweep


def test_without_optuna_it_says_what_to_install(write_sweep: WriteSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = Contents.of(write_sweep(12))
    monkeypatch.setattr(importance, "find_spec", lambda name: None)
    found = importances(contents)
    assert found is None
    assert "pip install &#34;vistry[sweep]&#34;" in importance_section(contents, found).markup()


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs optuna")
def test_what_decides_the_scores_matters_and_what_does_not_does_not(write_sweep: WriteSweep) -> None:
    found = importances(Contents.of(write_sweep(120)))
    assert found is not None
    assert sum(found.values()) == pytest.approx(1)
    assert set(list(found)[:2]) == {"model", "learning_rate"}
    assert "layers_to_freeze" not in found  # only some models have it
    assert found["weight_decay"] < 0.2 < found["model"]


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs optuna")
def test_few_trials_say_nothing(write_sweep: WriteSweep) -> None:
    contents = Contents.of(write_sweep(5))
    assert importances(contents) == {}
    assert "It takes 10 trials with different scores to tell; 5 have one." in importance_section(contents, {}).markup()
