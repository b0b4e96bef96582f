"""`vistry doctor`: every fault of a data set, named before it costs an hour of training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import vistry
from vistry.cli import words
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json, printable
from vistry.cli.reading_options import reading_options

if TYPE_CHECKING:
    from rich.console import Console

    from vistry.data.doctor import Diagnosis
    from vistry.data.findings import Finding
    from vistry.report.suspects import Suspects

# Findings of one check that are printed; the rest is counted.
MAX_FINDINGS = 5
PAGE = "doctor.html"
_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--task", help=f"{words.task_aliases()}. [guessed from the labels]")
@reading_options
@click.option("--full", is_flag=True, help="Decode every image, not only those that look cut off.")
@click.option(
    "--html",
    "page",
    is_flag=False,
    flag_value=PAGE,
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Draw it as a page: counts, sizes, pictures with boxes, and those of findings. [{PAGE}]",
)
@click.option(
    "--folds", type=click.Path(path_type=Path), help="Folder of vistry train --folds: show labels it takes for wrong."
)
@as_json
def doctor(
    data: Path, task: str | None, full: bool, *, page: Path | None, folds: Path | None, as_json: bool, **reading: Any
) -> None:
    """Check the data set at DATA. Exits with 1 where an error is found."""
    from vistry.data.findings import FindingError
    from vistry.data.source import ReadingOptions
    from vistry.data.task_choice import task_of
    from vistry.datasets import data_report, suspect_labels
    from vistry.runs.json_records import to_json

    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--html {page}: the page's name must end in .html; put DATA before --html")

    try:
        task, reason = task_of(data, task, ReadingOptions.of(**reading))
        diagnosis = vistry.doctor(data, task=task, full=full, **reading)
    except FindingError as error:
        _print_failure(data, error.finding, as_json)
        raise click.exceptions.Exit(1) from error
    suspects = None if folds is None else suspect_labels(diagnosis, folds)
    if as_json:
        issues = {} if suspects is None else {"suspect_labels": to_json(suspects.labels)["issues"]}
        print_json(**{"task_guessed": reason is not None, **diagnosis.to_dict(), **issues})
    else:
        _print_diagnosis(diagnosis, reason)
        if suspects is not None:
            _print_suspects(suspects)
    if page is not None:
        click.echo(f"page: {data_report(diagnosis, page, folds=folds)}", err=as_json)
    if diagnosis.has_errors:
        raise click.exceptions.Exit(1)


def _print_failure(data: Path, fault: Finding, as_json: bool) -> None:
    """Print the fault that stops the reading of the whole data set."""
    if as_json:
        print_json(path=str(data), findings=[fault.to_dict()], quarantined=[])
    else:
        _print_findings(_console(), [fault])


def _print_suspects(suspects: Suspects) -> None:
    issues = suspects.labels.issues
    click.echo(f"\nlabels that are probably wrong: {len(issues)} {suspects.gone}".rstrip())
    for issue in issues[:MAX_FINDINGS]:
        click.echo(f"  {printable(str(issue))}")
    if len(issues) > MAX_FINDINGS:
        click.echo(f"  and {len(issues) - MAX_FINDINGS} more (all of them: --json; with pictures: --html)")


def _print_diagnosis(diagnosis: Diagnosis, reason: str | None) -> None:
    from vistry.data.digest import class_line
    from vistry.registry.tasks import task_named

    console = _console()
    table = diagnosis.table
    guessed = f" (guessed: {reason})" if reason else ""
    console.print(f"{diagnosis.path}: {table.format}, {task_named(diagnosis.task).alias}{guessed}")
    objects = sum(finding.is_of_object for finding in diagnosis.quarantined)
    counts = [f"{len(table)} usable images", f"{len(table.classes)} classes"]
    if table.objects is None:
        set_aside = f"{len(diagnosis.quarantined)} set aside"
    else:
        counts.insert(1, f"{len(table.labels)} objects")
        set_aside = f"{len(diagnosis.quarantined) - objects} images and {objects} objects set aside"
    console.print(", ".join([*counts, set_aside]))
    if len(table):
        for line in (class_line(table), *diagnosis.division.lines(table)):
            console.print(line)
    _print_findings(console, diagnosis.findings)
    console.print(_verdict(diagnosis.severities))


def _verdict(severities: dict[str, int]) -> str:
    counts = [f"{count} {severity}" for severity, count in severities.items() if count]
    return "\nfound: " + ", ".join(counts) if counts else "nothing to complain about"


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """The findings by severity and check, a few of each with their places, then what to do."""
    from vistry.data.findings import SEVERITIES

    by_check: dict[tuple[int, str], list[Finding]] = defaultdict(list)
    for fault in findings:
        by_check[SEVERITIES.index(fault.severity), fault.check].append(fault)
    for _, faults in sorted(by_check.items(), key=lambda item: item[0]):
        _print_check(console, faults)


def _print_check(console: Console, faults: Sequence[Finding]) -> None:
    from rich.text import Text

    first = faults[0]
    console.print(Text(f"\n{first.severity} {first.check}", style=_STYLES[first.severity]), end="")
    console.print(f" ({len(faults)})" if len(faults) > 1 else "")
    for fault in faults[:MAX_FINDINGS]:
        console.print(f"  {fault.where}: {fault.message}" if fault.where else f"  {fault.message}")
    if len(faults) > MAX_FINDINGS:
        console.print(f"  and {len(faults) - MAX_FINDINGS} more (all of them: --json)")
    if first.remedy:
        console.print(f"  -> {first.remedy}")


def _console() -> Console:
    from rich.console import Console

    # Nothing in a file's name or a message is markup, a number to colour, or an emoji's name.
    return Console(markup=False, highlight=False, soft_wrap=True, emoji=False)
