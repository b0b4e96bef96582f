"""A sweep as event files of TensorBoard's: a folder a trial, with its curves and what it tried."""

from __future__ import annotations

from pathlib import Path

from vistry.registry.field_spec import Scalar
from vistry.sweep.export.trial_times import times_of, trial_times
from vistry.sweep.folder import SweepFolder
from vistry.sweep.trial import Trial


def write(sweep: SweepFolder, path: Path) -> None:
    """Write the folder, by torch's writer."""
    from torch.utils.tensorboard import SummaryWriter

    times = trial_times(sweep)
    for trial in sweep.trials():
        begun = times_of(trial, times).begun
        name = f"trial-{trial.number:04d}"
        with SummaryWriter(str(path / name)) as writer:
            passed = begun
            for entry in sweep.run_of(trial.number).history():
                passed += entry.train_seconds + (entry.evaluation_seconds or 0.0)
                scalars = {"train_loss": entry.train_loss, "learning_rate": entry.learning_rate}
                for metric, value in {**scalars, **(entry.metrics or {})}.items():
                    writer.add_scalar(metric, value, entry.epoch + 1, walltime=passed)
            best = sweep.metric(trial.best())
            if best is not None:
                # A run name of "." keeps the hyperparameters in the trial's own folder.
                writer.add_hparams(_values(trial), {f"best_{sweep.record.primary_metric}": best}, run_name=".")


def _values(trial: Trial) -> dict[str, Scalar]:
    """The values as TensorBoard takes them, which knows no unset."""
    values = {name: "unset" if value is None else value for name, value in trial.record.values.items()}
    return {"model": trial.record.model, "why": trial.record.why, **values}
