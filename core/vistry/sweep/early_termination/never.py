"""No early termination: every trial runs to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.sweep.protocols import Verdict
from vistry.sweep.request import TerminationRequest
from vistry.sweep.space import Space
from vistry.sweep.trial import Trial


@dataclass(frozen=True)
class Never:
    """Ends no trial. The base of whatever pauses none."""

    @classmethod
    def of(cls, _: TerminationRequest, __: Space) -> Never:
        """Make one; nothing about it can be chosen."""
        return cls()

    def first_rung(self, epochs: int) -> int:
        """All epochs: nobody waits for another trial."""
        return epochs

    def verdict(self, trial: Trial, trials: Sequence[Trial]) -> Verdict | None:  # noqa: ARG002
        """Never any."""
        return None

    def promoted(self, trials: Sequence[Trial]) -> tuple[int, int] | None:  # noqa: ARG002
        """None: no trial is paused."""
        return None
