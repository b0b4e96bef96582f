"""A job file as a request: one training, a sweep, or the automatic mode; or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

from vistry.evaluation.metric_table import primary_metrics
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named
from vistry.sweep.job_files.combinations import Rules
from vistry.sweep.job_files.data_paths import JobData, data_of
from vistry.sweep.job_files.distributions import values_of
from vistry.sweep.job_files.document import Node, Remarks, read_document, shown, snake_case
from vistry.sweep.job_files.fitting import fitted, without_odd_sizes
from vistry.sweep.job_files.fixed import FixedValues, fixed_of, section_of
from vistry.sweep.job_files.keys import check_keys, check_type, notes_of, task_of
from vistry.sweep.job_files.limits import limits_of
from vistry.sweep.job_files.models import MODEL, JobModels
from vistry.sweep.job_files.outputs import best_to
from vistry.sweep.job_files.search_space import EARLY_STOPPING, SPACE, SpaceReader, SubSpace, sub_spaces
from vistry.sweep.job_files.sweep_section import sampling_of, termination_of
from vistry.sweep.request import GroupRequest, Limits, SamplerRequest, SweepRequest
from vistry.training.plan import Request

TRAINING, SWEEP, AUTOMATIC = "training", "sweep", "automatic"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a job file asks for. `kind` is training, sweep or automatic.

    `lines` are what a reader has to be told: ignored keys, sizes left out, what is meant otherwise than it looks.
    `test` is data on which the best run is measured at the end.
    """

    path: Path
    kind: str
    request: SweepRequest
    lines: tuple[str, ...] = ()
    test: Path | None = None

    @property
    def name(self) -> str | None:
        """What the run's or the sweep's folder is called, where the file says."""
        return self.request.notes.get("name")


def read_job(path: Path, data: Mapping[str, Path] | None = None) -> Job:
    """Read a job file; `data` are paths on this machine by name or by reference, as `--data NAME=PATH` has them.

    Raises HyperparameterError with every problem at once, each with its line.
    """
    document, remarks, catalogue = read_document(path), Remarks(), Catalogue.read()
    check_type(document, remarks)
    remarks.check()  # of a file of another kind nothing else is worth saying
    check_keys(document, remarks)
    task = task_of(document, remarks)
    places = data_of(document, data or {}, remarks)
    notes, limits = notes_of(document, remarks), limits_of(document, remarks)
    folder = best_to(document, remarks)
    sampling, termination = sampling_of(document, remarks), termination_of(document, remarks)
    searched = Search(document, _kind(document, limits), remarks, catalogue=catalogue, sampler=sampling.sampler)
    chosen = searched.read(task, sampling.log_base) if task else None
    metric = metric_of(document, task, remarks, catalogue=catalogue)
    if searched.kind == SWEEP and limits.max_trials == 1 and (space := document.get(SPACE)) is not None:
        remarks.say(space, "one trial is one random draw of it; limits.max_trials says how many")
    remarks.check()
    assert chosen is not None
    request = SweepRequest(
        training=_request(places, task, metric, model=chosen.model),
        groups=chosen.groups,
        fixed=(chosen.fixed.source(),),
        limits=limits,
        notes=notes,
        best_to=None if folder is None else str(folder.resolve()),
    )
    if searched.kind == SWEEP:
        request = replace(request, sampler=searched.sampler_of(limits), termination=termination)
    return Job(path=path, kind=searched.kind, request=request, lines=tuple(remarks.lines), test=places.test)


def _kind(document: Node, limits: Limits) -> str:
    if document.get(SPACE) is not None or document.get("sweep") is not None:
        return SWEEP
    return TRAINING if limits.max_trials == 1 else AUTOMATIC


def _request(places: JobData, task: str | None, metric: str | None, model: str | None) -> Request:
    assert places.training is not None
    return Request(
        data=places.training,
        task=task,
        model=model,
        validation=places.validation,
        validation_size=places.validation_size,
        primary_metric=metric,
    )


