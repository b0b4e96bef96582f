"""The result of a sweep, as `vistry sweep` and `vistry resume` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vistry.cli.printing import print_json

if TYPE_CHECKING:
    from vistry.sweep.session import SweepResult


def print_sweep_result(result: SweepResult, as_json: bool) -> None:
    """Print why a sweep ended, its best trial, and what to type next."""
    if not as_json:
        click.echo(sweep_result_text(result))
        return
    print_json(**sweep_result_json(result))


def sweep_result_json(result: SweepResult) -> dict[str, object]:
    """The result for programs."""
    from vistry.runs.json_records import to_json
    from vistry.sweep.standing import interrupted_ones
    from vistry.sweep.test_split import read_test

    folder, trials = result.sweep, result.sweep.trials()
    board = [to_json(entry) for entry in folder.leaderboard(trials, interrupted_ones(folder, trials))]
    best = None if result.best is None else str(result.run.folder)
    test = read_test(folder)
    return {
        "sweep": str(folder.path),
        "reason": result.reason,
        "best_run": best,
        "leaderboard": board,
        "test": None if test is None else to_json(test),
    }


def sweep_result_text(result: SweepResult) -> str:
    """The result for a person."""
    from vistry.runs.folder import REPORT
    from vistry.sweep.wording import drawn_values, score_text, test_text, values_text

    folder, best = result.sweep, result.best
    if best is None:
        failures = [trial.state.reason for trial in folder.trials() if trial.state.reason]
        last = f"; the last trial: {failures[-1]}" if failures else ""
        return f"{result.reason}; no trial has a model{last}\nsweep:   {folder.path}"
    scored = sum(trial.best() is not None for trial in folder.trials())
    lines = [
        f"{result.reason}; best: trial {best.number} ({best.record.model.rpartition('/')[2]}: "
        f"{values_text(drawn_values(folder, best)) or 'its defaults'}), {score_text(folder, best)}",
    ]
    if scored > 1:
        lines.append(f"note:    it is chosen among {scored} by the same images; expect less of it on others")
    if test := test_text(folder):
        lines.append(f"test:    {test}")
    run = result.run
    lines += [
        f"sweep:   {folder.path}",
        f"report:  {folder.path / REPORT}",
        f"run:     {run.folder}",
        f"weights: {run.best_weights}",
        f"predict: vistry predict {run.folder} IMAGE...",
    ]
    return "\n".join(lines)
