"""A file of our own for a sweep: the sections of a job file that say what is searched and how, in YAML or TOML.

Nothing in it is about machines or data, so it goes with any data; what the command line says goes over it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.hosted_job import MESSAGE, command_of, is_hosted_job
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.registry.toml_file import TomlFileError, read_toml
from vistry.registry.toml_lines import line_of
from vistry.sweep.distribution import Distribution
from vistry.sweep.early_termination import TERMINATIONS
from vistry.sweep.flag_values import requests_of_flags
from vistry.sweep.job_files.document import Node, Remarks, mapping, read_document, refuse_unknown
from vistry.sweep.job_files.job import AUTOMATIC, SWEEP, Search, metric_of
from vistry.sweep.job_files.keys import task_of
from vistry.sweep.job_files.limits import limits_of
from vistry.sweep.job_files.search_space import BY_DEFAULT, EARLY_STOPPING, SPACE
from vistry.sweep.job_files.sweep_section import SWEEP_KEYS, Sampling, sampling_of, termination_of
from vistry.sweep.request import GroupRequest, Limits, SamplerRequest, TerminationRequest
from vistry.sweep.samplers import SAMPLERS

SUBJECT = "sweep file"
KEYS = ("task", "primary_metric", "limits", "training_parameters", "sweep", SPACE)
Texts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a file says of a sweep; `lines` are what its reader has to be told."""

    groups: tuple[GroupRequest, ...] | None = None
    fixed: tuple[Source, ...] = ()
    sampler: SamplerRequest = field(default_factory=SamplerRequest)
    termination: TerminationRequest = field(default_factory=TerminationRequest)
    limits: Limits = field(default_factory=Limits)
    primary_metric: str | None = None
    lines: tuple[str, ...] = ()

    def with_flags(self, texts: Texts, models: Sequence[str], *, catalogue: Catalogue, task: str) -> Settings:
        """These settings under the hyperparameters of a command line, which go over the file's.

        Raises HyperparameterError where both name models.
        """
        if self.groups is None:
            groups, fixed = requests_of_flags(texts, models, catalogue=catalogue, task=task)
            return replace(self, groups=groups, fixed=(*self.fixed, *fixed))
        if models:
            problem = Problem("--model", f"'{','.join(models)}' stands beside {SPACE}", "name the models in one place")
            raise HyperparameterError([problem], SUBJECT)
        flags = [requests_of_flags(texts, group.models, catalogue=catalogue, task=task) for group in self.groups]
        overlaid = [
            replace(
                own,
                parameters={**_without(group.parameters, texts), **own.parameters},
                where={**group.where, **own.where},
            )
            for group, (of_models, _) in zip(self.groups, flags, strict=True)
            for own in of_models
        ]
        return replace(self, groups=tuple(overlaid), fixed=(*self.fixed, *flags[0][1]))


def read_task(path: Path) -> str | None:
    """The task that a file names; None where it names none. Raises HyperparameterError."""
    document, remarks = _document(path), Remarks()
    task = task_of(document, remarks) if document.get("task") else None
    remarks.check()
    return task


def read_settings(path: Path, task: str) -> Settings:
    """Read a file for a task, by its full name. Raises HyperparameterError with every problem at once."""
    document, remarks, catalogue = _document(path), Remarks(), Catalogue.read()
    refuse_unknown(document, KEYS, remarks)
    limits, section = limits_of(document, remarks), document.get("limits")
    if section is None or section.get("max_trials") is None:
        limits = replace(limits, max_trials=None)
    sampling, termination = _sweep_section(document, remarks)
    kind = SWEEP if document.get(SPACE) else AUTOMATIC
    search = Search(document, kind, remarks, catalogue=catalogue, sampler=sampling.sampler)
    chosen = search.read(task, sampling.log_base)
    metric = metric_of(document, task, remarks, catalogue=catalogue)
    remarks.check()
    return Settings(
        groups=None if chosen.groups is None else tuple(map(_as_written, chosen.groups)),
        fixed=(chosen.fixed.source(),) if chosen.fixed.values else (),
        sampler=sampling.sampler,
        termination=termination,
        limits=limits,
        primary_metric=metric,
        lines=tuple(remarks.lines),
    )


def _sweep_section(document: Node, remarks: Remarks) -> tuple[Sampling, TerminationRequest]:
    """How trials are chosen and ended early; what the section doesn't say is as without a file."""
    sampling, termination = Sampling(SamplerRequest()), TerminationRequest()
    section = mapping(document.get("sweep"), remarks, "sweep: {sampling_algorithm: sobol}")
    if section is None:
        return sampling, termination
    if section.get("sampling_algorithm") is not None:
        sampling = sampling_of(document, remarks, tuple(SAMPLERS))
    else:
        refuse_unknown(section, SWEEP_KEYS, remarks)
    if section.get("early_termination") is not None:
        termination = termination_of(document, remarks, tuple(TERMINATIONS))
    return sampling, termination


@dataclass(frozen=True)
class _TomlLines:
    text: str

    def line(self, *path: str | int) -> int:
        return line_of(self.text, path) or 1


def _document(path: Path) -> Node:
    if path.suffix.lower() == ".toml":
        try:
            text, values = read_toml(path)
        except TomlFileError as error:
            raise HyperparameterError(error.problems, SUBJECT) from None
        document = Node(values, path, _TomlLines(text))
    elif path.suffix.lower() in (".yaml", ".yml"):
        document = read_document(path)
    else:
        message = f"unsupported sweep file '{path.suffix}'"
        raise HyperparameterError([Problem(str(path), message, "use .yaml or .toml")], SUBJECT)
    if isinstance(document.value, dict) and is_hosted_job(document.value):
        raise HyperparameterError([Problem(str(path), MESSAGE, command_of(path))], SUBJECT)
    return document


def _as_written(group: GroupRequest) -> GroupRequest:
    """A group without the early stopping that jobs have where they don't say."""
    if group.where.get(EARLY_STOPPING) != BY_DEFAULT:
        return group
    return replace(group, parameters=_without(group.parameters, (EARLY_STOPPING,)))


def _without(parameters: Mapping[str, Distribution], names: Collection[str]) -> dict[str, Distribution]:
    return {name: drawn for name, drawn in parameters.items() if name not in names}
