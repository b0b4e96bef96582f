"""The data: its classes, what was left out and why, and what the doctor remarked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from markupsafe import Markup

from vistry.report.markup import Content, element, name_of, text_of
from vistry.report.numbers import count
from vistry.report.run_contents import Contents, Entry, class_counts, diagnoses
from vistry.report.section import Section
from vistry.report.table import folded, table

LISTED = 100
GRAVE = {"error": "bad", "warning": "mixed", "info": "busy"}


def data(contents: Contents) -> Section:
    """Counts of each class, images left out with the reason, and findings."""
    found = diagnoses(contents.run.folder)
    left_out = [item for diagnosis in found for item in _items(diagnosis, "quarantined")]
    findings = [item for diagnosis in found for item in _items(diagnosis, "findings")]
    parts = [_classes(contents), _left_out(left_out), _findings(findings)]
    source = contents.record["data"].get("source", "")
    note = element("span", "From ", element("code", source)) if source else ""
    return Section("data", "Data", note, [part for part in parts if part])


def _items(diagnosis: Entry, key: str) -> list[Entry]:
    found = diagnosis.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _classes(contents: Contents) -> Markup:
    """A line a class, with its counts in the splits whose list is there."""
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
    rows = [_finding(item) for item in sorted(items, key=_gravity)[:LISTED]]
    title = f"{count(len(items), 'remark')} of the doctor"
    return _listed(title, ("", "what", "where", "what to do"), rows, len(items))


def _gravity(item: Entry) -> int:
    severities = list(GRAVE)
    return severities.index(item["severity"]) if item.get("severity") in severities else len(severities)


def _finding(item: Entry) -> tuple[Content, ...]:
    return _grave(item), text_of(_text(item.get("message"))), _place(item), text_of(_text(item.get("remedy")))


def _listed(title: str, headings: tuple[str, ...], rows: Iterable[tuple[Content, ...]], count_of_all: int) -> Markup:
    more = count_of_all - LISTED
    rest = element("p", f"and {more:,} more in findings.json", class_="none") if more > 0 else ""
    return folded(title, table(headings, list(rows)), rest)


def _grave(item: Entry) -> Markup:
    severity = _text(item.get("severity"))
    return element("span", severity, class_=f"chip {GRAVE.get(severity, 'mixed')}", title=_text(item.get("check")))


def _place(item: Entry) -> Markup:
    line = item.get("line")
    name = _file(item.get("file"))
    return element("span", name, f":{line}") if line else name


def _file(path: object) -> Markup:
    """The last two parts of a path, the whole on pointing at it."""
    whole = _text(path)
    return element("span", name_of("/".join(PurePath(whole).parts[-2:])), title=whole)


def _text(value: object) -> str:
    return "" if value is None else str(value)
