"""Models on other plugins' backbones: which there are, what they are called, and what they have of both.

A model that a manifest writes down names its backbone in full and keeps its own name, whatever else is installed. On
each other backbone that fits, one follows from the composition and is named after the backbone. On
the models of a catalogue file, of which there may be a thousand, models follow only when they are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from vistry.registry.cards import BACKBONE_PREFIX, ModelCard, card_of
from vistry.registry.discovery import Plugin
from vistry.registry.licences import licence_of_both
from vistry.registry.manifest import CompositionSpec, FeatureMapsSpec, Manifest, ModelSpec
from vistry.registry.names import is_called
from vistry.registry.policy import Policy


def listed_backbones(plugins: Iterable[Plugin], models: Iterable[ModelCard]) -> list[ModelCard]:
    """The models on which others may be listed: of those in catalogue files, the ones that a manifest names."""
    manifests = [plugin.manifest for plugin in plugins if plugin.manifest and plugin.manifest.composition]
    named = {model.backbone for manifest in manifests for model in manifest.models.values()}
    return [model for model in models if not model.catalogue_path or model.full_name in named]


def composed_cards(plugin: Plugin, models: Sequence[ModelCard], policy: Policy) -> list[ModelCard]:
    """A plugin's models on each of the given ones that fits, in their order: as they are written, or as they follow."""
    order = {model.full_name: at for at, model in enumerate(models)}
    cards = _composed_cards(plugin, models, policy)
    return sorted(cards, key=lambda card: order[card.backbone.full_name] if card.backbone else 0)


def _composed_cards(plugin: Plugin, models: Iterable[ModelCard], policy: Policy) -> Iterator[ModelCard]:
    manifest = plugin.manifest
    if manifest is None or plugin.path is None or manifest.composition is None:
        return
    models = [model for model in models if misfit(manifest.composition, model) == ""]
    written = {name: model for name, model in manifest.models.items() if model.backbone}
    by_name = _by_full_name(models) if written else {}
    for name, model in written.items():
        named = by_name.get(model.backbone, [])
        for backbone in _settled(with_backend_of(model.backends or manifest.backends, named), policy):
            card = card_of(plugin, manifest, path=plugin.path, name=name, model=model)
            yield _on(card, backbone, manifest.composition)
    listed = [model for model in models if not model.catalogue_path]
    fitting = _settled(with_backend_of(manifest.backends, listed), policy)
    for backbone, name in _derived_names(manifest, manifest.composition, fitting=fitting, policy=policy):
        yield _derived(plugin, manifest.composition, backbone, name=name)


def card_on(plugin: Plugin, backbone: ModelCard, is_free: Callable[[str], bool]) -> ModelCard | None:
    """A plugin's model on a backbone from a catalogue file; None where none follows.

    It is named after the backbone's short name if `is_free` says so of the name, else after family and name.
    """
    composition = plugin.manifest.composition if plugin.manifest else None
    if plugin.manifest is None or composition is None or misfit(composition, backbone):
        return None
    written = any(model.backbone == backbone.full_name for model in plugin.manifest.models.values())
    if written or not with_backend_of(plugin.manifest.backends, [backbone]):
        return None
    name = composed_name(composition, backbone.name)
    if not is_free(name):
        name = composed_name(composition, f"{backbone.family}.{backbone.name}")
    return _derived(plugin, composition, backbone, name=name)


def _derived(plugin: Plugin, composition: CompositionSpec, backbone: ModelCard, name: str) -> ModelCard:
    assert plugin.manifest, "a plugin with a composition has been read"
    assert plugin.path, "and so it has a file"
    model = _derived_model(composition, backbone)
    card = card_of(plugin, plugin.manifest, path=plugin.path, name=name, model=model)
    return _on(card, backbone, composition, is_derived=True)


def _by_full_name(models: Iterable[ModelCard]) -> dict[str, list[ModelCard]]:
    by_name: dict[str, list[ModelCard]] = defaultdict(list)
    for model in models:
        by_name[model.full_name].append(model)
    return by_name


def misfit(composition: CompositionSpec, model: ModelCard) -> str:
    """Why a model can't be a backbone of a composition, "" if it can; backends are another matter."""
    if model.feature_maps is None:
        return "offers no feature maps"
    lacking = [str(stride) for stride in composition.strides if stride not in model.feature_maps.strides]
    return f"offers no feature maps at stride {' and '.join(lacking)}" if lacking else ""


def with_backend_of(backends: Collection[str], models: Iterable[ModelCard]) -> list[ModelCard]:
    """The models that have one of these backends."""
    return [model for model in models if set(backends) & set(model.backends)]


