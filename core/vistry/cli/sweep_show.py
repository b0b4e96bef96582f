"""`vistry sweep show`: the trials of a sweep, also while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json, print_table, printable

if TYPE_CHECKING:
    from vistry.sweep.folder import SweepFolder
    from vistry.sweep.trial import Trial

LISTED = 20
REASON = 60  # letters of a reason in the table


@click.command()
@click.argument("sweep")
@click.option("--limit", type=click.IntRange(min=1), default=LISTED, help=f"List so many trials. [{LISTED}]")
@as_json
def show(sweep: str, limit: int, as_json: bool) -> None:
    """Show SWEEP (a folder, an identifier, or "last"): its trials, the best first, also while it runs."""
    from vistry.sweep.folder import find_sweep, ranking
    from vistry.sweep.standing import as_they_stand

    folder = find_sweep(sweep)
    trials = ranking(folder.trials())
    if as_json:
        _print_json(folder, trials)
        return
    trials = as_they_stand(folder, trials)
    click.echo("\n".join(map(printable, _head(folder, trials))))
    if trials:
        _print_trials(folder, trials[:limit])
    if len(trials) > limit:
        click.echo(f"and {len(trials) - limit:,} more: --limit {len(trials)}, or --json")
    click.echo("\n".join(map(printable, _tail(folder, trials))))


def _print_json(folder: SweepFolder, trials: Sequence[Trial]) -> None:
    from vistry.runs.json_records import to_json
    from vistry.sweep.standing import interrupted_ones
    from vistry.sweep.test_split import read_test

    record, test, interrupted = folder.record, read_test(folder), interrupted_ones(folder, trials)
    print_json(
        sweep=str(folder.path),
        task=record.task,
        primary_metric=record.primary_metric,
        larger_is_better=record.larger_is_better,
        limits=to_json(record.limits),
        statuses=Counter(trial.state.status for trial in trials),
        trials=[to_json(entry) for entry in folder.leaderboard(trials, interrupted)],
        test=None if test is None else to_json(test),
    )


def _head(folder: SweepFolder, trials: Sequence[Trial]) -> list[str]:
    from vistry.report.numbers import duration
    from vistry.sweep.spent import seconds_spent
    from vistry.sweep.wording import counted_trials

    record = folder.record
    models = ", ".join(model.rpartition("/")[2] for model in record.models)
    statuses = Counter(trial.state.status for trial in trials)
    counts = ", ".join(f"{number} {status}" for status, number in statuses.most_common())
    limit, seconds = record.limits.max_trials, record.limits.time_limit
    of = "" if limit is None else f" of {limit}"
    time = duration(seconds_spent(folder.events())) + ("" if seconds is None else f" of {duration(seconds)}")
    return [
        str(folder.path),
        f"{models} for {record.task} by {record.primary_metric}",
        f"{counted_trials(trials)}{of} trials{': ' if counts else ''}{counts}; {time} of work",
    ]


def _print_trials(folder: SweepFolder, trials: Sequence[Trial]) -> None:
    from vistry.report.numbers import duration, score
    from vistry.sweep.wording import drawn_values, values_text

    rows = [
        (
            str(trial.number),
            trial.record.model.rpartition("/")[2],
            score(folder.metric(trial.best()), 4),
            f"{trial.trained}/{trial.record.epochs}",
            trial.state.status,
            duration(trial.seconds),
            printable(values_text(drawn_values(folder, trial)) or "its defaults"),
            printable(_reason(trial)),
        )
        for trial in trials
    ]
    metric = folder.record.primary_metric
    headers = ("trial", "model", metric, "epochs", "state", "time", "tried", "why")
    print_table(headers, rows, right=("trial", metric, "epochs", "time"))


def _reason(trial: Trial) -> str:
    """Why a trial ended where that isn't by itself, else why it was tried."""
    state = trial.state
    text = trial.record.why if state.status in ("completed", "running") or not state.reason else state.reason
    text = text.partition("\n")[0]
    return text if len(text) <= REASON else f"{text[: REASON - 1]}\N{HORIZONTAL ELLIPSIS}"


def _tail(folder: SweepFolder, trials: Sequence[Trial]) -> list[str]:
    from vistry.runs.folder import REPORT
    from vistry.sweep.report.command import training_command
    from vistry.sweep.wording import test_text

    lines, best = [], next((trial for trial in trials if trial.best() is not None), None)
    scored = sum(trial.best() is not None for trial in trials)
    if best is not None:
        lines.append(f"best:    {folder.trial_folder(best.number)}")
        lines.append(f"again:   {training_command(folder.record, best)}")
    if scored > 1:
        lines.append(f"note:    the best is chosen among {scored} by the same images; expect less of it on others")
    if test := test_text(folder):
        lines.append(f"test:    {test}")
    if (folder.path / REPORT).is_file():
        lines.append(f"report:  {folder.path / REPORT}")
    lines.append(f"to go on, type: vistry resume {folder.path}")
    return lines
