"""The table of `vistry plugins check NAME`, a line a check as it ends."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vistry.cli.printing import print_json
from vistry.testing.check_runs import CheckRun, Result, counts


def print_check_runs(name: str, check_runs: list[CheckRun], as_json: bool) -> bool:
    """Make every check on a plugin and print how each ended; return whether none failed."""
    if as_json:
        results = [check_run.result() for check_run in check_runs]
        print_json(plugin=name, checks=[result.to_dict() for result in results])
    else:
        results = list(_printed(check_runs))
        for result in results:
            if result.status == "failed":
                click.echo(f"{result.subject}: {result.check} failed: {result.reason}")
        click.echo(counts(results))
    return all(result.status != "failed" for result in results)


def expected_failure(text: str) -> tuple[tuple[str, str], str]:
    """Parse MODEL:CHECK=REASON."""
    place, _, reason = text.partition("=")
    subject, _, check = place.partition(":")
    if not (subject and check and reason):
        raise click.UsageError(f"invalid --expect '{text}'; write MODEL:CHECK=REASON")
    return (subject, check), reason


def _printed(check_runs: list[CheckRun]) -> Iterator[Result]:
    """Print each result under the headers of a table as soon as it is there, because a check may take minutes."""
    subject = max(len("model"), *(len(check_run.subject) for check_run in check_runs))
    check = max(len(check_run.check.name) for check_run in check_runs)
    click.echo(f"{'model':<{subject}}  {'check':<{check}}  result")
    for check_run in check_runs:
        result = check_run.result()
        reason = f": {result.reason}" if result.reason and result.status != "failed" else ""
        click.echo(f"{result.subject:<{subject}}  {result.check:<{check}}  {result.status}{reason}")
        yield result
