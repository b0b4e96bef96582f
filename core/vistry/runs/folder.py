"""A run folder: JSON and safetensors, self-describing, movable, readable by later versions."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vistry.errors import RunError, suggestion
from vistry.runs.files import write_json, write_text
from vistry.runs.json_records import from_json, json_text, to_json
from vistry.runs.lock import is_abandoned
from vistry.runs.records import (
    DiagnosisRecord,
    EpochEntry,
    FindingsRecord,
    HyperparameterRecord,
    HyperparametersRecord,
    RunRecord,
    RunStatus,
    ThresholdsRecord,
)

SCHEMA = 1
TRAINING_ROWS = "training.jsonl"
VALIDATION_ROWS = "validation.jsonl"
METRICS = "metrics.jsonl"
BEST = "checkpoints/best.safetensors"
LAST = "checkpoints/last.safetensors"
PREDICTIONS = "predictions.safetensors"
THRESHOLDS = "thresholds.json"
REPORT = "report.html"

FileRecord = RunRecord | RunStatus | HyperparametersRecord | FindingsRecord
FILES: Mapping[type[FileRecord], str] = {
    RunRecord: "run.json",
    RunStatus: "status.json",
    HyperparametersRecord: "hyperparameters.json",
    FindingsRecord: "findings.json",
}


@dataclass(frozen=True)
class Run:
    """A run on disk. Its files are read on use; the properties raise RunError where one is missing or damaged."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's identifier: the folder's name."""
        return self.folder.name

    @cached_property
    def record(self) -> RunRecord:
        """run.json: task, model, classes, preprocessing, versions."""
        return from_json(RunRecord, *self._read(FILES[RunRecord]))

    @property
    def status(self) -> RunStatus:
        """status.json: how far the run is and why it ended.

        A process that was killed couldn't write that it ended: its run says "running" on disk, and is "killed" here.
        """
        status = from_json(RunStatus, *self._read(FILES[RunStatus]))
        if status.status == "running" and is_abandoned(self.folder):
            reason = f"its process is gone; to go on, type: vistry resume {self.folder}"
            return replace(status, status="killed", reason=reason)
        return status

    @cached_property
    def hyperparameters(self) -> Mapping[str, HyperparameterRecord]:
        """hyperparameters.json: each value with its origin."""
        return from_json(HyperparametersRecord, *self._read(FILES[HyperparametersRecord])).values

    def history(self) -> list[EpochEntry]:
        """Read metrics.jsonl: an entry an epoch; none where no epoch has ended."""
        path = self.folder / METRICS
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        places = (f"{path}:{line}" for line in range(1, len(lines) + 1))
        return [from_json(EpochEntry, _parsed(line, place), place) for line, place in zip(lines, places, strict=True)]

    def diagnoses(self) -> list[DiagnosisRecord]:
        """Read findings.json. People alone read it, so a damaged diagnosis is left out and hides no other."""
        diagnoses = []
        try:
            data, path = self._read(FILES[FindingsRecord])
        except RunError:
            return []
        items = data.get("diagnoses") if isinstance(data, dict) else None
        for item in items if isinstance(items, list) else []:
            try:
                diagnoses.append(from_json(DiagnosisRecord, item, path))
            except RunError:
                continue
        return diagnoses

    @property
    def thresholds(self) -> ThresholdsRecord | None:
        """thresholds.json: the operating points that were chosen for the run; None where there are none."""
        if not (self.folder / THRESHOLDS).is_file():
            return None
        try:
            return from_json(ThresholdsRecord, *self._read(THRESHOLDS))
        except RunError as error:
            raise RunError(f"{error}; to remove it, type: vistry threshold {self.folder} --reset") from None

    @property
    def best_weights(self) -> Path:
        """The best epoch's weights. Raises RunError where there are none yet."""
        return self._checkpoint(BEST)

    @property
    def last_state(self) -> Path:
        """The state to go on from. Raises RunError where there is none yet."""
        return self._checkpoint(LAST)

    @property
    def can_resume(self) -> bool:
        """Whether a state to go on from was saved; without one, resuming begins anew."""
        return (self.folder / LAST).is_file()

    def write(self, record: FileRecord) -> None:
        """Write the file that holds this kind of record."""
        write_json(self.folder / FILES[type(record)], {"schema": SCHEMA, **to_json(record)})

    def write_thresholds(self, record: ThresholdsRecord) -> None:
        """Write thresholds.json."""
        write_json(self.folder / THRESHOLDS, {"schema": SCHEMA, **to_json(record)})

    def write_history(self, entries: Iterable[EpochEntry]) -> None:
        """Write metrics.jsonl."""
        write_text(self.folder / METRICS, "".join(f"{json_text(entry)}\n" for entry in entries))

    def _read(self, name: str) -> tuple[Any, Path]:
        """The JSON of a file, and its path for messages."""
        path = self.folder / name
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RunError(f"invalid run folder {self.folder}: it has no {name}") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {error}") from None
        data = _parsed(text, path)
        schema = data.get("schema", SCHEMA) if isinstance(data, dict) else SCHEMA
        if not isinstance(schema, int) or schema > SCHEMA:
            raise RunError(
                f"{path} was written by a later Vistry (schema {schema}, this one reads {SCHEMA}); "
                "type: pip install --upgrade vistry"
            )
        return data, path

    def _checkpoint(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise RunError(f"{self.folder} has no {name}: it ended before its first checkpoint")
        return path


def _parsed(text: str, source: object) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise RunError(f"{source} can't be read: {error}") from None


def runs_folder() -> Path:
    """Name the folder that new runs are made in: VISTRY_RUNS, or `runs` in the working folder."""
    return Path(os.environ.get("VISTRY_RUNS") or "runs")


def new_run(model: str, folder: Path | None = None) -> Run:
    """Create an empty run folder. Raises RunError where it exists or can't be made."""
    if folder is None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = runs_folder() / f"{stamp}-{model}-{secrets.token_hex(2)}"
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise RunError(f"{folder} exists already; name another folder, or type: vistry resume {folder}") from None
    except OSError as error:
        raise RunError(f"the run folder {folder} can't be made: {error.strerror}; name another") from None
    return Run(folder.resolve())


def runs_in(folder: Path | None = None) -> Iterator[Run]:
    """List the runs of a folder, oldest first."""
    for path in sorted((folder or runs_folder()).glob("*/run.json"), key=lambda path: path.stat().st_mtime):
        yield Run(path.parent.resolve())


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's."""
    return (folder / FILES[RunRecord]).is_file()


def find_run(name: str | Path, folder: Path | None = None) -> Run:
    """Find a run by its folder or identifier, or the newest by "last". Raises RunError."""
    path = Path(name)
    if (path / "run.json").is_file():
        return Run(path.resolve())
    runs = {run.id: run for run in runs_in(folder)}
    if str(name) == "last" and runs:
        return list(runs.values())[-1]
    if str(name) in runs:
        return runs[str(name)]
    hint = suggestion(str(name), list(runs)) or f"there are none in {folder or runs_folder()}"
    raise RunError(f"there is no run '{name}'; {hint}")
