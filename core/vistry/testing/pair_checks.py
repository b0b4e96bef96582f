"""Checks of two plugins with each other: names, compositions, wrappers and kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vistry.errors import RegistryError
from vistry.kernels.table import kernels_for, plugin_kernels, select
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.policy import Policy
from vistry.testing.check import Check, CheckFailed, listed, require
from vistry.testing.compositions import composed_models, composes
from vistry.testing.freezing_checks import freezing_prefixes_match
from vistry.testing.model_subject import ModelSubject, PluginSubject, message
from vistry.testing.training_checks import loss_is_finite
from vistry.testing.wrapper_checks import broken_by


@dataclass(frozen=True)
class PairSubject:
    """Two plugins, as if nothing else were installed."""

    first: PluginSubject
    second: PluginSubject
    left_out = ""

    @classmethod
    def named(cls, first: str, second: str) -> PairSubject:
        """Return two installed plugins by their names or distributions. Raises RegistryError."""
        pair = cls(PluginSubject.named(first), PluginSubject.named(second))
        for subject in (pair.first, pair.second):
            if subject.plugin.state != "ok":
                plugin = subject.plugin
                raise RegistryError(f"{plugin.name} is {plugin.state}: {plugin.reason}; {plugin.remedy}")
        if pair.first.plugin.handle == pair.second.plugin.handle:
            raise RegistryError(f"'{first}' and '{second}' are one plugin; name two")
        return pair

    @property
    def plugin(self) -> Plugin:
        """The first plugin."""
        return self.first.plugin

    @property
    def plugins(self) -> tuple[Plugin, Plugin]:
        """Both plugins."""
        return self.first.plugin, self.second.plugin

    @property
    def catalogue(self) -> Catalogue:
        """Both plugins and nothing else."""
        return Catalogue.of(self.plugins, Policy())

    def orders(self) -> Iterator[tuple[PluginSubject, PluginSubject]]:
        """Yield the two in both orders."""
        yield self.first, self.second
        yield self.second, self.first


def names_are_distinct(subject: PairSubject) -> None:
    """No model of one has the name of a model of the other."""
    contested = subject.catalogue.contested
    first, second = subject.plugins
    require(
        not contested,
        f"{first.distribution} and {second.distribution} both offer {listed(list(contested))}, which can then be named "
        "in full only; rename one, or choose in registry.toml under [prefer]",
    )


def absent_compositions(subject: PairSubject) -> str:
    """Return why no model is composed of the two, "" if one is."""
    return "" if any(_composed(subject)) else "neither has models on feature maps of the other"


def _composed(subject: PairSubject) -> Iterator[ModelCard]:
    """Yield the smallest model of each on a backbone of the other."""
    catalogue = subject.catalogue
    for family, other in subject.orders():
        if composes(family.plugin):
            distribution = other.plugin.distribution
            models = composed_models(family.plugin, catalogue)
            yield from [card for card in models if card.backbone and card.backbone.distribution == distribution][:1]


def compositions_learn(subject: PairSubject) -> str:
    """The smallest model of one on a backbone of the other is built, frozen as declared, and has a finite loss."""
    names = []
    for card in _composed(subject):
        for task in card.tasks:
            model = ModelSubject(subject.catalogue, card, task=task, backend=card.backends[0])
            try:
                freezing_prefixes_match(model)
                loss_is_finite(model)
            except Exception as error:
                raise CheckFailed(f"{card.name} for {task} fails: {message(error, subject.first)}") from error
        names.append(card.name)
    return listed(names)


def absent_wrappers_of_either(subject: PairSubject) -> str:
    """Return why no wrapper is checked, "" if one is."""
    if not any(_wraps(plugin) for plugin in subject.plugins):
        return "neither wraps hooks"
    return "" if list(_wrapped(subject)) else "the one that is wrapped has no models"


def wrappers_break_nothing(subject: PairSubject) -> None:
    """With the wrappers of one around them, the models of the other have valid defaults, learn and predict."""
    for wrapper, other in _wrapped(subject):
        broken_by(wrapper, [other])


def _wrapped(subject: PairSubject) -> Iterator[tuple[Plugin, Plugin]]:
    """Yield each plugin that wraps hooks with the other one, if that has models."""
    for wrapper, other in subject.orders():
        if _wraps(wrapper.plugin) and (other.plugin.models or composes(other.plugin)):
            yield wrapper.plugin, other.plugin


def _wraps(plugin: Plugin) -> bool:
    return plugin.manifest is not None and bool(plugin.manifest.wraps)


def absent_common_kernels(subject: PairSubject) -> str:
    """Return why no kernels are compared, "" if some are."""
    return "" if _common_operations(subject) else "they have no kernels for the same operation"


def kernels_are_compatible(subject: PairSubject) -> None:
    """Kernels of both for one operation have one reference, and serve different devices or dtypes."""
    for operation in _common_operations(subject):
        try:
            select(subject.catalogue, kernels_for(subject.catalogue, operation))
        except RegistryError as error:
            raise CheckFailed(str(error)) from error


def _common_operations(subject: PairSubject) -> list[str]:
    kernels = plugin_kernels(subject.catalogue)
    first, second = (
        {kernel.spec.operation for kernel in kernels if kernel.distribution == plugin.distribution}
        for plugin in subject.plugins
    )
    return sorted(first & second)


PAIR_CHECKS = (
    Check(names_are_distinct),
    Check(compositions_learn, absence=absent_compositions),
    Check(wrappers_break_nothing, absence=absent_wrappers_of_either),
    Check(kernels_are_compatible, absence=absent_common_kernels),
)
