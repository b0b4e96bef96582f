"""A run folder: JSON and safetensors, self-describing, movable, readable by later versions."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vistry.errors import RunError, suggestion
from vistry.runs.files import write_json, write_text
from vistry.runs.lock import is_abandoned

SCHEMA = 1
BEST = "checkpoints/best.safetensors"
LAST = "checkpoints/last.safetensors"
PREDICTIONS = "predictions.safetensors"


@dataclass(frozen=True)
class Run:
    """A run on disk; its files are read when asked for."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's identifier: the folder's name."""
        return self.folder.name

    @cached_property
    def record(self) -> dict[str, Any]:
        """run.json: task, model, classes, preprocessing, versions. Raises RunError."""
        record = self._read("run.json")
        if record.get("schema", 0) > SCHEMA:
            raise RunError(
                f"{self.folder} was written by a later Vistry (schema {record['schema']}, this one reads {SCHEMA}); "
                "type: pip install --upgrade vistry"
            )
        return record

    @property
    def status(self) -> dict[str, Any]:
        """status.json: how far the run is and why it ended; of a run whose process is gone without a word, that."""
        found = self._read("status.json")
        if found["status"] == "running" and is_abandoned(self.folder):
            found |= {"status": "killed", "reason": f"its process is gone; to go on, type: vistry resume {self.folder}"}
        return found

    @cached_property
    def hyperparameters(self) -> dict[str, dict[str, Any]]:
        """hyperparameters.json: each value with its origin."""
        found: dict[str, dict[str, Any]] = self._read("hyperparameters.json")["values"]
        return found

    def history(self) -> list[dict[str, Any]]:
        """metrics.jsonl: one entry an epoch."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [json.loads(line) for line in lines]

    @property
    def best_weights(self) -> Path:
        """The best epoch's weights. Raises RunError where there are none yet."""
        return self._checkpoint(BEST)

    @property
    def last_state(self) -> Path:
        """The state to go on from. Raises RunError where there is none yet."""
        return self._checkpoint(LAST)

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        """Write one of the folder's JSON files."""
        write_json(self.folder / name, {"schema": SCHEMA, **data})

    def write_history(self, entries: list[dict[str, Any]]) -> None:
        """Write metrics.jsonl."""
        lines = [json.dumps(entry, allow_nan=False) for entry in entries]
        write_text(self.folder / "metrics.jsonl", "".join(f"{line}\n" for line in lines))

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"{self.folder} is no complete run: it has no {name}") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {error}") from None
        return found

    def _checkpoint(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise RunError(f"{self.folder} has no {name}: it ended before its first checkpoint")
        return path


def runs_folder() -> Path:
    """Where runs are kept: VISTRY_RUNS, or `runs` in the working folder."""
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
        raise RunError(f"the run folder {folder} can't be made: {error.strerror}") from None
    return Run(folder.resolve())


def runs_in(folder: Path | None = None) -> Iterator[Run]:
    """The runs of a folder, oldest first."""
    place = folder or runs_folder()
    for path in sorted(place.glob("*/run.json"), key=lambda path: path.stat().st_mtime):
        yield Run(path.parent.resolve())


def find_run(name: str | Path, folder: Path | None = None) -> Run:
    """The run with this folder or identifier, or the newest for "last". Raises RunError."""
    path = Path(name)
    if (path / "run.json").is_file():
        return Run(path.resolve())
    known = {run.id: run for run in runs_in(folder)}
    if str(name) == "last" and known:
        return list(known.values())[-1]
    if str(name) in known:
        return known[str(name)]
    hint = suggestion(str(name), list(known)) or f"there are none in {folder or runs_folder()}"
    raise RunError(f"there is no run '{name}'; {hint}")
