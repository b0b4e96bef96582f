"""A sweep as a journal file of Optuna's, which optuna-dashboard shows: a study, its trials and their curves."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.registry.field_spec import Scalar
from vistry.sweep.export.trial_times import TrialTimes, times_of, trial_times
from vistry.sweep.folder import SweepFolder
from vistry.sweep.standing import as_they_stand
from vistry.sweep.trial import Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

MODEL = "model"
Values = Mapping[str, Scalar | None]


def write(sweep: SweepFolder, path: Path) -> None:
    """Write the journal. Paused and stopped trials are pruned ones in Optuna's words."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        record, trials = sweep.record, as_they_stand(sweep, sweep.trials())
        study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name=sweep.id,
            direction="maximize" if record.larger_is_better else "minimize",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that names of metrics may change with a later Optuna
            study.set_metric_names([record.primary_metric])
        study.set_user_attr("sweep", str(sweep.path))
        distributions, times = _distributions(sweep, trials), trial_times(sweep)
        for trial in trials:
            study.add_trial(_frozen(sweep, trial, distributions, times=times_of(trial, times)))
    finally:
        optuna.logging.set_verbosity(verbosity)


def _values(trial: Trial) -> Values:
    return {MODEL: trial.record.model, **trial.record.values}


def _distributions(sweep: SweepFolder, trials: Iterable[Trial]) -> dict[str, BaseDistribution]:
    """A distribution for each hyperparameter that holds every value of it: Optuna allows a name but one kind."""
    every: dict[str, list[Scalar | None]] = {}
    for trial in trials:
        for name, value in _values(trial).items():
            every.setdefault(name, []).append(value)
    logarithmic = {
        name
        for group in sweep.record.space.groups
        for name, one in group.parameters.items()
        if one.kind in ("loguniform", "lognormal")
    }
    return {name: _distribution(values, name in logarithmic) for name, values in every.items()}


def _distribution(values: list[Scalar | None], is_logarithmic: bool) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        kinds = {(type(value), value): value for value in values}
        return CategoricalDistribution(list(kinds.values()))
    is_logarithmic = is_logarithmic and min(numbers) > 0
    if all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(min(numbers)), int(max(numbers)), log=is_logarithmic)
    return FloatDistribution(float(min(numbers)), float(max(numbers)), log=is_logarithmic)


def _frozen(
    sweep: SweepFolder, trial: Trial, distributions: Mapping[str, BaseDistribution], times: TrialTimes
) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    values, state = _values(trial), _state(trial)
    frozen = create_trial(
        state=state,
        value=sweep.metric(trial.best()) if state.is_finished() and state is not TrialState.FAIL else None,
        params=dict(values),
        distributions={name: distributions[name] for name in values},
        user_attrs={
            "why": trial.record.why,
            "status": trial.state.status,
            "reason": trial.state.reason,
            "run": str(sweep.trial_folder(trial.number)),
        },
        intermediate_values={one.epochs: sweep.metric(one.score) or 0.0 for one in trial.evaluations},
    )
    frozen.datetime_start = datetime.fromtimestamp(times.begun)
    if state.is_finished():
        frozen.datetime_complete = datetime.fromtimestamp(times.ended)
    return frozen


def _state(trial: Trial) -> TrialState:
    from optuna.trial import TrialState

    status = trial.state.status
    if status == "running":
        return TrialState.RUNNING
    if status in ("failed", "skipped") or trial.best() is None:
        return TrialState.FAIL
    return TrialState.COMPLETE if status == "completed" else TrialState.PRUNED
