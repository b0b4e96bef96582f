"""What a sweep decides by itself, from the first look at what is installed to a space that may be searched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.fields import shared_with_policy
from vistry.hyperparameter.schema import Source, schema_of
from vistry.registry.cards import distinct
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named
from vistry.sweep.automatic import head
from vistry.sweep.automatic.candidates import RANDOM, Candidates
from vistry.sweep.automatic.choice import Choice, choice_of
from vistry.sweep.automatic.measure_process import MeasureProcess
from vistry.sweep.automatic.recipe import recipe
from vistry.sweep.automatic.records import AutomaticRecord, CandidateRecord
from vistry.sweep.automatic.space import Searched, space_around
from vistry.sweep.automatic.survey import Survey, Tried, given_values
from vistry.sweep.request import SweepRequest
from vistry.sweep.space import Score, Space
from vistry.sweep.spaces import score_of
from vistry.training.cores import Cores, cores_taken, gpus
from vistry.training.plan import Splits, examine
from vistry.weights.offline import forbidding_variable

WEIGHTS, SEED = "weights", "random_seed"
NO_WEIGHTS = "no model has weights here, so trainings start from random ones; pretrained ones do far better"


@dataclass(frozen=True)
class Decided:
    """The space, and how it came about."""

    space: Space
    record: AutomaticRecord


def is_automatic(request: SweepRequest) -> bool:
    """Whether nobody said what to search: neither a model nor a range of anything."""
    groups = request.groups or ()
    names_models = request.training.model is not None or "model_name" in request.fixed_values()
    is_named = names_models or any(group.models or group.parameters for group in groups)
    return not is_named and request.sampler.name != "grid"


def fixed_problems(request: SweepRequest, catalogue: Catalogue, task: str) -> list[Problem]:
    """The values fixed for all trials that no installed model takes."""
    problems: list[Problem] = []
    if not request.fixed_values():
        return problems
    schemas = [schema_of(catalogue, card, task) for card in distinct(catalogue.models(task=task))]
    for source in request.fixed:
        for name, value in source.values.items():
            errors: list[HyperparameterError] = []
            for schema in schemas:
                try:
                    schema.checked(Source.of({name: value}, source.where(name)))
                except HyperparameterError as error:
                    errors.append(error)
            if errors and len(errors) == len(schemas):
                problems += errors[0].problems
    return problems


@dataclass(frozen=True, kw_only=True)
class Decider:
    """Decides what a sweep of a task searches, on data that has been examined.

    `say` is told each decision; `process` measures, on `cores`.
    """

    request: SweepRequest
    task: str
    splits: Splits
    score: Score
    process: MeasureProcess
    cores: Cores
    say: Callable[[str], None]

    def decided(self) -> Decided:
        """Look at candidates, choose among them, and lay the space around their recipes. Raises TrainingError."""
        survey = self._survey()
        tried = survey.look()
        choice = choice_of(tried, by_speed=task_named(self.task).has_boxes)
        survey.decide("searched: " + ", ".join(self._sentence(one, choice) for one in choice.ranked))
        searched = [self._searched(part, survey) for one in choice.ranked for part in one.parts()]
        space = space_around(searched, choice, self.score, images=len(self.splits.training))
        survey.decide(self._promise(choice))
        return Decided(space, AutomaticRecord(candidates=_records(survey, choice), decisions=tuple(survey.decisions)))

    def _survey(self) -> Survey:
        catalogue = Catalogue.read()
        candidates = Candidates(
            catalogue,
            self.task,
            self.request.training.backend,
            constraints=self.request.constraints,
            may_fetch=forbidding_variable() is None,
            starts_random=str(self.request.fixed_values().get(WEIGHTS, "")).casefold() == RANDOM,
        )
        self.process.use(
            self.request.training,
            self.splits,
            primary_metric=str(self.request.training.primary_metric),
            cores=self.cores,
        )
        survey = Survey(
            request=self.request,
            task=self.task,
            candidates=candidates,
            splits=self.splits,
            process=self.process,
            say=self.say,
        )
        survey.decide(f"{len(candidates.ranked):,} installed models may be trained for {self.task}")
        if not candidates.starts_random and all(one.weights == RANDOM for one in candidates.ranked):
            survey.decide(NO_WEIGHTS)
        return survey

    def _sentence(self, tried: Tried, choice: Choice) -> str:
        parts = [choice.reasons[tried.candidate.model]]
        if tried.candidate.figure is not None:
            parts.append(f"published {tried.candidate.figure:g}")
        what = "train its head" if tried.head_alone else "train"
        parts.append(f"{tried.seconds_per_image * 1000:.0f} ms to {what} on an image")
        return f"{tried.candidate.card.name} ({', '.join(parts)})"

    def _searched(self, tried: Tried, survey: Survey) -> Searched:
        own_epochs = min(tried.defaults.epochs, head.EPOCHS) if tried.head_alone else tried.defaults.epochs
        made = recipe(
            replace(tried.defaults, epochs=own_epochs),
            len(self.splits.training),
            self._class_counts(),
            epoch_seconds=tried.epoch_seconds,
            time_limit=self.request.limits.time_limit,
        )
        own = [
            name
            for name in ("training_batch_size", "number_of_epochs")
            if name in given_values(self.request, tried.schema)
        ]
        told = f"; as you set them: {', '.join(own)}" if own else ""
        name = tried.candidate.card.name + (", its head alone" if tried.head_alone else "")
        survey.decide(f"recipe of {name}: {'; '.join(made.reasons)}{told}")
        return Searched(tried, made, self.request)

    def _class_counts(self) -> tuple[int, ...]:
        return () if task_named(self.task).has_boxes else tuple(map(int, self.splits.training.class_counts()))

    def _promise(self, choice: Choice) -> str:
        """When there are weights that predict."""
        first, *_ = choice.fastest.parts()
        seconds = first.epoch_seconds
        name = ("the head of " if first.head_alone else "") + first.candidate.card.name
        return f"{name} comes first: its first epoch takes about {max(1, round(seconds))} s, and then there is a model"


def _records(survey: Survey, choice: Choice) -> tuple[CandidateRecord, ...]:
    looked_at = [choice.record(one) for one in survey.tried]
    figures = {one.model: one for one in survey.candidates.ranked}
    dropped = [
        CandidateRecord(
            model=model, weights=figures[model].weights, is_searched=False, reason=reason, figure=figures[model].figure
        )
        for model, reason in survey.dropped.items()
    ]
    return (*looked_at, *dropped)


def decided(
    request: SweepRequest, catalogue: Catalogue, task: str, *, threads: int, say: Callable[[str], None]
) -> tuple[Splits, Decided]:
    """Examine the data of a request, and decide what is searched on it.

    Raises VistryError: HyperparameterError for a fixed value that no model takes, before any work.
    """
    if problems := fixed_problems(request, catalogue, task):
        raise HyperparameterError(problems, "sweep")
    score = score_of(request, catalogue, task)
    seed = shared_with_policy(catalogue, task)[SEED]
    drawn_by = seed.spec.parse(request.fixed_values().get(SEED, seed.default))
    assert isinstance(drawn_by, int)
    with MeasureProcess(request.training.backend) as process:  # loads what it needs while the data is examined
        splits = examine(request.training, task, drawn_by)
        with cores_taken(None if gpus() else threads) as cores:
            decider = Decider(
                request=request, task=task, splits=splits, score=score, process=process, cores=cores, say=say
            )
            return splits, decider.decided()
