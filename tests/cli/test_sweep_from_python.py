"""`vistry.sweep` takes all that `vistry sweep` does, a config file included, and means the same by it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.cli.sweep import run
from vistry.errors import HyperparameterError, VistryError
from vistry.sweep import from_python, session
from vistry.sweep.asked import CONSTRAINTS, POLICY
from vistry.sweep.from_python import policy_of
from vistry.sweep.request import SweepRequest

from tests.sweep.conftest import folders

__all__ = ["folders"]  # a fixture
SPACE_FILE = """limits: {max_trials: 7}
primary_metric: AUC_weighted
training_parameters: {number_of_epochs: 5}
sweep:
  sampling_algorithm: sobol
  early_termination: {type: bandit, slack_factor: 0.2, delay_evaluation: 3}
search_space:
  - model_name: tiny
    learning_rate: {type: uniform, min_value: 0.001, max_value: 0.1}
"""
# What is printed and whether anything is done at all is the command's own; Python has plan_sweep, begin and outlook_of.
OF_THE_COMMAND = {"begin_only", "dry_run", "as_json"}
Ask = Callable[..., SweepRequest]


def test_every_option_has_its_argument() -> None:
    arguments = set(inspect.signature(from_python.sweep).parameters)
    for option in (one.name for one in run.params if isinstance(one, click.Option)):
        assert option is not None
        if option in POLICY:
            assert policy_of({"type": "bandit", option: 3})[option] == 3
        elif option in CONSTRAINTS:
            assert from_python.checked_constraints({option: 3.0})[option] == 3
        elif option not in OF_THE_COMMAND:
            assert option in arguments


@pytest.fixture
def asked(folders: Path, digits: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Ask, Ask]:
    """The request that a command line makes, and the one that Python does."""
    requests: list[SweepRequest] = []

    class Known(Exception):
        pass

    def plan(request: SweepRequest, **_: Any) -> None:
        requests.append(request)
        raise Known

    monkeypatch.setattr(session, "plan_sweep", plan)

    def typed(*words: object) -> SweepRequest:
        done = CliRunner().invoke(main, ["sweep", "--data", str(digits), "--dry-run", *map(str, words)])
        assert isinstance(done.exception, Known), done.output
        return requests[-1]

    def called(**options: Any) -> SweepRequest:
        monkeypatch.setattr(session, "sweep", lambda request, **_: plan(request))
        with pytest.raises(Known):
            vistry.sweep(digits, **options)
        return requests[-1]

    return typed, called


def _compared(request: SweepRequest) -> SweepRequest:
    """A request without the functions that say where its fixed values are from, which are never equal."""
    return replace(request, fixed=())


def test_a_config_file_and_what_goes_over_it_mean_the_same(asked: tuple[Ask, Ask], tmp_path: Path) -> None:
    typed, called = asked
    (tmp_path / "space.yaml").write_text(SPACE_FILE)
    words = ["--config", "space.yaml", "--task", "multiclass", "--max-trials", 9, "--slack-factor", 0.3]
    of_command = typed(*words, "--max-parameters", "12M", "--seed", 4)
    of_python = called(
        config="space.yaml",
        task="multiclass",
        max_trials=9,
        stopping={"slack_factor": 0.3},
        constraints={"max_parameters": 12e6},
        seed=4,
    )
    assert _compared(of_command) == _compared(of_python)
    assert [dict(source.values) for source in of_command.fixed] == [dict(source.values) for source in of_python.fixed]
    assert (of_python.sampler.name, of_python.sampler.seed, of_python.limits.max_trials) == ("sobol", 4, 9)
    assert (of_python.termination.name, of_python.termination.slack_factor) == ("bandit", 0.3)
    assert of_python.termination.delay_evaluation == 3
    assert of_python.training.primary_metric == "AUC_weighted"


def test_without_one_the_defaults_are_the_same(asked: tuple[Ask, Ask]) -> None:
    typed, called = asked
    of_command = typed("--task", "multiclass", "--model", "tiny", "--optimizer", "sgd,adamw")
    of_python = called(task="multiclass", model="tiny", optimizer=["sgd", "adamw"])
    assert _compared(of_command) == _compared(of_python)
    assert (of_python.sampler.name, of_python.termination.name) == ("auto", "halving")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraints": {"max_params": 3}}, "there is no constraint 'max_params'; did you mean 'max_parameters'"),
        ({"stopping": {"type": "bandit", "slack_facto": 1}}, "no option 'slack_facto'; did you mean 'slack_factor'"),
        ({"config": "gone.yaml"}, "gone.yaml"),
    ],
)
def test_what_python_gets_wrong_is_said(folders: Path, digits: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(VistryError, match=message):
        vistry.sweep(digits, task="multiclass", **options)


def test_a_name_that_no_model_has_is_said_with_the_file(folders: Path, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE_FILE.replace("learning_rate", "lerning_rate"))
    with pytest.raises(HyperparameterError, match=r"space.yaml:\d+: .*did you mean 'learning_rate'"):
        vistry.sweep(digits, task="multiclass", config=tmp_path / "space.yaml")
