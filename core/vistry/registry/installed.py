"""The installed distributions that bring plugins, each once, however many records of it there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vistry.registry.distribution_records import DistributionRecord, distribution_records
from vistry.registry.names import canonical_name

GROUP = "vistry.plugins"
# A record without a name is still listed, so that someone can find and remove it.
_NAMELESS = "unknown"
_RANKS = {"dev": -4, "a": -3, "b": -2, "rc": -1, "": 0, "post": 1}  # of what follows a release, as PEP 440 orders it


@dataclass(frozen=True)
class Installed:
    """A distribution that brings plugins, under its canonical name.

    `others` are further records of it, which play no part.
    """

    name: str
    version: str
    record: DistributionRecord
    others: tuple[Installed, ...] = ()

    @property
    def folder(self) -> Path:
        """Return the folder that its record lies in."""
        return self.record.folder

    def notes(self) -> Iterator[str]:
        """A sentence for each other record of another version or in another folder."""
        for other in self.others:
            if other.folder == self.folder:
                yield (
                    f"{self.folder} has a record of {self.name} {other.version} beside that of {self.version}, which "
                    f"is used; to be rid of it, delete the dist-info folder of {other.version}"
                )
            else:
                yield (
                    f"{self.name} {other.version} in {other.folder} is hidden by {self.version} in {self.folder}, "
                    "which comes first on Python's path; uninstall one of the two"
                )


def installed_distributions() -> Iterator[Installed]:
    """Each distribution with plugins.

    Of two records, the one in the folder that comes first on the path counts, because Python imports the package from
    there. Within a folder there is one package, and the newest record is its own: an older one was left behind.
    """
    by_name: dict[str, list[Installed]] = {}
    for record in distribution_records(GROUP):
        name, version = _name_and_version(record)
        # Records without a name can't be told apart from each other, so each counts.
        key = f"{name} {len(by_name)}" if name == _NAMELESS else name
        by_name.setdefault(key, []).append(Installed(name, version, record))
    for records in by_name.values():
        first = [installed for installed in records if installed.folder == records[0].folder]
        chosen = max(first, key=lambda installed: _order(installed.version))
        others = {(other.folder, other.version): other for other in records}
        del others[chosen.folder, chosen.version]
        yield replace(chosen, others=tuple(others.values()))


def _name_and_version(record: DistributionRecord) -> tuple[str, str]:
    """From the header lines of its metadata."""
    header = record.metadata.partition("\n\n")[0].splitlines()
    fields = {key: value.strip() for key, _, value in (line.partition(":") for line in header)}
    return canonical_name(fields.get("Name", _NAMELESS)), fields.get("Version", _NAMELESS)


def _order(version: str) -> tuple[tuple[int, ...], int, int]:
    """A key by which later versions are larger, as far as releases, pre-releases and post-releases go."""
    match = re.match(r"v?((?:\d+!)?\d+(?:\.\d+)*)[-_.]?(dev|a|b|rc|post)?[-_.]?(\d*)", version.lower())
    if match is None:
        return (), 0, 0
    epoch, _, release = match[1].rpartition("!")
    numbers = [int(epoch or 0), *map(int, release.split("."))]
    while numbers[-1] == 0 and len(numbers) > 1:
        numbers.pop()
    return tuple(numbers), _RANKS[match[2] or ""], int(match[3] or 0)
