"""Hold the catalogue against the networks of the timm that is installed: `python -m vistry_timm.verify [NAME ...]`."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator, Sequence

import torch
from vistry.plugin import ModelCard
from vistry.testing import cards_of, without_norms

from vistry_timm.describe import expected_shapes, larger_side, on_meta_device, shapes_of_maps, takes
from vistry_timm.freezing import freezing_groups
from vistry_timm.networks import as_feature_maps


def faults_of(card: ModelCard) -> Iterator[str]:
    """Yield what the catalogue says of a model and its network, built on the meta device, contradicts."""
    network = on_meta_device(card.name)
    shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    if (count := sum(map(math.prod, shapes.values()))) != card.parameters:
        yield f"{card.name} has {count} parameters, and not {card.parameters}"
    if (groups := tuple(map(tuple, freezing_groups(network)))) != card.freeze:
        yield f"{card.name} has the layers {groups}, and not {card.freeze}"
    for prefix in (prefix for group in card.freeze for prefix in group):
        if not any(name.startswith(prefix) for name in shapes):
            yield f"{card.name} has no parameter that begins with {prefix}"
    sizes = card.input_sizes
    for side in sizes.sizes or (sizes.smallest, larger_side(sizes.smallest, sizes.multiple_of)):
        if not takes(network, side):
            yield f"{card.name} gives no logits for images of {side} pixels"
    if card.feature_maps is not None:
        yield from _faults_of_maps(card, set(shapes))


def _faults_of_maps(card: ModelCard, names: set[str]) -> Iterator[str]:
    assert card.feature_maps is not None, "else there are no maps to look at"
    strides = card.feature_maps.strides
    backbone = as_feature_maps(on_meta_device(card.name, card.args.get("maps")), strides)
    shapes = {name: tuple(parameter.shape) for name, parameter in backbone.named_parameters()}
    if strange := set(shapes) - names:
        yield f"the maps of {card.name} have tensors that it lacks: {min(strange)}"
    if (count := sum(map(math.prod, without_norms(shapes, "").values()))) != card.feature_maps.parameters:
        yield f"the maps of {card.name} have {count} parameters, and not {card.feature_maps.parameters}"
    expected = expected_shapes(card.feature_maps.channels, strides)
    try:
        found = shapes_of_maps(backbone)
    except Exception as error:  # of any kind: the network fails on such an image
        yield f"the maps of {card.name} can't be computed: {type(error).__name__}: {error}"
    else:
        if found != expected:
            yield f"the maps of {card.name} have the shapes {found}, and not {expected}"


def sample(count: int, seed: int) -> list[ModelCard]:
    """Return the smallest model of each of so many families, which a seed chooses, for inputs of up to 224 pixels."""
    smallest: dict[str, ModelCard] = {}
    for card in sorted(cards_of("timm"), key=lambda card: (card.parameters, card.name)):
        if card.input_sizes.smallest <= 224 and (card.input_sizes.sizes or (0,))[0] <= 224:
            smallest.setdefault(card.tags[1], card)
    families = sorted(smallest)
    random.Random(seed).shuffle(families)
    return [smallest[family] for family in families[:count]]


def main(names: Sequence[str]) -> int:
    """Print each fault of these models, by default of all; return 1 where there is one."""
    torch.set_num_threads(1)
    cards = [card for card in cards_of("timm") if not names or card.name in names]
    faults = 0
    for card in cards:
        for fault in faults_of(card):
            print(fault, flush=True)
            faults += 1
    print(f"{len(cards)} models, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
