"""The section about the data: images of each class, those left out with the reason, and the doctor's findings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from markupsafe import Markup

from vistry.report.markup import Content, element, name_of, text_of
from vistry.report.numbers import count
from vistry.report.run_contents import Contents, Entry, class_counts, diagnoses
from vistry.report.section import Section
from vistry.report.table import collapsed, table

LISTED = 100
# The classes of style.css, the gravest severity first.
SEVERITY_CLASSES = {"error": "bad", "warning": "mixed", "info": "busy"}


def data_section(contents: Contents) -> Section:
    """Draw the images of each class, the images left out, and the findings."""
    reports = diagnoses(contents.run.folder)
    left_out = [item for diagnosis in reports for item in _items(diagnosis, "quarantined")]
    findings = [item for diagnosis in reports for item in _items(diagnosis, "findings")]
    parts = [_classes(contents), _left_out(left_out), _findings(findings)]
    source = contents.record["data"].get("source", "")
    note = element("span", "From ", element("code", source)) if source else ""
    return Section("data", "Data", note, [part for part in parts if part])


def _items(diagnosis: Entry, key: str) -> list[Entry]:
    items = diagnosis.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _classes(contents: Contents) -> Markup:
    """Draw a row for each class, with its counts in each split whose list still exists."""
    training, validation = class_counts(contents)
    splits = {"training images": training} | ({} if validation is None else {"validation images": validation})
    largest = max(1, *(max(counts, default=0) for counts in splits.values()))
    bars = [[_bar(number, largest) for number in counts] for counts in splits.values()]
    rows = zip(contents.record["classes"], *bars, strict=True)
    return table(("class", *splits), rows, sortable=True)


def _bar(number: int, largest: int) -> Markup:
    bar = element("i", style=f"width:{100 * number / largest:.1f}%")
    return element("span", element("b", f"{number:,}"), element("span", bar, class_="track"), class_="length")


def _left_out(items: list[Entry]) -> Markup:
    if not items:
        return element("p", "No image was left out.", class_="none")
    rows = [(_file(item.get("image")), text_of(_text(item.get("reason")))) for item in items[:LISTED]]
    title = f"{count(len(items), 'image')} left out"
    return _listed(title, ("image", "reason"), rows, len(items))


def _findings(items: list[Entry]) -> Markup:
    if not items:
        return Markup("")
    rows = [_finding(item) for item in sorted(items, key=_severity_rank)[:LISTED]]
    title = f"{count(len(items), 'remark')} of the doctor"
    return _listed(title, ("", "what", "where", "what to do"), rows, len(items))


def _severity_rank(item: Entry) -> int:
    severities = list(SEVERITY_CLASSES)
    return severities.index(item["severity"]) if item.get("severity") in severities else len(severities)


def _finding(item: Entry) -> tuple[Content, ...]:
    return _severity(item), text_of(_text(item.get("message"))), _place(item), text_of(_text(item.get("remedy")))


def _listed(title: str, headings: tuple[str, ...], rows: Iterable[tuple[Content, ...]], total: int) -> Markup:
    more = total - LISTED
    rest = element("p", f"and {more:,} more in findings.json", class_="none") if more > 0 else ""
    return collapsed(title, table(headings, list(rows)), rest)


def _severity(item: Entry) -> Markup:
    severity = _text(item.get("severity"))
    return element(
        "span", severity, class_=f"chip {SEVERITY_CLASSES.get(severity, 'mixed')}", title=_text(item.get("check"))
    )


def _place(item: Entry) -> Markup:
    line = item.get("line")
    name = _file(item.get("file"))
    return element("span", name, f":{line}") if line else name


def _file(path: object) -> Markup:
    """Return the last two parts of a path; the title has the whole."""
    whole = _text(path)
    return element("span", name_of("/".join(PurePath(whole).parts[-2:])), title=whole)


def _text(value: object) -> str:
    return "" if value is None else str(value)
