"""What is exported is read back by the tool itself: a spreadsheet's reader, Optuna, MLflow and TensorBoard."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from vistry.cli import main
from vistry.sweep import export as module
from vistry.sweep.folder import SweepFolder

from tests.sweep.report.conftest import WriteSweep


def export(sweep: SweepFolder, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["sweep", "export", str(sweep.path), *map(str, arguments)])


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(packages)}")


def test_csv_has_a_row_a_trial(write_sweep: WriteSweep, tmp_path: Path) -> None:
    sweep, output = write_sweep(12), tmp_path / "trials.csv"
    result = export(sweep, "--to", "csv", "--output", output)
    assert result.exit_code == 0, result.output
    assert f"{output}: 12 trials" in result.output
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == sweep.numbers
    for row, trial in zip(rows, sweep.trials(), strict=True):
        assert float(row["score"]) == sweep.metric(trial.best())
        assert float(row["learning_rate"]) == trial.record.values["learning_rate"]
        assert row["layers_to_freeze"] == str(trial.record.values.get("layers_to_freeze") or "")
        assert (row["status"], row["reason"]) == (trial.state.status, trial.state.reason)


def test_what_is_there_is_not_written_over(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(1)
    assert export(sweep, "--to", "csv").exit_code == 0
    again = export(sweep, "--to", "csv")
    assert again.exit_code != 0
    assert "trials.csv exists already; remove it, or name another with --output" in again.output


def test_another_tool_and_a_missing_package_are_said(write_sweep: WriteSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = write_sweep(1)
    assert "a sweep can't be exported to 'exel'; " in export(sweep, "--to", "exel").output
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    for tool, package in (("optuna", "optuna"), ("mlflow", "mlflow"), ("tensorboard", "torch")):
        text = export(sweep, "--to", tool).output
        assert f"--to {tool} needs the package {package}; type: pip install {package}" in text
    assert not (sweep.path / "export").exists()


@needs("optuna")
def test_optuna_reads_the_journal(write_sweep: WriteSweep, tmp_path: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    sweep, output = write_sweep(24), tmp_path / "a.journal"
    assert export(sweep, "--to", "optuna", "--output", output).exit_code == 0
    study = optuna.load_study(study_name=sweep.id, storage=JournalStorage(JournalFileBackend(str(output))))
    best = sweep.best()
    assert best is not None
    assert study.best_trial.number + 1 == best.number
    assert study.best_value == best.best()
    states = {"completed": "COMPLETE", "paused": "PRUNED", "stopped": "PRUNED", "failed": "FAIL"}
    for frozen, trial in zip(study.trials, sweep.trials(), strict=True):
        assert frozen.state.name == states[trial.state.status]
        assert frozen.params == {"model": trial.record.model, **trial.record.values}
        assert frozen.intermediate_values == {one.epochs: one.score for one in trial.evaluations}


@needs("mlflow", "sqlalchemy")
@pytest.mark.filterwarnings("ignore")
def test_mlflow_reads_the_database(write_sweep: WriteSweep, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    sweep, output = write_sweep(12), tmp_path / "a.db"
    result = export(sweep, "--to", "mlflow", "--output", output)
    assert result.exit_code == 0, result.output
    client = MlflowClient(tracking_uri=f"sqlite:///{output}")
    experiment = client.get_experiment_by_name(sweep.id)
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    for trial in sweep.trials():
        run = runs[f"trial {trial.number}"]
        assert run.data.params["model"] == trial.record.model
        assert float(run.data.params["learning_rate"]) == trial.record.values["learning_rate"]
        assert run.data.metrics["best_accuracy"] == sweep.metric(trial.best())
        curve = client.get_metric_history(run.info.run_id, "accuracy")
        assert [(one.step, one.value) for one in curve] == [(one.epochs, one.score) for one in trial.evaluations]


@needs("torch", "tensorboard")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_the_events(write_sweep: WriteSweep, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sweep, output = write_sweep(4), tmp_path / "board"
    assert export(sweep, "--to", "tensorboard", "--output", output).exit_code == 0
    for trial in sweep.trials():
        events = EventAccumulator(str(output / f"trial-{trial.number:04d}"))
        events.Reload()
        curve = [(one.step, one.value) for one in events.Scalars("accuracy")]
        assert curve == [(one.epochs, pytest.approx(one.score, abs=1e-6)) for one in trial.evaluations]
        assert events.Scalars("best_accuracy")[0].value == pytest.approx(trial.best(), abs=1e-6)
