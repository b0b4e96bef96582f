"""A sweep as somebody asks for it, on the command line, in a file, from Python or in a job file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever reads a sweep's files needs none of this, and it takes a second to load
    from vistry.hyperparameter.schema import Source
    from vistry.sweep.distribution import Distribution
    from vistry.training.plan import Request

MAX_DOWNLOAD = 2**30


@dataclass(frozen=True, kw_only=True)
class GroupRequest:
    """A group of the space as it was written: which models, and from what each hyperparameter is drawn.

    `models` are short or full names, none for the task's default. `where` says of each name, file and line.
    """

    models: tuple[str, ...] = ()
    parameters: Mapping[str, Distribution] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SamplerRequest:
    """How trials are chosen: `name` is auto, random, sobol, grid or bayesian."""

    name: str = "auto"
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class TerminationRequest:
    """When a trial is ended early: `name` is halving, none, bandit, median_stopping or truncation_selection.

    The three policies count intervals, which are reports of the primary metric: they look at every
    `evaluation_interval`th from `delay_evaluation` on.
    """

    name: str = "halving"
    evaluation_interval: int = 1
    delay_evaluation: int = 0
    slack_factor: float | None = None
    slack_amount: float | None = None
    truncation_percentage: int | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much may be spent: trials, at once, and seconds of the whole sweep. None where nobody said."""

    max_trials: int | None = None
    max_concurrent_trials: int | None = None
    time_limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What every model has to keep to: parameters, bytes of weights, seconds to predict an image, bytes to train.

    None where nobody said.
    """

    max_parameters: int | None = None
    max_model_size: int | None = None
    max_latency: float | None = None
    max_memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class TestData:
    """Data of its own on which the best trial is measured at the end, and how many images it has."""

    __test__ = False  # it is no test of pytest's

    data: str
    images: int


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """A sweep. `training` says which data and how they are read; `fixed` are values that all trials have.

    `groups` is None where nobody said what to search: the default space of the models is then.
    `notes` are what people call it (name, description, tags), `best_to` is a folder that gets the best run, and `test`
    what the best is measured on; where it is None, on the test split of the data, if that has one.
    `max_download` is how many bytes of published weights may be fetched where the sweep chooses the models itself.
    """

    training: Request
    groups: tuple[GroupRequest, ...] | None = None
    fixed: tuple[Source, ...] = ()
    sampler: SamplerRequest = SamplerRequest()
    termination: TerminationRequest = TerminationRequest()
    limits: Limits = Limits()
    constraints: Constraints = Constraints()
    notes: Mapping[str, str] = field(default_factory=dict)
    best_to: str | None = None
    test: TestData | None = None
    max_download: int = MAX_DOWNLOAD

    def fixed_values(self) -> dict[str, object]:
        """The values that all trials have, as they were given; the last one of a name counts."""
        return {str(name): value for source in self.fixed for name, value in source.values.items()}
