"""Facts of models in words, as a listing or a table has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from vistry.hyperparameter.manifest_defaults import InputPixels
from vistry.registry.cards import ModelCard
from vistry.registry.field_spec import Restriction
from vistry.registry.filters import figures_of
from vistry.registry.tasks import task_named

SHORTEST_RUN = 3  # of numbered names that are written as "first to last"


def aliases(tasks: Iterable[str]) -> str:
    """The short names of tasks."""
    return ", ".join(task_named(task).alias for task in tasks)


def layer_names(groups: Sequence[Sequence[str]]) -> str:
    """Groups of prefixes as names of layers, with runs of numbered ones shortened: "stem, blocks.0 to blocks.11"."""
    return ", ".join(_with_runs(["+".join(prefix.rstrip(".") for prefix in group) for group in groups]))


def _with_runs(names: Sequence[str]) -> Iterator[str]:
    start = 0
    while start < len(names):
        end = start + 1
        while end < len(names) and _follows(names[end - 1], names[end]):
            end += 1
        run = names[start:end]
        yield from [f"{run[0]} to {run[-1]}"] if len(run) >= SHORTEST_RUN else run
        start = end


def _follows(name: str, following: str) -> bool:
    """Whether two names differ by a number at the end, which rises by one."""
    first, second = re.fullmatch(r"(.*?)(\d+)", name), re.fullmatch(r"(.*?)(\d+)", following)
    return bool(first and second and first[1] == second[1] and int(second[2]) == int(first[2]) + 1)


def maps_text(card: ModelCard) -> str:
    """The feature maps that a model offers detectors."""
    if (maps := card.feature_maps) is None:
        return ""
    channels, strides = (", ".join(map(str, numbers)) for numbers in (maps.channels, maps.strides))
    return f"{channels} channels at strides {strides}"


def sides_text(card: ModelCard) -> str:
    """The sides that an input may have; empty where any will do."""
    sizes = card.input_sizes
    if sizes.sizes is not None:
        return f"{', '.join(map(str, sizes.sizes))} pixels"
    rules = [f"at least {sizes.smallest}"] if sizes.smallest > 1 else []
    rules += [f"at most {sizes.largest}"] if sizes.largest is not None else []
    rules += [f"a multiple of {sizes.multiple_of}"] if sizes.multiple_of > 1 else []
    return f"{', '.join(rules)} pixels" if rules else ""


def pixels_text(sizes: Iterable[InputPixels]) -> str:
    """The sizes of an input by their hyperparameters, each once where tasks agree."""
    texts = (f"{one.name} {'unset' if one.pixels is None else one.pixels}" for one in sizes)
    return ", ".join(dict.fromkeys(texts))


def normalisation_text(card: ModelCard) -> str:
    """How pixels are normalised."""
    spec = card.preprocessing
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (spec.mean, spec.std))
    return f"mean {mean}; deviation {std}"


def range_text(limit: Restriction) -> str:
    """The range of a restriction."""
    if limit.choices is not None:
        return ", ".join(map(str, limit.choices))
    rules = [f"at least {limit.minimum}"] if limit.minimum is not None else []
    rules += [f"at most {limit.maximum}"] if limit.maximum is not None else []
    rules += [f"a multiple of {limit.multiple_of}"] if limit.multiple_of is not None else []
    return ", ".join(rules)


def figures_text(card: ModelCard, name: str) -> str:
    """The published figures of one set of weights of the whole model."""
    spec = card.own_weights.get(name)
    figures = spec.metrics.items() if spec else ()
    return ", ".join(f"{data_set}.{one} {value:g}" for data_set, table in figures for one, value in table.items())


def best_figures(card: ModelCard) -> dict[str, float]:
    """The best value of each published figure, by `data set.figure`."""
    best: dict[str, float] = {}
    for data_set, figure, value in figures_of(card):
        name = f"{data_set}.{figure}"
        best[name] = max(value, best.get(name, value))
    return best


def bytes_text(size: int) -> str:
    """A file's or a memory's size."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def seconds_text(seconds: float) -> str:
    """A step's time, with three digits."""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
