"""`vistry.sweep(...)`: a sweep as Python asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vistry.data.source import Folders
from vistry.errors import VistryError, suggestion
from vistry.sweep import session
from vistry.sweep.asked import CONSTRAINTS, POLICY, sweep_asked_for
from vistry.sweep.request import MAX_DOWNLOAD
from vistry.sweep.worker import silent


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
    config: str | Path | None = None,
    sampler: str | None = None,
    stopping: str | Mapping[str, Any] | None = None,
    constraints: Mapping[str, float] | None = None,
    max_download: int = MAX_DOWNLOAD,
    seed: int | None = None,
    threads: int | None = None,
    runner: str = "local",
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
        config: a YAML or TOML file that says what is searched and how; arguments go over what it says.
        sampler: auto, random, sobol, grid or bayesian; auto where nothing else is said.
        stopping: halving, which is the default, none, bandit, median_stopping or truncation_selection; the last three
            with their options as a mapping, such as {"type": "bandit", "slack_factor": 0.2}.
        constraints: what every model keeps to: max_parameters, max_model_size and max_memory in bytes, max_latency in
            seconds for an image.
        max_download: how many bytes of published weights may be fetched where the sweep chooses the models.
        seed: of the sampler; 0 by default.
        threads: how many threads a trial has; by default the cores divided by the trials at once.
        runner: who trains: "local", this machine, or "ray", a Ray cluster.
        say: is told a line a trial, such as `print`.
        hyperparameters: values by their own names: a list for a choice, a text such as "0.001..0.1" for a range, or one
            value for all trials.

    Raises VistryError; mistakes in the call are all told before any work begins.
    """
    options = {
        "data": data,
        "task": task,
        "validation": validation,
        "format": format,
        "images": images,
        "columns": columns,
        "classes_at": classes_at,
        "validation_size": validation_size,
        "primary_metric": primary_metric,
        "backend": backend,
        "group_by": group_by,
        "max_trials": max_trials,
        "max_concurrent_trials": max_concurrent_trials,
        "time_limit": time_limit,
        "config": config,
        "sampler": sampler,
        "seed": seed,
        "max_download": max_download,
        **policy_of(stopping),
        **checked_constraints(constraints or {}),
    }
    models = (model,) if isinstance(model, str) else tuple(model)
    texts = {name: _text(value) for name, value in hyperparameters.items()}
    request, settings = sweep_asked_for(options, models, texts)
    for line in settings.lines:
        say(line)
    return session.sweep(request, output=output, threads=threads, runner=runner, say=say)


def checked_constraints(amounts: Mapping[str, float]) -> dict[str, float | None]:
    """Constraints by their names, None for those that aren't given. Raises VistryError for a name that there isn't."""
    if unknown := next((name for name in amounts if name not in CONSTRAINTS), None):
        raise VistryError(f"there is no constraint '{unknown}'; {suggestion(unknown, CONSTRAINTS)}")
    return {name: amounts.get(name) for name in CONSTRAINTS}


def policy_of(stopping: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Early termination by its name, or by a mapping of its `type` and its options. Raises VistryError."""
    options = {"type": stopping} if stopping is None or isinstance(stopping, str) else dict(stopping)
    name = options.pop("type", None)
    if unknown := next((option for option in options if option not in POLICY), None):
        raise VistryError(f"early termination has no option '{unknown}'; {suggestion(unknown, POLICY)}")
    return {"stopping": name, **{option: options.get(option) for option in POLICY}}


def _text(value: Any) -> str:
    """A value as a flag would have it."""
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return "none" if value is None else str(value)
