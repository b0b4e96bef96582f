"""The catalogue: which plugins are in use, and which model a name means. Reading it runs no plugin's code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard, cards_of
from vistry.registry.discovery import Plugin, discover
from vistry.registry.manifest import BACKENDS
from vistry.registry.policy import FILE_NAME, Policy, read_policy
from vistry.registry.task_names import task_named

FILTERS = ("task", "family", "backend", "name", "max_parameters", "license")


@dataclass(frozen=True)
class Catalogue:
    """Installed plugins, the policy over them, and the models they offer."""

    plugins: tuple[Plugin, ...]
    policy: Policy
    cards: tuple[ModelCard, ...]
    contested: dict[str, tuple[ModelCard, ...]]

    @classmethod
    def read(cls, folder: Path | None = None) -> Catalogue:
        """What is installed now, under the policy of a folder (the working folder)."""
        return cls.of(discover(), read_policy(folder))

    @classmethod
    def of(cls, plugins: Iterable[Plugin], policy: Policy) -> Catalogue:
        """A catalogue of these plugins under this policy."""
        found = [_under_policy(plugin, policy) for plugin in plugins]
        cards = [card for plugin in found if plugin.state == "ok" for card in cards_of(plugin)]
        kept, contested = _settle(cards, policy)
        marked = tuple(_marked(plugin, contested) for plugin in found)
        return cls(marked, policy, tuple(sorted(kept, key=lambda card: card.full_name)), contested)

    def models(
        self,
        *,
        task: str | None = None,
        family: str | None = None,
        backend: str | None = None,
        name: str | None = None,
        max_parameters: int | None = None,
        license: str | None = None,
    ) -> list[ModelCard]:
        """The models that match every filter given. `name` may hold * and ?.

        Raises RegistryError for a task, family or backend that doesn't exist.
        """
        cards = list(self.cards)
        if task is not None:
            wanted = task_named(task).name
            cards = [card for card in cards if wanted in card.tasks]
        if family is not None:
            families = sorted({plugin.name for plugin in self.plugins})
            if family not in families:
                raise RegistryError(f"there is no family '{family}'; {suggestion(family, families)}")
            cards = [card for card in cards if card.family == family]
        if backend is not None:
            if backend not in BACKENDS:
                raise RegistryError(f"there is no backend '{backend}'; {suggestion(backend, BACKENDS)}")
            cards = [card for card in cards if backend in card.backends]
        if name is not None:
            cards = [card for card in cards if fnmatchcase(card.name, name) or fnmatchcase(card.full_name, name)]
        if max_parameters is not None:
            cards = [card for card in cards if card.parameters <= max_parameters]
        if license is not None:
            cards = [card for card in cards if card.license.casefold() == license.casefold()]
        return cards

    def model(self, name: str) -> ModelCard:
        """The model a short name, a full name or an alias means. Raises RegistryError."""
        wanted = self.policy.aliased(name)
        if wanted in self.contested:
            raise RegistryError(_conflict(wanted, self.contested[wanted]))
        for card in self.cards:
            if wanted in (card.full_name, card.name):
                if wanted == card.name and self._loses(card):
                    continue
                return card
        raise RegistryError(self._unknown(name, wanted))

    def default_model(self, task: str) -> ModelCard | None:
        """The model a task starts with when none is named: policy first, then the plugin that says so."""
        for override in reversed(list(self.policy.overrides(task, ()))):
            if override.field == "model_name":
                return self.model(str(override.value))
        cards = [card for card in self.cards if task in card.default_for]
        if len(cards) > 1:
            names = " and ".join(f"{card.full_name} ({card.distribution})" for card in cards)
            raise RegistryError(
                f"{names} are both the default model of {task}; name one, or add to {FILE_NAME}:\n"
                f'[defaults.{task}]\nmodel_name = "{cards[0].full_name}"'
            )
        return cards[0] if cards else None

    def plugin(self, name: str) -> Plugin:
        """The plugin with this name or distribution name. Raises RegistryError."""
        found = [plugin for plugin in self.plugins if name in (plugin.name, plugin.distribution)]
        if len(found) > 1:
            owners = " and ".join(plugin.distribution for plugin in found)
            raise RegistryError(f"two plugins are called '{name}': use the distribution's name, {owners}")
        if not found:
            known = [word for plugin in self.plugins for word in (plugin.name, plugin.distribution)]
            raise RegistryError(f"no plugin '{name}' is installed; {suggestion(name, known)}".rstrip("; "))
        return found[0]

    def _loses(self, card: ModelCard) -> bool:
        preferred = self.policy.preferred(card.name)
        rivals = [other for other in self.cards if other.name == card.name]
        return len(rivals) > 1 and preferred not in (card.family, card.distribution)

    def _unknown(self, name: str, wanted: str) -> str:
        alias = f" (the alias '{name}')" if wanted != name else ""
        for plugin in self.plugins:
            manifest = plugin.manifest
            if manifest and plugin.state == "disabled" and wanted.rpartition("/")[2] in manifest.models:
                return f"the model '{wanted}'{alias} is in the plugin '{plugin.name}', which is disabled; {plugin.remedy}"
        names = [word for card in self.cards for word in (card.name, card.full_name)]
        if not names:
            return f"there is no model '{wanted}'{alias}: no plugin with models is in use; type: vistry plugins"
        short = [card.name for card in self.cards]
        hint = suggestion(wanted, names if "/" in wanted else short)
        return f"there is no model '{wanted}'{alias}; {hint}".rstrip("; ")


def _under_policy(plugin: Plugin, policy: Policy) -> Plugin:
    origin = policy.disabled_by(plugin.name, plugin.distribution)
    if origin is None:
        return plugin
    return plugin.in_state("disabled", f"disabled by {origin}", f"type: vistry plugins enable {plugin.name}")


def _settle(
    cards: list[ModelCard], policy: Policy
) -> tuple[list[ModelCard], dict[str, tuple[ModelCard, ...]]]:
    """The cards that stay, and the short names that two distributions claim with no policy to settle it."""
    claims: dict[str, list[ModelCard]] = defaultdict(list)
    for card in cards:
        claims[card.name].append(card)
    kept: list[ModelCard] = []
    contested: dict[str, tuple[ModelCard, ...]] = {}
    for name, rivals in claims.items():
        preferred = policy.preferred(name)
        winners = [card for card in rivals if preferred in (card.family, card.distribution)]
        if len(rivals) > 1 and len(winners) != 1:
            contested[name] = tuple(rivals)
        lost = {card.full_name for card in winners} if len(winners) == 1 else set()
        twice = {card.full_name for card in rivals if _count(rivals, card.full_name) > 1}
        for card in rivals:
            unsettled = card.full_name in twice and not lost
            shadowed = card.full_name in lost and card not in winners
            if not unsettled and not shadowed:
                kept.append(card)
    return kept, contested


def _count(cards: list[ModelCard], full_name: str) -> int:
    return sum(card.full_name == full_name for card in cards)


def _conflict(name: str, rivals: tuple[ModelCard, ...]) -> str:
    owners = " and ".join(f"{card.full_name} of {card.distribution}" for card in rivals)
    return (
        f"two plugins offer a model '{name}': {owners}; "
        f'settle it in {FILE_NAME}:\n[prefer]\n"{name}" = "{rivals[0].distribution}"'
    )


def _marked(plugin: Plugin, contested: dict[str, tuple[ModelCard, ...]]) -> Plugin:
    names = [
        name
        for name, rivals in contested.items()
        if any(card.distribution == plugin.distribution and card.family == plugin.name for card in rivals)
    ]
    if plugin.state != "ok" or not names:
        return plugin
    others = sorted(
        {card.distribution for name in names for card in contested[name]} - {plugin.distribution}
    ) or [plugin.distribution]
    lines = " ".join(f'"{name}" = "{plugin.distribution}"' for name in names)
    return plugin.in_state(
        "conflict",
        f"{', '.join(others)} offers {', '.join(names)} too",
        f"write under [prefer] in {FILE_NAME}: {lines}",
    )
