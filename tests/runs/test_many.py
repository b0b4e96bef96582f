"""A sweep or a cross-validation stands where a run does, by its best run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from vistry import find_run, report
from vistry.cli import main
from vistry.errors import RunError
from vistry.runs.many import find_many_runs, find_run_or_best, many_runs_in


def _model(folder: Path) -> None:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "best.safetensors").write_bytes(b"")
    (folder / "run.json").write_text("{}")


def write_sweep(folder: Path, scores: Sequence[float | None], kept: Sequence[int]) -> Path:
    """A sweep's files, with its leaderboard as it is written, and the weights of some trials."""
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps({"task": "image_classification", "primary_metric": "accuracy"}))
    ranked = sorted(enumerate(scores, start=1), key=lambda one: -(one[1] or 0))
    board = [{"trial": number, "score": score} for number, score in ranked]
    (folder / "leaderboard.json").write_text(json.dumps({"trials": board}))
    for number in kept:
        _model(folder / "trials" / f"{number:04d}")
    return folder


def write_folds(folder: Path, scores: Sequence[float], metric: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "folds.json").write_text(json.dumps({"task": "image_classification", "primary_metric": metric}))
    summary = {"folds": list(range(1, len(scores) + 1)), "metrics": {metric: {"values": list(scores)}}}
    (folder / "summary.json").write_text(json.dumps(summary))
    for number in range(1, len(scores) + 1):
        _model(folder / "folds" / f"fold-{number}")
    return folder


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def _invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.parametrize("by", ["folder", "identifier", "last"])
def test_a_sweep_is_known_as_a_run_is(runs: Path, by: str) -> None:
    sweep = write_sweep(runs / "a-sweep", [0.5, 0.9, 0.7], kept=[1, 2, 3])
    name = {"folder": sweep, "identifier": "a-sweep", "last": "last"}[by]
    assert find_run_or_best(name).folder == sweep / "trials" / "0002"
    assert find_run(name).folder == sweep / "trials" / "0002"


def test_a_trial_whose_weights_were_deleted_leaves_it_to_the_next(runs: Path) -> None:
    sweep = write_sweep(runs / "a-sweep", [0.5, 0.9, None, 0.7], kept=[1, 4])
    assert find_run_or_best(sweep).folder.name == "0004"


@pytest.mark.parametrize(("metric", "best"), [("accuracy", "fold-2"), ("log_loss", "fold-1")])
def test_of_folds_the_best_is_by_its_metric(runs: Path, metric: str, best: str) -> None:
    assert find_run_or_best(write_folds(runs / "folds", [0.2, 0.9, 0.5], metric)).folder.name == best


def test_a_sweep_without_a_model_says_what_to_type(runs: Path) -> None:
    sweep = write_sweep(runs / "a-sweep", [None, None], kept=[])
    with pytest.raises(RunError, match=r"no run of .*a-sweep has a model yet; to go on with it, type: vistry resume"):
        find_run_or_best("a-sweep")
    (sweep / "leaderboard.json").unlink()
    for command in (("predict", "last", "x.png"), ("evaluate", sweep, "data"), ("threshold", "a-sweep")):
        done = _invoke(*command)
        assert done.exit_code != 0
        assert "Traceback" not in done.output


def test_last_is_the_newest_of_all(runs: Path) -> None:
    sweep = write_sweep(runs / "a-sweep", [0.5], kept=[1])
    _model(runs / "a-run")
    os.utime(sweep / "sweep.json", (1000, 1000))
    assert find_many_runs("last") is None
    os.utime(runs / "a-run" / "run.json", (500, 500))
    many = find_many_runs("last")
    assert many is not None
    assert many.id == "a-sweep"


@pytest.mark.parametrize(
    "command", [("predict", "SWEEP", "x.png"), ("evaluate", "SWEEP", "data"), ("threshold", "SWEEP")]
)
def test_the_commands_say_which_run_is_meant(runs: Path, command: tuple[str, ...], photo: object) -> None:
    sweep = write_sweep(runs / "a-sweep", [0.5, 0.75], kept=[1, 2])
    Path("x.png").write_bytes(b"")
    done = _invoke(*[str(sweep) if word == "SWEEP" else word for word in command])
    assert "is a sweep; its best trial, 2, is taken, with accuracy 0.7500: " in done.output
    assert "invalid" in done.output  # the run is no real one, and is what is read


def test_the_list_has_them_apart_and_trials_do_not_flood_it(runs: Path) -> None:
    write_sweep(runs / "a-sweep", [0.5, 0.75], kept=[1, 2])
    write_sweep(runs / "b-sweep", [], kept=[])
    write_folds(runs / "c-folds", [0.25, 0.5], "accuracy")
    text = _invoke("runs", "list").output
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["a-sweep", "b-sweep", "c-folds"]
    assert "sweep  accuracy 0.7500" in text
    assert "folds  accuracy 0.5000" in text
    assert "0001" not in text
    listed = json.loads(_invoke("runs", "list", "--json").output)
    assert listed["runs"] == []
    assert [one["best_run"] and Path(one["best_run"]).name for one in listed["many"]] == ["0002", None, "fold-2"]


@pytest.mark.parametrize("name", ["a-sweep", "last"])
def test_to_show_a_sweep_there_is_a_command_whatever_it_is_called_by(runs: Path, name: str) -> None:
    sweep = write_sweep(runs / "a-sweep", [0.5], kept=[1])
    done = _invoke("runs", "show", name)
    assert done.exit_code != 0
    assert f"is a sweep; to see its trials, type: vistry sweep show {sweep}" in done.output


def test_folds_have_their_report_from_their_end(runs: Path) -> None:
    folds = write_folds(runs / "c-folds", [0.25, 0.5], "accuracy")
    with pytest.raises(RunError, match="is a cross-validation, whose report is written at its end"):
        report(folds)


def test_a_damaged_record_is_a_sentence_and_hides_no_other(runs: Path) -> None:
    write_sweep(runs / "a-sweep", [0.5], kept=[1])
    bad = write_sweep(runs / "b-sweep", [0.5], kept=[1])
    (bad / "leaderboard.json").write_text("{")
    assert len(many_runs_in()) == 2
    assert "a-sweep" in _invoke("runs", "list").output
    with pytest.raises(RunError, match="can't be read"):
        find_run_or_best(bad)


def test_a_misspelt_name_is_guessed_among_sweeps_too(runs: Path) -> None:
    write_sweep(runs / "flower-sweep", [0.5], kept=[1])
    with pytest.raises(RunError, match="did you mean 'flower-sweep'"):
        find_run_or_best("flowr-sweep")
