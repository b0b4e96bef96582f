"""Checks of compositions: a family against the installed backbones, and a backbone against the installed families."""

from __future__ import annotations

from collections.abc import Iterator

from vistry.registry.cards import ModelCard
from vistry.registry.discovery import Plugin, discover
from vistry.registry.manifest import CompositionSpec, FeatureMapsSpec
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.compositions import backbones_in, composed_models, composes, own_models, with_backbones
from vistry.testing.freezing_checks import freezing_prefixes_match
from vistry.testing.model_subject import ModelSubject, PluginSubject, message
from vistry.testing.training_checks import loss_is_finite

_MOST_COUNTED = 3  # of one family's models, each on maps of other channels


def absent_composition(subject: PluginSubject) -> str:
    """Return why no composition is checked, "" if one is."""
    return "" if composes(subject.plugin) else "the plugin has no [composition]"


def composition_fits_a_backbone(subject: PluginSubject) -> str:
    """Some installed backbone has the maps that its composition needs, and the models on it are as it says."""
    catalogue = with_backbones(subject.plugin, discover())
    backbones = backbones_in(catalogue)
    if not backbones:
        raise NothingToCheck("no installed plugin offers feature maps; install one to check the family on")
    composition = _composition(subject.plugin)
    fitting = [card for card in backbones if _fits(card, composition)]
    require(bool(fitting), _no_fit(composition, backbones))
    for backbone in fitting:
        _require_own_names(subject.plugin, backbone)
    models = composed_models(subject.plugin, catalogue)
    require(
        bool(models),
        f"no installed backbone with these maps has one of its backends; {fitting[0].name} of "
        f"{fitting[0].distribution} has {listed(list(fitting[0].backends))}",
    )
    for model in _of_distinct_channels(models):
        _require_count(ModelSubject(catalogue, model, task=model.tasks[0], backend=model.backends[0]))
    smallest = models[0].backbone
    assert smallest is not None
    count = "one model" if len(models) == 1 else f"{len(models)} models"
    return f"{count}; the smallest is on {smallest.name} of {smallest.distribution}"


def absent_backbone(subject: PluginSubject) -> str:
    """Return why no detector is built on the plugin's models, "" if some are."""
    if _smallest_backbone(subject) is None:
        return "the plugin offers no feature maps"
    return "" if list(_families_on(subject)) else "no installed family is composed of feature maps such as its own"


def detectors_are_built_on_it(subject: PluginSubject) -> str:
    """On its smallest backbone each installed family that composes its feature maps has a model that learns."""
    backbone = _smallest_backbone(subject)
    assert backbone is not None, "else absent_backbone leaves the check out"
    names = []
    for family in _families_on(subject):
        catalogue = with_backbones(family, [subject.plugin])
        for card in catalogue.models(family=family.name, backbone=backbone.full_name):
            detector = ModelSubject(catalogue, card, task=card.tasks[0], backend=card.backends[0])
            try:
                freezing_prefixes_match(detector)
                loss_is_finite(detector)
            except Exception as error:
                raise CheckFailed(
                    f"{card.name} of {family.distribution} doesn't work on {backbone.name}: "
                    f"{message(error, subject)}; correct vistry_build_feature_maps or [feature_maps] in plugin.toml, "
                    "or tell the other plugin's authors"
                ) from error
            names.append(card.name)
    require(bool(names), f"no model of the installed families is listed on {backbone.name}")
    return listed(names)


def _composition(plugin: Plugin) -> CompositionSpec:
    assert plugin.manifest is not None
    assert plugin.manifest.composition is not None
    return plugin.manifest.composition


def _fits(card: ModelCard, composition: CompositionSpec) -> bool:
    return card.feature_maps is not None and set(composition.strides) <= set(card.feature_maps.strides)


def _no_fit(composition: CompositionSpec, backbones: list[ModelCard]) -> str:
    strides = {tuple(card.feature_maps.strides): card for card in backbones if card.feature_maps}
    offers = [f"{card.name} of {card.distribution} {list(offered)}" for offered, card in strides.items()]
    return (
        f"[composition] needs feature maps at the strides {list(composition.strides)}, which no installed backbone "
        f"has: {listed(offers)}; correct 'strides' in plugin.toml, or install a backbone that has them"
    )


def _require_own_names(plugin: Plugin, backbone: ModelCard) -> None:
    own = plugin.manifest.hyperparameters if plugin.manifest else {}
    both = sorted(set(own) & set(backbone.hyperparameters))
    require(
        not both,
        f"the hyperparameter '{''.join(both[:1])}' is defined by this family and by {backbone.distribution}, whose "
        f"{backbone.name} it is built on, so one value would mean two things; give this family's another name",
    )


def _of_distinct_channels(models: list[ModelCard]) -> list[ModelCard]:
    """Return models whose backbones differ in their channels, so that the count for each channel shows."""
    by_channels: dict[int, ModelCard] = {}
    for model in models:
        maps: FeatureMapsSpec | None = model.backbone.feature_maps if model.backbone else None
        by_channels.setdefault(sum(maps.channels) if maps else 0, model)
    return list(by_channels.values())[:_MOST_COUNTED]


def _require_count(model: ModelSubject) -> None:
    card = model.card
    if card.classes is None or model.build_error is not None:
        return
    count = model.parameter_count(card.classes)
    require(
        count == card.parameters,
        f"by [composition] {card.name} has {card.parameters} parameters for {card.classes} classes, but the model has "
        f"{count}; correct 'parameters' or 'parameters_per_channel'",
    )


def _smallest_backbone(subject: PluginSubject) -> ModelCard | None:
    own = own_models(subject.plugin, subject.catalogue)
    offering = [card for card in own if card.feature_maps]
    return min(offering, key=lambda card: card.parameters, default=None)


def _families_on(subject: PluginSubject) -> Iterator[Plugin]:
    """Yield the other installed families whose composition finds its maps on the plugin's smallest backbone."""
    backbone = _smallest_backbone(subject)
    for plugin in discover():
        is_other = plugin.handle != subject.plugin.handle
        if backbone and is_other and composes(plugin) and _fits(backbone, _composition(plugin)):
            yield plugin
