"""`vistry sweep` and `vistry resume SWEEP` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from vistry.cli import main
from vistry.sweep import session
from vistry.sweep.folder import SweepFolder, find_sweep

from tests.sweep.conftest import folders, request_of
from tests.sweep.runners import Pretending
from tests.sweep.test_worker import failing, rising

__all__ = ["folders", "request_of"]  # fixtures
Type = Callable[..., Result]
SPACE = ("--model", "tiny", "--learning_rate", "0.005..0.1", "--optimizer", "sgd,adamw", "--number_of_epochs", "4")


class _Pretending(Pretending):
    """A runner that trains nothing, as the context that the session enters."""

    def __enter__(self) -> _Pretending:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def sweep(folders: Path, digits: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type a sweep of the tiny network on the digits, whose trials are only pretended."""

    def call(*arguments: object, score: Any = rising) -> Result:
        monkeypatch.setattr(session, "local_runner", lambda backend: _Pretending(score))
        words = ["sweep", "--data", digits, "--task", "multiclass", *SPACE, *arguments]
        return CliRunner().invoke(main, [str(word) for word in words])

    return call


def test_a_line_a_trial_and_the_best_at_the_end(sweep: Type) -> None:
    done = sweep("--max_trials", 3)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    trials = [line for line in lines if line.startswith("trial ")]
    assert len(trials) >= 3
    assert "trial 1 of 3  tiny  learning_rate 0.01, optimizer sgd  (default of tiny)  epoch 4/4" in trials[0]
    assert "all 3 trials are done; best: trial 3" in done.stdout
    assert "it is chosen among 3 by the same images; expect less of it on others" in done.stdout
    assert "early_stopping is off in a sweep" in done.stderr
    assert find_sweep("last").record.limits.max_trials == 3


def test_both_spellings_and_json_alone_on_standard_output(sweep: Type) -> None:
    done = sweep("--max-trials", 2, "--sampler", "random", "--stopping", "none", "--json")
    content = json.loads(done.stdout)
    assert [entry["trial"] for entry in content["leaderboard"]] == [2, 1]
    assert content["best_run"].endswith("trials/0002")


def test_without_a_model_the_exit_status_is_one_and_the_reason_is_said(sweep: Type) -> None:
    done = sweep("--max_trials", 1, score=failing)
    assert done.exit_code == 1
    assert "no trial has a model; the last trial: the loss is not a number" in done.stdout


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        *[
            (name, "--max-trials")
            for name in ("n_trials", "num-trials", "num_samples", "iterations", "count", "run_cap")
        ],
        ("timeout", "--time-limit"),
        ("time_budget", "--time-limit"),
        ("n_jobs", "--max-concurrent-trials"),
        ("concurrency", "--max-concurrent-trials"),
    ],
)
def test_other_tools_names_are_understood(sweep: Type, option: str, meant: str) -> None:
    done = sweep(f"--{option}", 3)
    assert done.exit_code == 2
    assert f"unknown option --{option}; did you mean {meant}?" in done.stderr


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_written(sweep: Type, folders: Path) -> None:
    done = sweep("--max_trials", 0, "--weight_decay", "-3..-1", "--stopping", "bandit", "--momentum", "7")
    assert done.exit_code == 2
    for field in ("max_trials", "weight_decay", "slack_factor", "momentum"):
        assert f"  - {field}:" in done.stderr
    assert not folders.exists()


def test_a_dry_run_says_what_would_be_searched_and_what_fits(sweep: Type, folders: Path) -> None:
    done = sweep("--dry-run", "--time-limit", "10m", "--max_trials", 3)
    assert done.exit_code == 0, done.stderr
    assert "learning_rate     0.005 to 0.1 (logarithmic)" in done.stdout
    assert "tiny: about " in done.stdout
    assert "into 10m00s fit about " in done.stdout
    assert not folders.exists()


def test_a_dry_run_of_a_grid_says_how_much_is_left_out(folders: Path, digits: Path) -> None:
    words = ["sweep", "--data", str(digits), "--task", "multiclass", "--model", "tiny", "--sampler", "grid"]
    words += ["--optimizer", "sgd,adamw", "--training_batch_size", "8,16,32", "--max_trials", "4", "--dry-run"]
    done = CliRunner().invoke(main, words)
    assert "6 points, 4 trials: 2 left out" in done.stdout
    content = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert (content["outlook"]["points"], content["outlook"]["left_out"]) == (6, 2)


def test_resume_goes_on_with_a_sweep_by_its_folder_its_name_and_as_the_last(sweep: Type) -> None:
    sweep("--max_trials", 2)
    folder = find_sweep("last")
    for count, name in enumerate((str(folder.path), folder.id, "last"), start=3):
        done = CliRunner().invoke(main, ["resume", name, "--max_trials", str(count)])
        assert done.exit_code == 0, done.stderr
        assert f"all {count} trials are done" in done.stdout
    assert SweepFolder(folder.path).numbers == [1, 2, 3, 4, 5]


def test_resume_says_which_options_are_of_a_run_and_which_of_a_sweep(sweep: Type, digits: Path) -> None:
    sweep("--max_trials", 1)
    done = CliRunner().invoke(main, ["resume", "last", "--data", str(digits)])
    assert "--data is of a run, and this is a sweep; leave it out" in done.stderr
    (Path("run")).mkdir()
    (Path("run") / "run.json").write_text("{}")
    done = CliRunner().invoke(main, ["resume", "run", "--max_trials", "3"])
    assert "--max-trials is of a sweep, and this is a run; leave it out" in done.stderr


def test_a_config_file_and_options_over_it(sweep: Type, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("limits: {max_trials: 9}\nsweep: {sampling_algorithm: random}\n")
    done = sweep("--config", file, "--max_trials", 2, "--stopping", "none")
    assert done.exit_code == 0, done.stderr
    record = find_sweep("last").record
    assert (record.limits.max_trials, record.sampler.name, record.termination.name) == (2, "random", "none")
    file.write_text("type: automl\n")
    assert f"vistry job run {file}" in sweep("--config", file).stderr