def metric_of(document: Node, task: str | None, remarks: Remarks, catalogue: Catalogue) -> str | None:
    """The primary metric by its own name, whatever the spelling: `auc_weighted` is AUC_weighted."""
    node = document.get("primary_metric")
    if node is None or task is None:
        return None
    names = primary_metrics(catalogue, task_named(task))
    written = _letters(str(node.value))
    match = next((name for name in names if _letters(name) == written), None)
    if match is None:
        remarks.refuse(node, f"{task} has no primary metric {shown(node.value)}", f"known: {', '.join(names)}")
    return match


def _letters(name: str) -> str:
    return snake_case(name).replace("_", "")


@dataclass(frozen=True)
class Chosen:
    """The values of a job: what is searched, None for the default space, and what all trials have."""

    groups: tuple[GroupRequest, ...] | None
    fixed: FixedValues
    model: str | None = None


@dataclass(frozen=True)
class Search:
    """Reads the sections about models and values."""

    document: Node
    kind: str
    remarks: Remarks
    catalogue: Catalogue
    sampler: SamplerRequest = field(default_factory=SamplerRequest)

    def read(self, task: str, log_base: float) -> Chosen:
        """What is searched and what all trials have, for a task by its full name."""
        models, section = JobModels(self.catalogue, task), section_of(self.document, self.remarks)
        spaces = sub_spaces(self.document, section, models, remarks=self.remarks)
        if self.document.get(SPACE) is not None:
            cards = [card for space in spaces for card in space.cards]
            fixed, odd = without_odd_sizes(fixed_of(section, cards, models, remarks=self.remarks), cards, models)
            reader = SpaceReader(Rules(models, fixed, self.remarks), section, odd, log_base=log_base)
            groups = reader.groups(spaces)
            self._check_sampler(spaces, groups)
            return Chosen(groups, fixed)
        named = section.get(MODEL) if section else None
        card = models.named(named, self.remarks) if named else models.default if self.kind == TRAINING else None
        fixed = self._fixed(section, card, models)
        if self.kind == SWEEP:
            fixed.values.setdefault(EARLY_STOPPING, True)
        return Chosen(None, fixed, card.full_name if card else None)

    def sampler_of(self, limits: Limits) -> SamplerRequest:
        """The sampler; for one trial, one that draws at random."""
        node = self.document.get(SPACE)
        if limits.max_trials != 1 or node is None:
            return self.sampler
        return replace(self.sampler, name="random")

    def _fixed(self, section: Node | None, card: ModelCard | None, models: JobModels) -> FixedValues:
        """The values where nothing is drawn, with the sizes that the model takes."""
        cards = [card] if card else []
        fixed, odd = without_odd_sizes(fixed_of(section, cards, models, remarks=self.remarks), cards, models)
        if card is None:
            return fixed
        for name, one in fitted(odd, card, models, remarks=self.remarks).items():
            value = one.choices[0]
            if value is not None:
                fixed.values[name] = value
        Rules(models, fixed, self.remarks).possible({}, card, section or self.document, nodes={})
        return fixed

    def _check_sampler(self, spaces: Sequence[SubSpace], groups: Sequence[GroupRequest]) -> None:
        """Refuse what the sampler can't do with the space, and say how large a grid is."""
        if self.sampler.name == "bayesian" and len(spaces) > 1:
            message = "bayesian has one group, since what it learns of one model says little of another"
            self.remarks.refuse(spaces[1].node, message, "write one group, or sampling_algorithm: random")
        if self.sampler.name != "grid":
            return
        endless = [
            (name, where)
            for group in groups
            for name, drawn in group.parameters.items()
            if values_of(drawn) is None and (where := group.where[name])
        ]
        for name, where in endless:
            self.remarks.refuse_at(where, name, "has no single values, and a grid is of those", "write a choice")
        if groups and not endless:
            self._say_points(groups)

    def _say_points(self, groups: Sequence[GroupRequest]) -> None:
        sizes = [[len(values_of(one) or ()) for one in group.parameters.values()] for group in groups]
        points = sum(len(group.models) * prod(size) for group, size in zip(groups, sizes, strict=True))
        trials = _trials(self.document)
        left = points - trials
        told = "all are tried" if left <= 0 else f"{trials} trials: {left} left out"
        self.remarks.say(self.document.get(SPACE) or self.document, f"the grid has {points} points; {told}")


def _trials(document: Node) -> int:
    return limits_of(document, Remarks()).max_trials or 1
