"""Published weights on this machine, held against the hashes that they should have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from vistry.registry.cards import ModelCard
from vistry.weights.locate import LocatedWeights, wrong_file
from vistry.weights.published import published_weights
from vistry.weights.read import sha256_of


class VerifiedWeightsRecord(TypedDict):
    """A file of published weights, and whether it is the right one."""

    name: str
    model: Annotated[str, "full name"]
    file: str
    sha256: Annotated[str, "of the file"]
    revision: Annotated[str | None, "the commit that the file is of, where it is a repository's"]
    state: Annotated[Literal["right", "wrong", "unknown"], "unknown: nobody states a hash"]
    problem: str


@dataclass(frozen=True)
class VerifiedWeights:
    """A file of published weights, its hash, and what is wrong with it; `is_known` says that a hash is stated."""

    name: str
    model: str
    file: Path
    sha256: str
    revision: str | None
    is_known: bool
    problem: str

    @property
    def state(self) -> Literal["right", "wrong", "unknown"]:
        """Whether it is the right file, as far as that can be told."""
        if self.problem:
            return "wrong"
        return "right" if self.is_known else "unknown"

    def to_dict(self) -> VerifiedWeightsRecord:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "model": self.model,
            "file": str(self.file),
            "sha256": self.sha256,
            "revision": self.revision,
            "state": self.state,
            "problem": self.problem,
        }


def verify(cards: Iterable[ModelCard], name: str | None = None) -> list[VerifiedWeights]:
    """Hold what is on this machine of models' own weights, or of one name, against its hashes.

    A file that several models share is read once.
    """
    cards = list(cards)
    by_name = {card.full_name: card for card in cards}
    results, files = [], set()
    for entry in published_weights(cards):
        if entry.file is None or entry.file in files or name not in (None, entry.name):
            continue
        files.add(entry.file)
        spec = by_name[entry.model].weights[entry.name]
        located = LocatedWeights(entry.file, sha256=sha256_of(entry.file), revision=entry.revision)
        problem = wrong_file(located, spec) or ""
        is_known = bool(spec.sha256) or entry.file.resolve().name == located.sha256
        results.append(
            VerifiedWeights(
                name=entry.name,
                model=entry.model,
                file=entry.file,
                sha256=located.sha256,
                revision=entry.revision,
                is_known=is_known,
                problem=problem,
            )
        )
    return results
