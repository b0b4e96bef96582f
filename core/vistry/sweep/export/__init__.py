"""A sweep for other tools: as a table, and as what Optuna's dashboard, MLflow and TensorBoard read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from vistry.errors import VistryError, suggestion
from vistry.sweep.folder import SweepFolder, find_sweep

Write = Callable[[SweepFolder, Path], None]


@dataclass(frozen=True)
class Target:
    """A tool: the function that writes for it, what it needs installed, what is written, and what to type then."""

    function: str
    packages: Mapping[str, str]
    output: str
    then: str = ""


TARGETS: Mapping[str, Target] = {
    "csv": Target("csv_table:write", {}, "trials.csv"),
    "optuna": Target("optuna_journal:write", {"optuna": "optuna"}, "optuna.journal", then="optuna-dashboard {output}"),
    "mlflow": Target(
        "mlflow_runs:write",
        {"mlflow": "mlflow", "sqlalchemy": "mlflow"},
        "mlflow.db",
        then="mlflow ui --backend-store-uri sqlite:///{output}",
    ),
    "tensorboard": Target(
        "tensorboard_events:write",
        {"torch": "torch", "tensorboard": "tensorboard"},
        "tensorboard",
        then="tensorboard --logdir {output}",
    ),
}


@dataclass(frozen=True)
class Exported:
    """What was written, how many trials are in it, and what shows it, "" where that needs no saying."""

    path: Path
    trials: int
    then: str


def export_sweep(sweep: str | Path, *, to: str, output: str | Path | None = None) -> Exported:
    """Write a sweep for another tool, also while it runs. What is there from an earlier time is refused.

    Args:
        sweep: the sweep's folder or identifier, or "last" for the newest.
        to: "csv", "optuna" (a journal file), "mlflow" (a SQLite file) or "tensorboard" (a folder of event files).
        output: the file or the folder to write; by default one in the sweep's folder, below `export`.

    Raises RunError where there is no such sweep, VistryError for another tool, where a package is missing, and where
    the output exists.
    """
    folder = find_sweep(sweep)
    if to not in TARGETS:
        raise VistryError(f"a sweep can't be exported to '{to}'; {suggestion(to, list(TARGETS))}")
    target = TARGETS[to]
    missing = [package for module, package in target.packages.items() if find_spec(module) is None]
    if missing:
        raise VistryError(f"--to {to} needs the package {missing[0]}; type: pip install {missing[0]}")
    path = folder.path / "export" / target.output if output is None else Path(output)
    if path.exists():
        raise VistryError(f"{path} exists already; remove it, or name another with --output")
    module, _, function = target.function.partition(":")
    write: Write = getattr(import_module(f"{__name__}.{module}"), function)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(folder, path.resolve())
    except OSError as error:
        raise VistryError(
            f"{path} could not be written: {error.strerror or error}; name another with --output"
        ) from None
    return Exported(path, len(folder.numbers), target.then.format(output=path))
