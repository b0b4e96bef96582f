"""`python -m vistry.hyperparameter.document FILE`: the tables as a page, for the plugins under the working folder."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vistry.hyperparameter.fields import Fields, model_fields, shared_with_policy
from vistry.hyperparameter.offer import Offer, table_fields
from vistry.hyperparameter.tables import ORDER
from vistry.hyperparameter.values import format_value
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin, discover
from vistry.registry.field_spec import FieldSpec, Value
from vistry.registry.policy import Policy
from vistry.registry.tasks import TASKS

_TITLES = {
    "model_agnostic": "For every model",
    "classification": "For image classification, multi-class and multi-label",
    "detection": "For object detection and instance segmentation",
    "segmentation": "For instance segmentation",
    "beyond_the_reference": "For every model, beyond the reference",
}
_INTRODUCTION = """# Hyperparameters

This page is generated from the tables that also check what you set: `make docs`.

Set one with a flag, `--learning_rate 0.02`, with a line of a YAML or TOML file, or from Python. Anything else \
than what this page allows is an error that says so before any work starts. For one model, with the file and line \
that set each value: `vistry hyperparameters MODEL --task multiclass --explain`.
"""
_HEAD = ("name", "must be", "default", "meaning")
_ALIASES = {task.name: task.alias for task in TASKS}


def document(catalogue: Catalogue) -> str:
    """The page in Markdown."""
    shared = {task: shared_with_policy(catalogue, task) for task in _ALIASES}
    # Of a catalogue file's thousand models the page has the number: each would be a line in every table.
    cards = [card for card in catalogue.cards if not card.catalogue_path]
    own = {(card.name, task): model_fields(catalogue, card, task) for card in cards for task in card.tasks}
    sections = [_INTRODUCTION, _models(cards), *_catalogued(catalogue)]
    sections += [_shared_table(name, shared, own) for name in ORDER]
    sections += [_family(plugin, cards) for plugin in catalogue.plugins]
    return "\n".join(sections)


def _models(cards: Iterable[ModelCard]) -> str:
    rows = [
        (_ALIASES[task], ", ".join(f"`{card.name}`" for card in cards if task in card.tasks) or "none installed")
        for task in _ALIASES
    ]
    return f"## Models\n\n{_table(('task', 'models'), rows)}"


def _catalogued(catalogue: Catalogue) -> Iterator[str]:
    count = Counter(card.family for card in catalogue.cards if card.catalogue_path)
    for family, models in count.items():
        yield f"The family {family} has {models:,} more, whose values `vistry hyperparameters MODEL` prints.\n"


def _shared_table(name: str, shared: Mapping[str, Fields], own: Mapping[tuple[str, str], Fields]) -> str:
    rows = []
    for field, definition in table_fields(name, Offer.of(None)):
        spec = definition.spec
        of_task = {task: fields[field] for task, fields in shared.items() if field in fields}
        default = _by_task({task: entry.default for task, entry in of_task.items()}, spec.unset_means)
        lines = [default, *_exceptions(field, of_task, own)]
        rows.append((f"`{field}`", _rules(field, spec, own), "<br>".join(lines), spec.description))
    return f"## {_TITLES[name]}\n\n{_table(_HEAD, rows)}"


def _by_task(defaults: Mapping[str, Value | None], unset_means: str) -> str:
    """The default, by task where tasks differ; where there is none, what that means."""
    values = {task: format_value(value) if value is not None else unset_means for task, value in defaults.items()}
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return "<br>".join(f"{_ALIASES[task]}: {value}" for task, value in values.items())


def _exceptions(name: str, shared: Fields, own: Mapping[tuple[str, str], Fields]) -> Iterator[str]:
    """The defaults of the models that have another one, by task where a model's tasks differ."""
    other: dict[tuple[str, Value | None], list[str]] = defaultdict(list)
    for (model, task), fields in own.items():
        if name in fields and fields[name].default != shared[task].default:
            other[model, fields[name].default].append(task)
    for (model, default), tasks in other.items():
        everywhere = all((model, task) not in own or task in tasks for task in _ALIASES)
        where = "" if everywhere else f", {' and '.join(_ALIASES[task] for task in tasks)}"
        yield f"`{model}`{where}: {format_value(default)}"


def _rules(name: str, spec: FieldSpec, own: Mapping[tuple[str, str], Fields]) -> str:
    """The range, and those of the models that have a narrower one."""
    if spec.maximum_from == "freeze":  # each model has a maximum of its own
        return f"{spec.rule}, and no more than the model has"
    models: dict[str, dict[str, None]] = defaultdict(dict)  # keys alone: each model once, in order
    for (model, _), fields in own.items():
        if name in fields and fields[name].rule != spec.rule:
            models[fields[name].rule][f"`{model}`"] = None
    return "<br>".join([spec.rule, *(f"{', '.join(names)}: {own_rule}" for own_rule, names in models.items())])


def _family(plugin: Plugin, cards: Iterable[ModelCard]) -> str:
    """What a family adds, leaves out, and freezes."""
    own = [card for card in cards if (card.family, card.distribution) == (plugin.name, plugin.distribution)]
    if not own or plugin.manifest is None:
        return ""
    parts = [f"## The family {plugin.name}\n\n{plugin.manifest.summary}.\n"]
    added = [
        (f"`{name}`", spec.rule, _by_task(spec.defaults(), spec.unset_means), spec.description)
        for name, spec in plugin.manifest.hyperparameters.items()
    ]
    parts += [_table(_HEAD, added)] if added else []
    parts += [f"It doesn't take `{name}`: {reason}.\n" for name, reason in plugin.manifest.exclude.items()]
    parts += [f"{_layers(groups, own)}\n" for groups in dict.fromkeys(card.freeze for card in own) if groups]
    return "\n".join(parts)


def _layers(groups: tuple[tuple[str, ...], ...], cards: Iterable[ModelCard]) -> str:
    names = ", ".join(f"`{card.name}`" for card in cards if card.freeze == groups)
    layers = ", ".join(" with ".join(f"`{prefix}`" for prefix in group) for group in groups)
    return f"`layers_to_freeze` counts, for {names}: {layers}."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(path: Path) -> None:
    """Write the page."""
    here = Path.cwd()
    plugins = [plugin for plugin in discover() if plugin.path and plugin.path.resolve().is_relative_to(here)]
    path.write_text(document(Catalogue.of(plugins, Policy())), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
