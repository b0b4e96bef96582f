"""What can be done with the weights that plugins publish: fetch, find, verify and remove their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vistry.errors import WeightsError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue

if TYPE_CHECKING:
    from vistry.weights.published import PublishedWeights
    from vistry.weights.verify import VerifiedWeights


def fetch_weights(
    model: str,
    name: str | None = None,
    *,
    everything: bool = False,
    to: str | Path | None = None,
    quiet: bool = False,
) -> list[PublishedWeights]:
    """Fetch published weights that are not on this machine, and return them with their files.

    Args:
        model: the model's name.
        name: which of its weights; by default those that a training starts from.
        everything: all of its weights.
        to: a folder to copy the files to, for a machine without a network. There it is what VISTRY_WEIGHTS names.
        quiet: show no progress on standard error.

    Raises RegistryError for an unknown model, and WeightsError for unknown weights, or where a file can't be fetched.
    """
    from vistry.weights.copies import copy_to
    from vistry.weights.fetch_progress import Silence, fetch_progress
    from vistry.weights.locate import locate

    card = Catalogue.read().model(model)
    progress = Silence() if quiet else fetch_progress()
    for wanted in _names(card, name, everything):
        located = locate(wanted, card, progress)
        if located is not None and to is not None:
            copy_to(Path(to), card.weights[wanted], located)
    return _published(card, name, everything)


def weights_path(model: str, name: str | None = None) -> Path:
    """Return the file of published weights, by default those that a training of the model starts from.

    Raises RegistryError for an unknown model, and WeightsError for unknown weights or where they are not on this
    machine.
    """
    from vistry.weights.locate import fetch_command

    card = Catalogue.read().model(model)
    [entry] = _published(card, name)
    if entry.file is None:
        raise WeightsError(_absent(entry, f"type: {fetch_command(entry.name, card)}"))
    return entry.file


def remove_weights(model: str, name: str | None = None, *, everything: bool = False) -> list[Path]:
    """Remove the files of published weights from this machine, and return what was removed.

    Those of an installed package stay. Raises RegistryError for an unknown model, and WeightsError for unknown weights
    or where there is nothing to remove.
    """
    from vistry.weights.copies import remove

    card = Catalogue.read().model(model)
    removed = []
    for entry in _published(card, name, everything):
        carrier = card.weights[entry.name].package_and_file
        if carrier and not everything:
            raise WeightsError(f"the weights '{entry.name}' of {card.name} are a part of the package '{carrier[0]}'")
        if not carrier:
            removed += remove(card.weights[entry.name])
        if not removed and not everything:
            raise WeightsError(_absent(entry, "there is nothing to remove"))
    return removed


def verify_weights(model: str | None = None, name: str | None = None) -> list[VerifiedWeights]:
    """Read the files of published weights that are on this machine, and hold them against their hashes.

    Without a model, of all models. Raises RegistryError for an unknown model, and WeightsError for unknown weights or
    named ones that are not on this machine.
    """
    from vistry.weights.verify import verify

    if name is not None and model is not None:
        weights_path(model, name)
    catalogue = Catalogue.read()
    cards = [catalogue.model(model)] if model else catalogue.cards
    return verify(cards, name)


def _names(card: ModelCard, name: str | None, everything: bool = False) -> list[str]:
    """The names of the weights that are meant. Raises WeightsError."""
    if not card.weights:
        raise WeightsError(f"{card.distribution} publishes no weights of {card.name}")
    if everything:
        return list(card.weights)
    if name is None:
        return [card.default_weights or next(iter(card.weights))]
    if name not in card.weights:
        hint = suggestion(name, list(card.weights))
        raise WeightsError(f"there are no weights '{name}' of {card.name}; {hint}".rstrip("; "))
    return [name]


def _published(card: ModelCard, name: str | None, everything: bool = False) -> list[PublishedWeights]:
    from vistry.weights.published import published_weights

    names = _names(card, name, everything)
    return [entry for entry in published_weights([card]) if entry.name in names]


def _absent(entry: PublishedWeights, remedy: str) -> str:
    return f"the weights '{entry.name}' of {entry.model} are not on this machine; {remedy}"