def _settled(fitting: Iterable[ModelCard], policy: Policy) -> list[ModelCard]:
    """Backbones of distinct full names; of two plugins that share their name, the distribution that policy prefers."""
    return [
        chosen[0]
        for rivals in _by_full_name(fitting).values()
        if len(chosen := rivals if len(rivals) == 1 else preferred(rivals, policy)) == 1
    ]


def preferred(rivals: Sequence[ModelCard], policy: Policy) -> list[ModelCard]:
    """Those of several models of one short name that policy prefers, by plugin or distribution."""
    preference = policy.preferred(rivals[0].name)
    return [card for card in rivals if preference and is_called(preference.value, card.family, card.distribution)]


def _derived_names(
    manifest: Manifest, composition: CompositionSpec, fitting: Sequence[ModelCard], policy: Policy
) -> Iterator[tuple[ModelCard, str]]:
    """Each backbone that no model is written down for, and the name of the one that follows.

    The name has the backbone's short name where that is unique among those that fit, or preferred by policy, and
    where no model is written down under it; else `family.name`.
    """
    used = set(manifest.models)
    written = {model.backbone for model in manifest.models.values()}
    free = [backbone for backbone in fitting if backbone.full_name not in written]
    others = []
    for backbone in free:
        rivals = [rival for rival in fitting if rival.name == backbone.name]
        name = composed_name(composition, backbone.name)
        if name not in used and (len(rivals) == 1 or preferred(rivals, policy) == [backbone]):
            used.add(name)
            yield backbone, name
        else:
            others.append(backbone)
    for backbone in others:
        label = f"{backbone.family}.{backbone.name}"
        while (name := composed_name(composition, label)) in used:  # a backbone's own name may have a dot in it
            label = f"{backbone.family}.{label}"
        used.add(name)
        yield backbone, name


def composed_name(composition: CompositionSpec, backbone: str) -> str:
    """The name of a model that follows from a composition, with this name for its backbone."""
    return composition.name.replace("{backbone}", backbone)


def _derived_model(composition: CompositionSpec, backbone: ModelCard) -> ModelSpec:
    """The facts of a composed model that nobody wrote down."""
    maps = _maps_of(backbone)
    used = [
        channels for channels, stride in zip(maps.channels, maps.strides, strict=True) if stride in composition.strides
    ]
    parameters = maps.parameters + composition.parameters + composition.parameters_per_channel * sum(used)
    return ModelSpec(summary=composition.summary.replace("{backbone}", backbone.name), parameters=parameters)


def _on(card: ModelCard, backbone: ModelCard, composition: CompositionSpec, is_derived: bool = False) -> ModelCard:
    """A card with what it has of its backbone, beside defaults and restrictions, which are looked up in both cards."""
    maps = _maps_of(backbone)
    brought = {name: backbone.hyperparameters[name] for name in _brought(card, backbone)}
    notices = dict.fromkeys(notice for notice in (card.checkpoint_notice, backbone.checkpoint_notice) if notice)
    return replace(
        card,
        backbone=backbone,
        backends=tuple(name for name in card.backends if name in backbone.backends),
        license=licence_of_both(card.license, backbone.license),
        classes=card.classes or composition.classes,
        weights={**backbone.weights, **card.weights},
        freeze=_in_detectors(maps.freeze or backbone.freeze),
        frozen_layers=maps.frozen_layers,
        preprocessing=backbone.preprocessing,
        checkpoint_notice=" ".join(notices),
        hyperparameters={**brought, **card.hyperparameters},
        is_derived=is_derived,
    )


@cache
def _in_detectors(groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """The groups of a backbone's prefixes as a detector's tensors begin."""
    return tuple(tuple(BACKBONE_PREFIX + prefix for prefix in group) for group in groups)


def _maps_of(backbone: ModelCard) -> FeatureMapsSpec:
    assert backbone.feature_maps, "models without feature maps don't fit"
    return backbone.feature_maps


def _brought(card: ModelCard, backbone: ModelCard) -> list[str]:
    """The hyperparameters of a backbone that a model has for its own tasks."""
    return [name for name, spec in backbone.hyperparameters.items() if set(spec.tasks) & set(card.tasks)]


def clashes(card: ModelCard) -> list[str]:
    """The hyperparameters that both a composed model's family and its backbone's define, so that it can't be used."""
    if card.backbone is None:
        return []
    return [name for name in _brought(card, card.backbone) if card.definer_of(name) is card]
