"""The table of `vistry plugins check NAME`, a line a check as it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from vistry.cli.printing import print_json
from vistry.testing.check_runs import CheckRun, Result, check_runs_of, counts


def print_trials(name: str, heavy: Any, backend: str | None, expect: Iterable[str], as_json: bool) -> bool:
    """Make every check on a plugin and print how each ended; whether none failed."""
    trials = check_runs_of(name, dict(map(_expected, expect)), heavy=heavy, backend=backend)
    if as_json:
        results = [trial.result() for trial in trials]
        print_json(plugin=name, checks=[result.to_dict() for result in results])
    else:
        results = list(_printed(trials))
        for result in results:
            if result.status == "failed":
                click.echo(f"{result.subject}: {result.check} failed: {result.reason}")
        click.echo(counts(results))
    return all(result.status != "failed" for result in results)


def _expected(text: str) -> tuple[tuple[str, str], str]:
    place, _, reason = text.partition("=")
    subject, _, check = place.partition(":")
    if not (subject and check and reason):
        raise click.UsageError(f"--expect '{text}' is not of the form MODEL:CHECK=REASON")
    return (subject, check), reason


def _printed(trials: list[CheckRun]) -> Iterator[Result]:
    """Each result, printed under the headers of a table when it is there."""
    subject = max(len("model"), *(len(trial.subject) for trial in trials))
    check = max(len(trial.check.name) for trial in trials)
    click.echo(f"{'model':<{subject}}  {'check':<{check}}  result")
    for trial in trials:
        result = trial.result()
        reason = f": {result.reason}" if result.status in ("skipped", "expected") else ""
        click.echo(f"{result.subject:<{subject}}  {result.check:<{check}}  {result.status}{reason}")
        yield result
