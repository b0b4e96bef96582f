"""What is said where a model on a backbone can't be used, or a name doesn't tell which one is meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vistry.registry.cards import ManifestKey, ModelCard, cards_of
from vistry.registry.composition import clashes, composed_name, misfit, with_backend_of
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import ModelSpec
from vistry.registry.policy import FILE_NAME


def unusable_backbone(
    backbone: str, plugins: Sequence[Plugin], stood_on_by: tuple[Plugin, ModelSpec] | None = None
) -> str:
    """A backbone's full name, why a model can't stand on it, and what to do.

    `stood_on_by` is the model that is written down to stand on it, and its plugin.
    """
    family, _, name = backbone.partition("/")
    for owner in plugins:
        if owner.name == family and not owner.in_use:
            return f"'{backbone}', whose plugin is {owner.state}: {owner.reason}; {owner.remedy}"
    cards = [card for owner in plugins if owner.in_use for card in cards_of(owner) if card.full_name == backbone]
    manifest, model = (stood_on_by[0].manifest, stood_on_by[1]) if stood_on_by else (None, None)
    if not cards or manifest is None or manifest.composition is None or model is None:
        return (
            f"'{backbone}', which no plugin in use offers with the feature maps it needs; "
            "to see what is installed type: vistry plugins"
        )
    fitting = [card for card in cards if not misfit(manifest.composition, card)]
    if not fitting:
        return f"'{backbone}', which {misfit(manifest.composition, cards[0])}; choose another backbone"
    backends = model.backends or manifest.backends
    if not (fitting := with_backend_of(backends, fitting)):
        return f"'{backbone}', which isn't offered in {' or '.join(backends)}; choose another backbone"
    owners = " and ".join(card.distribution for card in fitting)
    return (
        f"'{backbone}', which {owners} offer, in plugins of one name; choose one in {FILE_NAME}:\n[prefer]\n"
        f'"{name}" = "{fitting[0].distribution}"'
    )


def clash(card: ModelCard, backbone: ModelCard) -> tuple[str, str]:
    """Why a model isn't offered of which both families define a hyperparameter, and what to do.

    Raises TomlFileError where a manifest has gone.
    """
    [name, *_] = clashes(card)
    places = [ManifestKey(one.manifest_path, ("hyperparameters", name)).place for one in (card, backbone)]
    reason = (
        f"both {card.family} ({places[0]}) and its backbone {backbone.full_name} ({places[1]}) define the "
        f"hyperparameter '{name}'"
    )
    return reason, "the other models work; rename it in one of the two plugins, or do without one of them"


def named_otherwise(wanted: str, cards: Iterable[ModelCard], plugins: Sequence[Plugin]) -> list[ModelCard]:
    """The models that would have a name, short or full, if the short name of their backbones were unique."""
    compositions = {
        (plugin.name, plugin.distribution): plugin.manifest.composition
        for plugin in plugins
        if plugin.in_use and plugin.manifest
    }
    models = []
    for card in cards:
        composition = compositions.get((card.family, card.distribution))
        if composition and card.backbone and card.is_derived:
            name = composed_name(composition, card.backbone.name)
            if wanted in (name, f"{card.family}/{name}"):
                models.append(card)
    return models


def several_backbones(named: str, cards: Iterable[ModelCard]) -> str:
    """What is wrong with a name that several models would have, on backbones of one short name."""
    pairs = [(card, card.backbone) for card in cards if card.backbone]
    listed = " and ".join(f"{card.full_name} ({backbone.full_name})" for card, backbone in pairs)
    [(_, first), *_] = pairs
    return (
        f"{named} means no single model, since several backbones are called '{first.name}': {listed}; write one of "
        f"these names, or choose whose backbone has the short one, in {FILE_NAME}:\n[prefer]\n"
        f'"{first.name}" = "{first.family}"'
    )
