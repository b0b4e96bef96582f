"""Folders that hold many runs, a sweep's and a cross-validation's, and which of their runs stands for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.errors import RunError, suggestion
from vistry.runs.folder import BEST, Run, find_run, is_run, runs_folder, runs_in

SWEEP, FOLDS = "sweep.json", "folds.json"
RUN = "run.json"


@dataclass(frozen=True)
class BestRun:
    """The run that stands for many: its number among them, and its score with the metric's name."""

    run: Run
    number: int
    score: str


@dataclass(frozen=True)
class ManyRuns:
    """A sweep's folder or a cross-validation's; `kind` is "sweep" or "folds"."""

    folder: Path
    kind: str

    @property
    def id(self) -> str:
        """The identifier: the folder's name."""
        return self.folder.name

    @property
    def created(self) -> float:
        """When it was begun, or a sweep's limits grew, in seconds since 1970."""
        return (self.folder / (SWEEP if self.kind == "sweep" else FOLDS)).stat().st_mtime

    def record(self) -> dict[str, Any]:
        """The JSON that says what it is. Raises RunError."""
        return _json(self.folder / (SWEEP if self.kind == "sweep" else FOLDS))

    def best(self) -> BestRun:
        """The run that stands for it. Raises RunError where none has a model yet."""
        for number, score in self._ranked():
            run = self._run(number)
            if (run.folder / BEST).is_file():
                return BestRun(run, number, f"{self.record().get('primary_metric', 'score')} {score:.4f}")
        raise RunError(f"no run of {self.folder} has a model yet; to go on with it, type: vistry resume {self.folder}")

    def sentence(self) -> str:
        """Say which run stands for it. Raises RunError where none has a model yet."""
        best = self.best()
        what, one = ("a sweep", "trial") if self.kind == "sweep" else ("a cross-validation", "fold")
        return f"{self.folder} is {what}; its best {one}, {best.number}, is taken, with {best.score}: {best.run.folder}"

    def _run(self, number: int) -> Run:
        if self.kind == "sweep":
            return Run(self.folder / "trials" / f"{number:04d}")
        return Run(self.folder / "folds" / f"fold-{number}")

    def _ranked(self) -> Iterator[tuple[int, float]]:
        """The numbers of its runs with their scores, the best first, as far as they have any."""
        if self.kind == "sweep":
            board = _json(self.folder / "leaderboard.json", {}).get("trials", [])
            yield from ((entry["trial"], entry["score"]) for entry in board if entry.get("score") is not None)
            return
        summary, record = _json(self.folder / "summary.json", {}), self.record()
        scores = summary.get("metrics", {}).get(record["primary_metric"], {}).get("values", [])
        numbered = list(zip(summary.get("folds", []), scores, strict=False))
        yield from sorted(numbered, key=lambda one: one[1], reverse=_is_larger_better(record))


def many_runs_at(folder: Path) -> ManyRuns | None:
    """What a folder holds, None where it is neither a sweep's nor a cross-validation's."""
    for kind, name in (("sweep", SWEEP), ("folds", FOLDS)):
        if (folder / name).is_file():
            return ManyRuns(folder.resolve(), kind)
    return None


def many_runs_in(folder: Path | None = None) -> list[ManyRuns]:
    """The sweeps and cross-validations of a folder, oldest first; by default in VISTRY_RUNS or ./runs."""
    place = folder or runs_folder()
    paths = [path.parent for name in (SWEEP, FOLDS) for path in place.glob(f"*/{name}")]
    return sorted((one for path in paths if (one := many_runs_at(path))), key=lambda one: one.created)


def find_many_runs(name: str | Path, folder: Path | None = None) -> ManyRuns | None:
    """The sweep or cross-validation of this folder or identifier; None where it is a run's, or nobody's.

    "last" is one of them where it is newer than every run.
    """
    if is_run(Path(name)):
        return None
    if (one := many_runs_at(Path(name))) is not None:
        return one
    there = many_runs_in(folder)
    if str(name) == "last" and there:
        ages = [path.stat().st_mtime for path in (folder or runs_folder()).glob(f"*/{RUN}")]
        return there[-1] if there[-1].created > max(ages, default=0.0) else None
    return next((one for one in there if one.id == str(name)), None)


def find_run_or_best(name: str | Path, folder: Path | None = None) -> Run:
    """Find a run as `find_run` does; of a sweep or a cross-validation its best run. Raises RunError."""
    many = find_many_runs(name, folder)
    if many is not None:
        return many.best().run
    try:
        return find_run(name, folder)
    except RunError:
        names = [*(run.id for run in runs_in(folder)), *(one.id for one in many_runs_in(folder))]
        if hint := suggestion(str(name), names):
            raise RunError(f"there is no run '{name}'; {hint}") from None
        raise


def _is_larger_better(record: dict[str, Any]) -> bool:
    from vistry.evaluation.metric_table import METRICS, metric_parts
    from vistry.registry.catalogue import Catalogue

    if (metric := METRICS.get(record["primary_metric"])) is not None:
        return metric.larger_is_better
    part = metric_parts(Catalogue.read(), record["task"]).parts.get(record["primary_metric"])
    return part is None or part.spec.larger_is_better


def _json(path: Path, instead: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if instead is None:
            raise RunError(f"{path} is missing") from None
        return instead
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read: {error}") from None
    return content if isinstance(content, dict) else {}
