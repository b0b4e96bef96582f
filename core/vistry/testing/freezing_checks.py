"""Checks of the freezing map: every prefix names something, and what is frozen stays as it is."""

from __future__ import annotations

import numpy as np

from vistry.plugin.types import FreezingMap
from vistry.testing.check import NothingToCheck, listed, require
from vistry.testing.model_subject import ModelSubject, eight_inputs

_RATE = 0.1


def no_layers_to_freeze(subject: ModelSubject) -> str:
    """Why there is no layer to freeze, if so."""
    return "" if _map_of(subject).groups else "it has no layers to freeze"


def no_statistics_to_freeze(subject: ModelSubject) -> str:
    """Why there are no running statistics to freeze, if so."""
    freezing = _map_of(subject)
    if missing := no_layers_to_freeze(subject):
        return missing
    if not freezing.freeze_batch_norm:
        return "its freezing map lets frozen batch norm go on"
    under = any(name.startswith(_prefixes(freezing)) for name in subject.statistics())
    return "" if under else "it has no running statistics to freeze"


def freezing_prefixes_match(subject: ModelSubject) -> None:
    """Each prefix of the freezing map begins a parameter's name, and something is left to train."""
    freezing = _map_of(subject)
    names = list(subject.parameters())
    idle = _matching_nothing(freezing, names)
    require(
        not idle,
        f"no parameter's name begins with {listed(idle)}; the first names are {listed(names)}. "
        "Correct the freezing list",
    )
    count = len(subject.card.freeze)
    require(
        count in (0, len(freezing.groups)),
        f"plugin.toml lists {count} layers to freeze, which layers_to_freeze may count up to, and vistry_freezing_map "
        f"gives {len(freezing.groups)}; let both have the same number",
    )
    require(
        any(not name.startswith(_prefixes(freezing)) for name in names),
        f"with all {len(freezing.groups)} layers frozen nothing is left to train; leave the head out of the list",
    )


def frozen_parameters_stay(subject: ModelSubject) -> None:
    """With every layer frozen a step leaves each frozen parameter as it was, bit for bit."""
    freezing = _map_of(subject)
    before, after = _around_a_step(subject, freezing)
    frozen = [name for name in subject.parameters() if name.startswith(_prefixes(freezing))]
    moved = [name for name in frozen if not np.array_equal(before[name], after[name])]
    require(
        not moved, f"frozen, and changed by a step: {listed(moved)}; let nothing but the optimiser change parameters"
    )


def frozen_batch_norm_stays(subject: ModelSubject) -> None:
    """With every layer frozen a step leaves the running statistics under its prefixes as they were."""
    freezing = _map_of(subject)
    before, after = _around_a_step(subject, freezing)
    statistics = [name for name in subject.statistics() if name.startswith(_prefixes(freezing))]
    moved = [name for name in statistics if not np.array_equal(before[name], after[name])]
    require(
        not moved,
        f"frozen, and moved by a step: {listed(moved)}; use the backend's own batch norm, or a subclass of it, which "
        "the engine knows how to freeze, or give FreezingMap(..., freeze_batch_norm=False)",
    )


def _map_of(subject: ModelSubject) -> FreezingMap:
    return subject.context().freezing_map()


def _prefixes(freezing: FreezingMap) -> tuple[str, ...]:
    return tuple(prefix for group in freezing.groups for prefix in group)


def _matching_nothing(freezing: FreezingMap, names: list[str]) -> list[str]:
    return [prefix for prefix in _prefixes(freezing) if not any(name.startswith(prefix) for name in names)]


def _around_a_step(subject: ModelSubject, freezing: FreezingMap) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The weights before and after a step with every layer frozen."""
    names = list(subject.parameters())
    if _matching_nothing(freezing, names) or all(name.startswith(_prefixes(freezing)) for name in names):
        raise NothingToCheck("its freezing list is wrong; see freezing_prefixes_match")
    context = subject.context(layers_to_freeze=len(freezing.groups))
    engine = subject.engine(context)
    before = {name: value.copy() for name, value in engine.weights().items()}
    engine.accumulate(eight_inputs(context), 1.0, 0)
    engine.update(_RATE)
    return before, engine.weights()
