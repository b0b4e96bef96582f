"""A sweep's folder: its trials are run folders, and its files say all that going on needs; there is nothing else.

sweep.json          what is searched, how, and how long
data/               the rows of both splits and what was found in the data, for all trials
trials/0007/        a run folder with trial.json (what is tried) and state.json (what became of it)
events.jsonl        what happened, a line each
leaderboard.json    the trials, the best first
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from vistry.errors import RunError, suggestion
from vistry.runs.files import write_json
from vistry.runs.folder import METRICS, SCHEMA, Run, runs_folder
from vistry.runs.json_records import from_json, json_text, to_json
from vistry.sweep.records import Event, LeaderboardEntry, LeaderboardRecord, SweepRecord
from vistry.sweep.trial import Evaluation, Trial, TrialRecord, TrialState

SWEEP = "sweep.json"
TRIALS = "trials"
TRIAL = "trial.json"
STATE = "state.json"
EVENTS = "events.jsonl"
LEADERBOARD = "leaderboard.json"
DATA = "data"

RecordKind = TypeVar("RecordKind")


@dataclass(frozen=True)
class Measured:
    """What a trial's metrics.jsonl says: each evaluation, and the seconds of all, and of the longest evaluation."""

    evaluations: tuple[Evaluation, ...] = ()
    seconds: float = 0.0
    evaluation_seconds: float = 0.0


