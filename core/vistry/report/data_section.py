"""The section about the data: images of each class, those left out with the reason, and the doctor's findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from markupsafe import Markup

from vistry.report.markup import Content, element, name_of, text_of
from vistry.report.numbers import count
from vistry.report.run_contents import Contents, class_counts
from vistry.report.section import Section
from vistry.report.table import collapsed, table
from vistry.runs.records import FindingRecord, QuarantineRecord

# Rows of a table in the page; the run folder holds all of them.
LISTED = 100
# The classes of style.css, the gravest severity first.
SEVERITY_CLASSES = {"error": "bad", "warning": "mixed", "info": "busy"}


def data_section(contents: Contents) -> Section:
    """Draw the images of each class, the images left out, and the findings."""
    diagnoses = contents.run.diagnoses()
    left_out = [item for diagnosis in diagnoses for item in diagnosis.quarantined]
    findings = [item for diagnosis in diagnoses for item in diagnosis.findings]
    parts = [_classes(contents), _left_out(left_out), _findings(findings)]
    source = contents.record.data.source
    split = f"; training and validation images: {contents.record.data.split}" if contents.record.data.split else ""
    note = element("span", "From ", element("code", source), split) if source else ""
    return Section("data", "Data", note, parts=[part for part in parts if part])


def _classes(contents: Contents) -> Markup:
    """Draw a row for each class, with its counts in each split whose list still exists."""
    training, validation = class_counts(contents)
    splits = {"training images": training} | ({} if validation is None else {"validation images": validation})
    largest = max(1, *(max(counts, default=0) for counts in splits.values()))
    bars = [[_bar(number, largest) for number in counts] for counts in splits.values()]
    rows = zip(contents.record.classes, *bars, strict=True)
    return table(("class", *splits), rows, sortable=True)


def _bar(number: int, largest: int) -> Markup:
    bar = element("i", style=f"width:{100 * number / largest:.1f}%")
    return element("span", element("b", f"{number:,}"), element("span", bar, class_="track"), class_="length")


def _left_out(items: Sequence[QuarantineRecord]) -> Markup:
    if not items:
        return element("p", "No image was left out.", class_="none")
    rows = [(_file(item.image), text_of(item.reason)) for item in items[:LISTED]]
    title = f"{count(len(items), 'image')} left out"
    return _listed(title, ("image", "reason"), rows, total=len(items))


def _findings(items: Sequence[FindingRecord]) -> Markup:
    if not items:
        return Markup("")
    rows = [_finding(item) for item in sorted(items, key=_severity_rank)[:LISTED]]
    title = f"{count(len(items), 'remark')} of the doctor"
    return _listed(title, ("", "what", "where", "what to do"), rows, total=len(items))


def _severity_rank(item: FindingRecord) -> int:
    severities = list(SEVERITY_CLASSES)
    return severities.index(item.severity) if item.severity in severities else len(severities)


def _finding(item: FindingRecord) -> tuple[Content, ...]:
    return _severity(item), text_of(item.message), _place(item), text_of(item.remedy)


def _listed(title: str, headings: tuple[str, ...], rows: Iterable[tuple[Content, ...]], total: int) -> Markup:
    more = total - LISTED
    rest = element("p", f"and {more:,} more in findings.json", class_="none") if more > 0 else ""
    return collapsed(title, table(headings, list(rows)), rest)


def _severity(item: FindingRecord) -> Markup:
    chip = f"chip {SEVERITY_CLASSES.get(item.severity, 'mixed')}"
    return element("span", item.severity, class_=chip, title=item.check)


def _place(item: FindingRecord) -> Markup:
    name = _file(item.file or "")
    return element("span", name, f":{item.line}") if item.line else name


def _file(path: str) -> Markup:
    """Return the last two parts of a path; the title has the whole."""
    return element("span", name_of("/".join(PurePath(path).parts[-2:])), title=path)
