"""Checks of the freezing map: each prefix matches a parameter, and frozen tensors don't change."""

from __future__ import annotations

import numpy as np

from vistry.plugin.types import FreezingMap
from vistry.testing.check import NothingToCheck, listed, require
from vistry.testing.model_subject import ModelSubject, eight_inputs

_LEARNING_RATE = 0.1  # large, so that a step changes every bit that it may change


def absent_layers_to_freeze(subject: ModelSubject) -> str:
    """Return why no freezing is checked, "" if it is."""
    return "" if _map_of(subject).groups else "the model has no layers to freeze"


def absent_statistics(subject: ModelSubject) -> str:
    """Return why no running statistics are checked, "" if they are."""
    freezing = _map_of(subject)
    if absence := absent_layers_to_freeze(subject):
        return absence
    if not freezing.freeze_batch_norm:
        return "the freezing map doesn't freeze batch norm"
    frozen = any(name.startswith(_prefixes(freezing)) for name in subject.statistics())
    return "" if frozen else "the layers to freeze have no running statistics"


def freezing_prefixes_match(subject: ModelSubject) -> None:
    """Each prefix of the freezing map matches a parameter, and a parameter is left to train."""
    freezing = _map_of(subject)
    names = list(subject.parameters())
    unmatched = _unmatched(freezing, names)
    require(
        not unmatched,
        f"no parameter's name begins with {listed(unmatched)}; the first names are {listed(names)}; "
        "correct the freezing map",
    )
    count = len(subject.card.freeze)
    require(
        count in (0, len(freezing.groups)),
        f"plugin.toml lists {count} layers to freeze, the limit of layers_to_freeze, but vistry_freezing_map returns "
        f"{len(freezing.groups)}; make both numbers equal",
    )
    require(
        any(not name.startswith(_prefixes(freezing)) for name in names),
        f"with all {len(freezing.groups)} layers frozen no parameter is left to train; "
        "take the head out of the freezing map",
    )


def frozen_parameters_stay(subject: ModelSubject) -> None:
    """With every layer frozen a step changes no bit of a frozen parameter."""
    freezing = _map_of(subject)
    before, after = _around_a_step(subject, freezing)
    frozen = [name for name in subject.parameters() if name.startswith(_prefixes(freezing))]
    changed = [name for name in frozen if not np.array_equal(before[name], after[name])]
    require(
        not changed,
        f"a step changes frozen parameters: {listed(changed)}; leave changes of parameters to the optimiser",
    )


def frozen_batch_norm_stays(subject: ModelSubject) -> None:
    """With every layer frozen a step changes no running statistics of a frozen layer."""
    freezing = _map_of(subject)
    before, after = _around_a_step(subject, freezing)
    statistics = [name for name in subject.statistics() if name.startswith(_prefixes(freezing))]
    changed = [name for name in statistics if not np.array_equal(before[name], after[name])]
    require(
        not changed,
        f"a step changes frozen running statistics: {listed(changed)}; use the backend's own batch norm or a subclass, "
        "which the engine can freeze, or return FreezingMap(..., freeze_batch_norm=False)",
    )


def _map_of(subject: ModelSubject) -> FreezingMap:
    return subject.context().freezing_map()


def _prefixes(freezing: FreezingMap) -> tuple[str, ...]:
    return tuple(prefix for group in freezing.groups for prefix in group)


def _unmatched(freezing: FreezingMap, names: list[str]) -> list[str]:
    return [prefix for prefix in _prefixes(freezing) if not any(name.startswith(prefix) for name in names)]


def _around_a_step(subject: ModelSubject, freezing: FreezingMap) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the weights before and after a step with every layer frozen."""
    names = list(subject.parameters())
    if _unmatched(freezing, names) or all(name.startswith(_prefixes(freezing)) for name in names):
        raise NothingToCheck("the freezing map is wrong; see freezing_prefixes_match")
    context = subject.context(layers_to_freeze=len(freezing.groups))
    engine = subject.engine(context)
    # Copies: an engine may return views of its own memory, which the step changes.
    before = {name: value.copy() for name, value in engine.weights().items()}
    engine.accumulate(eight_inputs(context), 1.0, 0)
    engine.update(_LEARNING_RATE)
    return before, engine.weights()
