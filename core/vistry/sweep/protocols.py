"""What a sweep is made of: a sampler proposes trials, early termination ends or pauses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vistry.sweep.space import Suggestion
from vistry.sweep.trial import Trial


class Sampler(Protocol):
    """Proposes what the next trial tries, from nothing but the seed, the number and the trials: it has no state."""

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Propose trial `number`, from 1; None where all that there is has been tried."""
        ...


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a running trial: `action` is "pause" or "stop"; `reason` says by which number."""

    action: str
    reason: str


class Termination(Protocol):
    """Decides after each evaluation whether a trial goes on."""

    def first_rung(self, epochs: int) -> int:
        """To how many of its epochs a new trial trains before anybody may end it; all of them where nobody does."""
        ...

    def verdict(self, trial: Trial, trials: Sequence[Trial]) -> Verdict | None:
        """Whether a trial, just evaluated, is to be paused or stopped; `trials` are all, that one among them."""
        ...

    def promoted(self, trials: Sequence[Trial]) -> tuple[int, int] | None:
        """The number of a paused trial that has earned to go on, and to how many epochs; None where none has."""
        ...


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Go on with a trial to so many epochs, because of `reason`."""

    number: int
    until: int
    reason: str


Job = Suggestion | Resume