@dataclass(frozen=True)
class SweepFolder:
    """A sweep on disk. Its files are read on use; RunError where one is missing or damaged."""

    path: Path
    _measured: dict[int, tuple[tuple[int, int, int], Measured]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The sweep's identifier: the folder's name."""
        return self.path.name

    @cached_property
    def record(self) -> SweepRecord:
        """sweep.json, as it was when first read."""
        return self._read(SweepRecord, self.path / SWEEP)

    def reread(self) -> SweepFolder:
        """The same folder with sweep.json as it is now: another process may have written larger limits."""
        return SweepFolder(self.path, self._measured)

    @property
    def numbers(self) -> list[int]:
        """The number of each trial that somebody has claimed, in order."""
        try:
            names = [entry.name for entry in os.scandir(self.path / TRIALS)]
        except FileNotFoundError:
            return []
        # A folder without trial.json is one of a process that was killed as it began to claim.
        return sorted(int(name) for name in names if name.isdigit() and (self.path / TRIALS / name / TRIAL).is_file())

    def trials(self) -> list[Trial]:
        """Every trial as far as it has come, in the order of their numbers."""
        return [self.trial(number) for number in self.numbers]

    def trial(self, number: int) -> Trial:
        """A trial as far as it has come. Raises RunError where there is none of this number."""
        folder = self.trial_folder(number)
        measured = self._measurements(number, folder / METRICS)
        return Trial(
            record=self._read(TrialRecord, folder / TRIAL),
            state=self._read(TrialState, folder / STATE),
            evaluations=measured.evaluations,
            seconds=measured.seconds,
            evaluation_seconds=measured.evaluation_seconds,
        )

    def trial_folder(self, number: int) -> Path:
        """Where a trial's files are, or will be."""
        return self.path / TRIALS / f"{number:04d}"

    def run_of(self, number: int) -> Run:
        """A trial as an ordinary run."""
        return Run(self.trial_folder(number))

    def best(self) -> Trial | None:
        """The trial with the best score of all, the earlier of two; None where none was evaluated."""
        ranked = ranking(self.trials())
        return ranked[0] if ranked and ranked[0].best() is not None else None

    def metric(self, score: float | None) -> float | None:
        """A score as the primary metric's own value: a metric that falls is the score with the other sign."""
        return score if score is None or self.record.larger_is_better else -score

    def events(self) -> list[Event]:
        """What has happened, in order. A line that a killed process left half-written is left out."""
        path = self.path / EVENTS
        if not path.is_file():
            return []
        events = []
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                events.append(from_json(Event, json.loads(line), path))
            except (ValueError, RunError):
                continue
        return events

    # Writing

    def write(self, record: SweepRecord) -> None:
        """Write sweep.json."""
        write_json(self.path / SWEEP, {"schema": SCHEMA, **to_json(record)})

    def write_trial(self, record: TrialRecord) -> None:
        """Write trial.json."""
        write_json(self.trial_folder(record.number) / TRIAL, {"schema": SCHEMA, **to_json(record)})

    def write_state(self, number: int, state: TrialState) -> None:
        """Write a trial's state.json."""
        write_json(self.trial_folder(number) / STATE, {"schema": SCHEMA, **to_json(state)})

    def write_leaderboard(self, interrupted: Collection[int] = ()) -> None:
        """Write leaderboard.json from the trials as they are; `interrupted` are those that are to be gone on with."""
        record = LeaderboardRecord(
            primary_metric=self.record.primary_metric, trials=tuple(self.leaderboard(self.trials(), interrupted))
        )
        write_json(self.path / LEADERBOARD, {"schema": SCHEMA, **to_json(record)})

    def leaderboard(self, trials: Iterable[Trial], interrupted: Collection[int] = ()) -> Iterator[LeaderboardEntry]:
        """The trials in their ranks, of which some are to be gone on with; those without a score come last."""
        for rank, trial in enumerate(ranking(trials), start=1):
            best = max(trial.evaluations, key=lambda one: one.score, default=None)
            yield LeaderboardEntry(
                rank=rank,
                trial=trial.number,
                model=trial.record.model,
                status=trial.state.status,
                values=trial.record.values,
                why=trial.record.why,
                score=None if best is None else self.metric(best.score),
                best_epoch=None if best is None else best.epochs,
                epochs=trial.trained,
                reason=trial.state.reason,
                is_interrupted=trial.number in interrupted,
            )

    def add_event(self, kind: str, trial: Trial | None = None, reason: str = "") -> Event:
        """Append what has happened to events.jsonl; of a trial, with its last epoch and best score."""
        event = Event(
            time=time.time(),
            worker=f"{socket.gethostname()}:{os.getpid()}",
            kind=kind,
            trial=None if trial is None else trial.number,
            epoch=None if trial is None else trial.trained or None,
            score=None if trial is None else self.metric(trial.best()),
            reason=reason,
        )
        with (self.path / EVENTS).open("ab+") as file:
            file.seek(max(0, file.tell() - 1))
            separator = b"" if file.read(1) in (b"", b"\n") else b"\n"  # after a line that was never finished
            file.write(separator + json_text(event).encode() + b"\n")
        return event

    def _read(self, kind: type[RecordKind], path: Path) -> RecordKind:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"invalid sweep folder {self.path}: it has no {path.relative_to(self.path)}") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {error}") from None
        schema = data.get("schema", SCHEMA) if isinstance(data, dict) else SCHEMA
        if not isinstance(schema, int) or schema > SCHEMA:
            raise RunError(
                f"{path} was written by a later Vistry (schema {schema}, this one reads {SCHEMA}); "
                "type: pip install --upgrade vistry"
            )
        return from_json(kind, data, path)

    def _measurements(self, number: int, path: Path) -> Measured:
        """What metrics.jsonl says, read again only where the file is another one than before."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            return Measured()
        key = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if number not in self._measured or self._measured[number][0] != key:
            self._measured[number] = key, self._measure(path)
        return self._measured[number][1]

    def _measure(self, path: Path) -> Measured:
        metric, sign = self.record.primary_metric, 1 if self.record.larger_is_better else -1
        evaluations, seconds, longest = [], 0.0, 0.0
        try:
            # Not as records: a study of a thousand trials is to be read in a moment.
            for entry in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
                evaluating = entry.get("evaluation_seconds") or 0.0
                seconds, longest = seconds + entry["train_seconds"] + evaluating, max(longest, evaluating)
                score: Any = (entry.get("metrics") or {}).get(metric)
                if score is not None:
                    evaluations.append(Evaluation(epochs=entry["epoch"] + 1, score=sign * score))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} can't be read: {error}") from None
        return Measured(tuple(evaluations), seconds, longest)


def ranking(trials: Iterable[Trial]) -> list[Trial]:
    """Trials by their best score, the best first; of equal ones the earlier, and last those without a score."""

    def key(trial: Trial) -> tuple[float, int]:
        best = trial.best()
        return (float("inf") if best is None else -best), trial.number

    return sorted(trials, key=key)


def new_sweep_folder(task: str, folder: Path | None = None) -> SweepFolder:
    """Create an empty folder for a sweep. Raises RunError where it exists or can't be made."""
    if folder is None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = runs_folder() / f"{stamp}-sweep-{task}-{secrets.token_hex(2)}"
    try:
        (folder / TRIALS).mkdir(parents=True)
    except FileExistsError:
        raise RunError(f"{folder} exists already; name another folder, or type: vistry resume {folder}") from None
    except OSError as error:
        raise RunError(f"the sweep's folder {folder} can't be made: {error.strerror}; name another") from None
    return SweepFolder(folder.resolve())


def sweeps_in(folder: Path | None = None) -> list[SweepFolder]:
    """List the sweeps of a folder, oldest first; by default in VISTRY_RUNS or ./runs."""
    paths = sorted((folder or runs_folder()).glob(f"*/{SWEEP}"), key=lambda path: path.stat().st_mtime)
    return [SweepFolder(path.parent.resolve()) for path in paths]


def is_sweep(path: str | Path) -> bool:
    """Whether a folder is a sweep's."""
    return (Path(path) / SWEEP).is_file()


def find_sweep(name: str | Path, folder: Path | None = None) -> SweepFolder:
    """Find a sweep by its folder or identifier, or the newest by "last". Raises RunError."""
    if is_sweep(name):
        return SweepFolder(Path(name).resolve())
    sweeps: Sequence[SweepFolder] = sweeps_in(folder)
    if str(name) == "last" and sweeps:
        return sweeps[-1]
    by_id = {sweep.id: sweep for sweep in sweeps}
    if str(name) in by_id:
        return by_id[str(name)]
    hint = suggestion(str(name), list(by_id)) or f"there are none in {folder or runs_folder()}"
    raise RunError(f"there is no sweep '{name}'; {hint}")
