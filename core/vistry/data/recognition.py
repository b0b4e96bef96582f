"""Which format a data set is in: every format judges it, and one is chosen that explains what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.formats import Formats
from vistry.data.readers.guarded import GuardedReader
from vistry.data.readers.reader import Evidence
from vistry.data.source import DataSource
from vistry.data.unread import unread_kinds
from vistry.registry.plugin_code import BrokenPluginError

# A format whose files describe less than this share of what another's do explains less of the data.
EXPLAINED = 0.8
# Of files that aren't read, one for so many images says nothing about the images.
FEW = 50


@dataclass(frozen=True)
class Recognised:
    """The format that explains a data set, its evidence, and what else could be read."""

    name: str
    reader: GuardedReader
    evidence: Evidence
    findings: tuple[Finding, ...] = ()


def recognise(source: DataSource, task: str | None, formats: Formats) -> Recognised:
    """The format that is named, else the one that explains the data, those first that have labels for the task.

    Raises FindingError that says what was seen and what to type where none does, or the BrokenPluginError of a reader
    that couldn't tell.
    """
    if source.options.format is not None:
        return _named(source, source.options.format, formats)
    claims, failure = _claims(source, formats)
    explaining = {name: claim for name, claim in claims.items() if claim.explains}
    telling = {name: claim for name, claim in explaining.items() if not formats.by_name[name].part.spec.fallback}
    candidates = telling
    if not telling:
        unread = {name: claim for name, claim in unread_kinds(source) if _weighs(source, claim)}
        # A general format takes what no other has anything to say about.
        candidates = explaining if len(claims) == len(explaining) and not unread else {}
        if not candidates:
            raise failure or FindingError(_unexplained(source, unread or claims, formats))
    order = formats.by_preference(task)
    most = max(claim.covers for claim in candidates.values())

    def rank(name: str) -> tuple[bool, bool, int]:
        serves = task is None or task in formats.by_name[name].tasks
        known = candidates[name].covers
        return not serves, 0 < known < EXPLAINED * most, order.index(name)

    chosen = min(candidates, key=rank)
    others = {name: claim for name, claim in candidates.items() if name != chosen}
    findings = (_also(source, chosen, others),) if others else ()
    return Recognised(chosen, formats.by_name[chosen].reader, candidates[chosen], findings=findings)


def _weighs(source: DataSource, claim: Evidence) -> bool:
    """Whether there are enough files of a kind to tell what the folder is, and not just one that lies about."""
    return not source.path.is_dir() or claim.covers * FEW >= len(source.index.images)


def _named(source: DataSource, name: str, formats: Formats) -> Recognised:
    entry = formats.named(name)
    reader = entry.reader
    evidence = reader.judge(source)
    if evidence is None:
        if source.path.is_dir():
            reason = f"this is not {entry.summary}; found {contents(source.path)}"
            raise FindingError(Finding.of("format-unknown", reason, source.path))
        evidence = Evidence(entry.summary)
    return Recognised(name, reader, evidence)


def _claims(source: DataSource, formats: Formats) -> tuple[dict[str, Evidence], BrokenPluginError | None]:
    """The evidence of every format that has some, and the first failure of a plugin's reader."""
    claims, failure = {}, None
    wanted = set(source.options.given())
    for name, entry in formats.by_name.items():
        if not wanted <= set(entry.part.spec.options):
            continue
        try:
            evidence = entry.reader.judge(source)
        except BrokenPluginError as error:  # the data may be in another format, which works
            failure = failure or error
            continue
        if evidence is not None:
            claims[name] = evidence
    return claims, failure


def _also(source: DataSource, chosen: str, others: Mapping[str, Evidence]) -> Finding:
    listed = "; ".join(f"{claim.summary} (--format {name})" for name, claim in others.items())
    return Finding.of("format-chosen", f"read as {chosen}; also there: {listed}", source.path)


def _unexplained(source: DataSource, claims: Mapping[str, Evidence], formats: Formats) -> Finding:
    """What was seen of each format, and the readings with what to type for each."""
    if not claims:
        names = ", ".join(formats.by_name)
        message = f"no known format fits; found {contents(source.path)}. Formats: {names}"
        return Finding.of("format-unknown", message, source.path)
    reasons = "; ".join(f"{name}: {_why_not(claim)}" for name, claim in claims.items())
    remedy = "; ".join(dict.fromkeys(claim.remedy for claim in claims.values() if claim.remedy))
    finding = Finding.of("format-unknown", f"the data can't be read as it lies. {reasons}", source.path)
    return finding.advising(remedy or "name the folder of the images with --images DIR, or the format with --format")


def _why_not(claim: Evidence) -> str:
    if claim.against:
        return f"{claim.summary}, but {claim.against}"
    if claim.named and not claim.present:
        return f"{claim.summary}, but none of the {claim.named} images it names (of those tried) is there"
    return claim.summary


def contents(path: Path) -> str:
    """Count what is at a path, for a message: '3 .json file(s), 2 folder(s)'."""
    if path.is_file():
        return f"a {path.suffix or 'suffixless'} file of {path.stat().st_size} bytes"
    visible = (entry for entry in path.iterdir() if not entry.name.startswith("."))
    counts = Counter(_kind(entry) for entry in islice(visible, 10_000))
    commonest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:6]
    return ", ".join(f"{count} {kind}" for kind, count in commonest) or "an empty folder"


def _kind(entry: Path) -> str:
    return "folder(s)" if entry.is_dir() else f"{entry.suffix.lower() or 'suffixless'} file(s)"
