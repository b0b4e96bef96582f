"""Models that are tried no more, because their trials fail."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from vistry.sweep.protocols import Sampler
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers import sampler_of
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial

IN_A_ROW = 3
ENDED = ("paused", "stopped", "completed", "failed")


def dropped_models(trials: Sequence[Trial]) -> tuple[str, ...]:
    """The models of which three trials in a row have failed, by their full names."""
    models = dict.fromkeys(trial.record.model for trial in trials)
    return tuple(model for model in models if _fails([trial for trial in trials if trial.record.model == model]))


def _fails(trials: Sequence[Trial]) -> bool:
    in_a_row = 0
    for trial in trials:
        if trial.state.status in ENDED:
            in_a_row = in_a_row + 1 if trial.state.status == "failed" else 0
        if in_a_row == IN_A_ROW:
            return True
    return False


@dataclass(frozen=True)
class WithoutModels:
    """A sampler of a part of the space: of `models`, and of the groups that have these numbers in the whole space."""

    sampler: Sampler
    models: frozenset[str]
    groups: tuple[int, ...]

    @classmethod
    def of(cls, request: SamplerRequest, space: Space, models: Collection[str]) -> WithoutModels | None:
        """One of a space without some models; None where no other is left."""
        groups, numbers = [], []
        for number, group in enumerate(space.groups):
            if left := tuple(model for model in group.models if model not in models):
                groups.append(replace(group, models=left))
                numbers.append(number)
        if not groups:
            return None
        part = replace(space, groups=tuple(groups))
        return cls(sampler_of(request, part), frozenset(part.models), tuple(numbers))

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Propose trial `number` from the trials of what is left."""
        own = [
            replace(trial, record=replace(trial.record, group=self.groups.index(trial.record.group)))
            for trial in trials
            if trial.record.model in self.models
        ]
        suggestion = self.sampler.suggest(number, own)
        return suggestion and replace(suggestion, group=self.groups[suggestion.group])
