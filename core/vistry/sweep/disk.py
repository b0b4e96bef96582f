"""A sweep's use of the disk is bounded: the best trials keep their weights, paused ones what they go on from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vistry.runs.folder import BEST, LAST
from vistry.sweep.folder import SweepFolder, ranking
from vistry.sweep.trial import Trial

KEPT = 3


def free_space(sweep: SweepFolder) -> Iterator[tuple[Trial, list[str]]]:
    """Delete the weights that nobody will want; yield each trial that lost some, with the names of the files.

    A trial that isn't among the best loses its best weights even when it is paused: should it come among them, by a
    better epoch, those are written then. The state to go on from goes with the last chance to.
    """
    for rank, trial in enumerate(ranking(sweep.trials())):
        if trial.state.status == "running":
            continue
        if names := _delete(sweep, trial, is_kept=rank < KEPT and trial.best() is not None):
            yield trial, names


def _delete(sweep: SweepFolder, trial: Trial, *, is_kept: bool) -> list[str]:
    folder = sweep.trial_folder(trial.number)
    paths: list[Path] = []
    if not is_kept:
        paths += [folder / BEST, *sorted((folder / BEST).parent.glob("epoch_*.safetensors"))]
    if trial.state.status != "paused":
        paths.append(folder / LAST)
    there = [path for path in paths if path.is_file()]
    for path in there:
        path.unlink()
    return [path.name for path in there]
