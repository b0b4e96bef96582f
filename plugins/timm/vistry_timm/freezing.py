"""A network's layers as timm groups them, as prefixes of parameters' names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

# Ordinals from here on are what timm gives to the norms and convolutions after the last block.
AFTER_THE_BLOCKS = 99999.0


def freezing_groups(network: Any) -> list[list[str]]:
    """Return the groups of a network's coarse layers, from the input on; the classifier's are in none.

    They follow timm's `group_matcher(coarse=True)`; of a network without one, its children are the layers.
    """
    from timm.models import group_parameters

    names = [name for name, _ in network.named_parameters()]
    matcher = _matcher(network)
    layers = list(_by_children(names)) if matcher is None else list(group_parameters(network, matcher).values())
    heads = _head_names(network, names)
    groups = [[name for name in layer if name not in heads] for layer in layers]
    vectors = {name for name, parameter in network.named_parameters() if parameter.dim() == 1}
    while groups and not set(groups[-1]) - vectors:  # the last norm stays with the classifier, as in the reference
        groups.pop()
    return [prefixes_of(group, names) for group in groups if group]


def _matcher(network: Any) -> Any:
    """timm's coarse grouping of a network, or its fine one where there is no other; None where there is neither."""
    matcher: Any = getattr(network, "group_matcher", None)
    if matcher is None:
        return None
    try:
        return matcher(coarse=True)
    except AssertionError:  # how timm says that a network has no coarse one
        return matcher(coarse=False)


def _by_children(names: Iterable[str]) -> Iterator[list[str]]:
    """Layers by the names of children: a stage of `stages` is a layer of its own."""
    layers: Mapping[str, list[str]] = defaultdict(list)
    for name in names:
        first, second = [*name.split("."), ""][:2]
        layers[f"{first}.{second}" if second.isdecimal() else first].append(name)
    yield from layers.values()


def _head_names(network: Any, names: Collection[str]) -> set[str]:
    """The parameters of the classifier: of the modules that timm says hold it."""
    stated = network.pretrained_cfg.get("classifier") or ()
    holders = (stated,) if isinstance(stated, str) else tuple(stated)
    tops = {holder.partition(".")[0] for holder in holders} | {"head", "fc", "classifier"}
    return {name for name in names if name.partition(".")[0] in tops}


def prefixes_of(group: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return the fewest prefixes that begin all names of a group and no other name."""
    wanted = set(group)
    others = [name for name in names if name not in wanted]
    taken = {ancestor for name in others for ancestor in _ancestors(name)}
    found: dict[str, None] = {}
    for name in group:
        free = [ancestor for ancestor in _ancestors(name) if ancestor not in taken]
        found[free[0] if free else name] = None
    return list(found)


def _ancestors(name: str) -> list[str]:
    """The modules above a parameter with a dot behind each, the outermost first."""
    parts = name.split(".")
    return [".".join(parts[:depth]) + "." for depth in range(1, len(parts))]
