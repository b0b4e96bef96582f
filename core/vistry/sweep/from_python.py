"""`vistry.sweep(...)`: a sweep as Python asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vistry.data.source import Folders, ReadingOptions
from vistry.data.task_choice import task_of
from vistry.errors import VistryError, suggestion
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named
from vistry.sweep import session
from vistry.sweep.flag_values import requests_of_flags
from vistry.sweep.request import MAX_DOWNLOAD, Constraints, Limits, SamplerRequest, SweepRequest, TerminationRequest
from vistry.sweep.worker import silent
from vistry.training.plan import Request


def sweep(
    data: str | Path,
    *,
    task: str | None = None,
    model: str | Sequence[str] = (),
    validation: str | Path | None = None,
    format: str | None = None,
    images: Folders = (),
    columns: Mapping[str, str] | None = None,
    classes_at: int | None = None,
    validation_size: float | None = None,
    primary_metric: str | None = None,
    backend: str = "torch",
    group_by: str | None = None,
    output: str | Path | None = None,
    max_trials: int | None = None,
    max_concurrent_trials: int | None = None,
    time_limit: float | None = None,
    sampler: str = "auto",
    stopping: str | Mapping[str, Any] = "halving",
    constraints: Mapping[str, float] | None = None,
    max_download: int = MAX_DOWNLOAD,
    seed: int = 0,
    threads: int | None = None,
    say: Callable[[str], None] = silent,
    **hyperparameters: Any,
) -> session.SweepResult:
    """Train many models in search of a good one; the result's `run` is the best of them.

    Args:
        data: labelled images; this and what follows up to `group_by` is as for `vistry.train`.
        task: a task's name or alias; by default what labels suggest.
        model: a model's name or several; by default the sweep chooses some, and what to search of them.
        validation: labelled images to measure on.
        format: the data's format.
        images: folders in which images are looked for, too.
        columns: which columns of a table are "image", "label" and so on.
        classes_at: which level of nested folders names the classes.
        validation_size: the share of `data` that is held out.
        primary_metric: the metric that is searched by.
        backend: the tensor library, "torch" or "jax".
        group_by: what belongs together stays on one side of the split.
        output: the sweep's new folder; by default one in VISTRY_RUNS or ./runs.
        max_trials: how many trials; 20 where there is no time limit either.
        max_concurrent_trials: how many at once; by default one a GPU, and one without.
        time_limit: seconds by which all is over, planning included.
        sampler: auto, random, sobol, grid or bayesian.
        stopping: halving, none, bandit, median_stopping or truncation_selection; the last three with their options as
            a mapping, such as {"type": "bandit", "slack_factor": 0.2}.
        constraints: what every model keeps to: max_parameters, max_model_size and max_memory in bytes, max_latency in
            seconds for an image.
        max_download: how many bytes of published weights may be fetched where the sweep chooses the models.
        seed: of the sampler.
        threads: how many threads a trial has; by default the cores divided by the trials at once.
        say: is told a line a trial, such as `print`.
        hyperparameters: values by their own names: a list for a choice, a text such as "0.001..0.1" for a range, or one
            value for all trials.

    Raises VistryError; mistakes in the call are all told before any work begins.
    """
    reading = ReadingOptions.of(format, images, columns, classes_at=classes_at)
    task = task_named(task or task_of(Path(data), None, reading)[0]).name
    models = (model,) if isinstance(model, str) else tuple(model)
    texts = {name: _text(value) for name, value in hyperparameters.items()}
    groups, fixed = requests_of_flags(texts, models, catalogue=Catalogue.read(), task=task)
    request = SweepRequest(
        training=Request(
            data=Path(data),
            task=task,
            validation=None if validation is None else Path(validation),
            reading=reading,
            validation_size=validation_size,
            primary_metric=primary_metric,
            backend=backend,
            group_by=group_by,
        ),
        groups=groups,
        fixed=fixed,
        sampler=SamplerRequest(name=sampler, seed=seed),
        termination=termination_request(stopping),
        constraints=constraints_of(constraints or {}),
        limits=Limits(max_trials=max_trials, max_concurrent_trials=max_concurrent_trials, time_limit=time_limit),
        max_download=max_download,
    )
    return session.sweep(request, output=output, threads=threads, say=say)


def constraints_of(amounts: Mapping[str, float]) -> Constraints:
    """Constraints by their names. Raises VistryError for a name that there isn't."""
    names = list(vars(Constraints()))
    if unknown := next((name for name in amounts if name not in names), None):
        raise VistryError(f"there is no constraint '{unknown}'; {suggestion(unknown, names)}")
    return Constraints(
        **{name: amount if name == "max_latency" else int(amount) for name, amount in amounts.items()}  # type: ignore[arg-type]
    )


def termination_request(stopping: str | Mapping[str, Any]) -> TerminationRequest:
    """Early termination by its name, or by a mapping of its `type` and its options."""
    if isinstance(stopping, str):
        return TerminationRequest(name=stopping)
    options = dict(stopping)
    return TerminationRequest(name=str(options.pop("type", "halving")), **options)


def _text(value: Any) -> str:
    """A value as a flag would have it."""
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return "none" if value is None else str(value)
