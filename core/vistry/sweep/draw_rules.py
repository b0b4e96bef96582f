"""Rules between hyperparameters, of core and of plugins, held against whole draws before they become trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from vistry.errors import HyperparameterError, Problem, VistryError
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import format_value
from vistry.registry.catalogue import Catalogue
from vistry.sweep.coordinates import ARM, Coordinates
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers.drawing import Drawing
from vistry.sweep.samplers.grid import Grid
from vistry.sweep.space import Space, Suggestion
from vistry.training.model_context import ModelContext

TRIED = 40  # draws of each model of each group
MOST_POINTS = 1000  # of a grid, which are all tried


@dataclass(frozen=True)
class DrawRules:
    """The rules of every model for a task and a backend; a model's plugin is asked once it is drawn."""

    catalogue: Catalogue
    task: str
    backend: str
    _contexts: dict[str, ModelContext] = field(default_factory=dict, repr=False)

    def problems(self, draw: Suggestion) -> Sequence[Problem]:
        """The rules that a training with these values would break; none where that can't be told."""
        try:
            self._context(draw.model).resolved([Source.of(draw.values, "the draw")])
        except HyperparameterError as error:
            return error.problems
        except VistryError:  # a model that can't be had costs its own trial, with its own sentence
            return ()
        return ()

    def _context(self, model: str) -> ModelContext:
        if model not in self._contexts:
            card = self.catalogue.model(model)
            self._contexts[model] = ModelContext.of(self.catalogue, card, task=self.task, backend=self.backend)
        return self._contexts[model]


def check_draws(rules: DrawRules, space: Space, sampler: SamplerRequest) -> tuple[str, ...]:
    """Try draws of every model before any work, and say how many would be skipped.

    Raises HyperparameterError for a model of which every draw breaks a rule.
    """
    notes, impossible = [], []
    for place, model in Coordinates(space).arms:
        draws = list(_draws(space, sampler, place, model=model))
        broken = [(draw, problems[0]) for draw in draws if (problems := rules.problems(draw))]
        name = model.rpartition("/")[2]
        if draws and len(broken) == len(draws):
            impossible.append(_impossible(broken[0][1], name, len(draws)))
        elif broken:
            notes.append(_skipped(broken, name, of=f"{len(broken)} of {len(draws)}", is_grid=sampler.name == "grid"))
    if impossible:
        raise HyperparameterError(list(dict.fromkeys(impossible)), "sweep")
    return tuple(notes)


def _draws(space: Space, sampler: SamplerRequest, place: int, *, model: str) -> Iterator[Suggestion]:
    """Draws of one model of a group: of a grid every point, as far as it can be counted, else some at random."""
    if sampler.name == "grid":
        points = (one for one in Grid(space) if one.group == place and one.model == model)
        yield from islice(points, MOST_POINTS)
        return
    coordinates = Coordinates(space)
    drawing, arm = Drawing(coordinates, sampler.seed), coordinates.arms.index((place, model))
    tried = set()
    for number in range(TRIED):
        group, of_model, values = coordinates.place({**drawing.random_point(number, 0), ARM: arm})
        identity = coordinates.identity(group, of_model, values)
        if identity not in tried:
            tried.add(identity)
            yield Suggestion(group=group, model=of_model, values=values, why="random")


def _impossible(problem: Problem, name: str, count: int) -> Problem:
    every = "the only draw" if count == 1 else f"each of {count} draws"
    return replace(problem, message=f"{problem.message}; {every} of {name} breaks a rule, so none can be trained")


def _skipped(broken: Sequence[tuple[Suggestion, Problem]], name: str, *, of: str, is_grid: bool) -> str:
    draw, problem = broken[0]
    values = ", ".join(f"{key} {format_value(value)}" for key, value in draw.values.items())
    what = "points of the grid" if is_grid else "draws tried"
    return f"{of} {what} of {name} break a rule; such are skipped and not counted, as with {values}: {problem}"
