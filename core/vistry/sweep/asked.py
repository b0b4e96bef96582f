"""A sweep as options ask for it, on the command line or from Python, over what a config file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vistry.data.source import ReadingOptions
from vistry.data.task_choice import task_of
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named
from vistry.sweep.job_files.settings import Settings, read_settings, read_task
from vistry.sweep.request import MAX_DOWNLOAD, Constraints, SweepRequest, TerminationRequest
from vistry.training.plan import Request

READING = ("format", "images", "columns", "classes_at")
POLICY = ("evaluation_interval", "delay_evaluation", "slack_factor", "slack_amount", "truncation_percentage")
LIMITS = ("max_trials", "max_concurrent_trials", "time_limit")
CONSTRAINTS = ("max_parameters", "max_model_size", "max_latency", "max_memory")

Options = Mapping[str, Any]


def sweep_asked_for(options: Options, models: Sequence[str], texts: Mapping[str, str]) -> tuple[SweepRequest, Settings]:
    """The request, and what its config file says.

    Args:
        options: the options by their own names, None where one isn't given.
        models: the names of the models.
        texts: what is given for each hyperparameter, as the command line has it.

    Raises VistryError, for a file with every problem of it at once.
    """
    reading = ReadingOptions.of(**{name: options[name] for name in READING})
    task = _task(options, reading)
    settings = _settings(options, task, models, texts=texts)
    request = SweepRequest(
        training=Request(
            data=Path(options["data"]),
            task=task,
            validation=None if options["validation"] is None else Path(options["validation"]),
            reading=reading,
            validation_size=options["validation_size"],
            primary_metric=options["primary_metric"] or settings.primary_metric,
            backend=options["backend"],
            group_by=options["group_by"],
        ),
        groups=settings.groups,
        fixed=settings.fixed,
        sampler=settings.sampler,
        termination=settings.termination,
        constraints=constraints_of({name: options[name] for name in CONSTRAINTS if options[name] is not None}),
        limits=settings.limits,
        max_download=MAX_DOWNLOAD if options["max_download"] is None else int(options["max_download"]),
    )
    return request, settings


def constraints_of(amounts: Mapping[str, float]) -> Constraints:
    """Constraints by their names: all but the latency are whole numbers."""
    return Constraints(
        **{name: amount if name == "max_latency" else int(amount) for name, amount in amounts.items()}  # type: ignore[arg-type]
    )


def _task(options: Options, reading: ReadingOptions) -> str:
    """The task's full name: as the options say, or the config file, or what the labels suggest."""
    named = options["task"] or (read_task(Path(options["config"])) if options["config"] else None)
    return task_named(named or task_of(Path(options["data"]), None, reading)[0]).name


def _settings(options: Options, task: str, models: Sequence[str], *, texts: Mapping[str, str]) -> Settings:
    """What is searched, how, and how much of it: the options over what the config file says."""
    file = read_settings(Path(options["config"]), task) if options["config"] else Settings()
    settings = file.with_flags(texts, models, catalogue=Catalogue.read(), task=task)
    stopping = options["stopping"]
    termination = TerminationRequest(name=stopping) if stopping else settings.termination
    sampler = {"name": options["sampler"], "seed": options["seed"]}
    return replace(
        settings,
        sampler=replace(settings.sampler, **{name: value for name, value in sampler.items() if value is not None}),
        termination=replace(termination, **_given(options, POLICY)),
        limits=replace(settings.limits, **_given(options, LIMITS)),
    )


def _given(options: Options, names: Sequence[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}
