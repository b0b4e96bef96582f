"""The catalogue: which plugins are in use, and which model a name means. Reading it runs no plugin's code."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Unpack

from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard, cards_of
from vistry.registry.composition import clashes, composed_cards, listed_backbones, preferred
from vistry.registry.composition_errors import clash, named_otherwise, several_backbones, unusable_backbone
from vistry.registry.discovery import Plugin, discover, is_current
from vistry.registry.model_filters import ModelFilters
from vistry.registry.model_index import ModelIndex
from vistry.registry.names import canonical_name, is_called
from vistry.registry.on_demand import OnDemand
from vistry.registry.policy import DISABLE_VARIABLE, FILE_NAME, Policy, PolicyValue, policy_stamp, read_policy
from vistry.registry.stamps import installed_stamp

_INDICES = 8  # of what filters asked for, beside the listed models; each holds tables of all models


@dataclass(frozen=True)
class Sources:
    """What a catalogue was read from: the plugins before policy, and stamps that tell whether to read again."""

    folder: Path | None
    plugins: tuple[Plugin, ...]
    installed: Hashable
    policy: Hashable


@dataclass(frozen=True)
class Catalogue:
    """Installed plugins, the policy over them, and the models they offer, as they were when it was read.

    `cards` are the models that are listed: those that follow on the backbones of a catalogue file are made when they
    are asked for. `clashing` are the composed models that can't be used, since both they and their backbones define a
    hyperparameter. `meanings` has the model of each short name; `contested` the rivals for a name that no policy
    decides. It never changes: who keeps one asks `refresh` for the catalogue of now.
    """

    plugins: tuple[Plugin, ...]
    policy: Policy
    cards: tuple[ModelCard, ...]
    meanings: Mapping[str, ModelCard]
    contested: Mapping[str, tuple[ModelCard, ...]]
    clashing: tuple[ModelCard, ...] = ()
    _sources: Sources | None = field(default=None, compare=False, repr=False)

    @classmethod
    def read(cls, folder: Path | None = None) -> Catalogue:
        """What is installed now, under the policy of a folder (the working folder). Raises RegistryError.

        A process reads again only what has changed since it last asked.
        """
        last = _LAST_READ.pop(folder, None)
        _LAST_READ.clear()
        _LAST_READ[folder] = catalogue = last.refresh() if last else cls._read_anew(folder)
        return catalogue

    @classmethod
    def _read_anew(cls, folder: Path | None) -> Catalogue:
        # Stamps first: what changes while it is read is read again by the next `refresh`.
        installed, policy = installed_stamp(), policy_stamp(folder)
        with _collector_paused():
            plugins = tuple(discover())
            sources = Sources(folder, plugins, installed=installed, policy=policy)
            return replace(cls.of(plugins, read_policy(folder)), _sources=sources)

    def refresh(self) -> Catalogue:
        """The catalogue of what is installed now: this one where nothing changed. Raises RegistryError.

        Manifests, records of distributions, `registry.toml` and variables are read again where they changed. A
        catalogue that was not read, but made with `of`, stays as it is.
        """
        before = self._sources
        if before is None:
            return self
        now = Sources(before.folder, before.plugins, installed=installed_stamp(), policy=policy_stamp(before.folder))
        if now.installed != before.installed or not all(map(is_current, before.plugins)):
            now = replace(now, plugins=tuple(discover()))
        if now == before:
            return self
        policy = self.policy if now.policy == before.policy else read_policy(before.folder)
        return replace(Catalogue.of(now.plugins, policy), _sources=now)

    @classmethod
    def of(cls, plugins: Iterable[Plugin], policy: Policy) -> Catalogue:
        """A catalogue of these plugins under this policy."""
        installed = [_under_policy(plugin, policy) for plugin in plugins]
        in_use = [plugin for plugin in installed if plugin.in_use]
        cards = [card for plugin in in_use for card in cards_of(plugin)]
        backbones = listed_backbones(in_use, cards)
        composed = [card for plugin in in_use for card in composed_cards(plugin, backbones, policy)]
        clashing = tuple(card for card in composed if clashes(card))
        cards += [card for card in composed if not clashes(card)]
        of_others = {name for plugin in installed if not plugin.in_use for name in plugin.models}
        meanings, contested = _resolve_names(cards, policy, of_others=of_others)
        count = Counter(card.full_name for card in cards)
        unique = tuple(card for card in cards if count[card.full_name] == 1 or meanings.get(card.name) is card)
        marked = tuple(_marked_clashing(_marked(plugin, contested, policy), clashing) for plugin in installed)
        return cls(marked, policy, cards=unique, meanings=meanings, contested=contested, clashing=clashing)

    def models(self, **filters: Unpack[ModelFilters]) -> list[ModelCard]:
        """List the models that pass every filter; with `sort` in its order, else by plugin as manifests have them.

        A model that follows on a backbone of a catalogue file is among them where `backbone` or `name` asks for it.
        Raises RegistryError for a filter, a value or a name that doesn't exist.
        """
        return self._index_for(filters).find(filters)

    def model(self, name: str) -> ModelCard:
        """The model a short name, a full name or an alias means. Raises RegistryError."""
        alias = self.policy.aliased(name)
        wanted = alias.value if alias else name
        if card := self._meant_by(wanted):
            return card
        named = f"'{wanted}'" + (f" (what '{name}' means in {alias.origin})" if alias else "")
        short = wanted.rpartition("/")[2]
        rivals = [card for card in self.contested.get(short, ()) if wanted in (card.name, card.full_name)]
        if rivals:
            raise RegistryError(_conflict(named, rivals, self.policy.preferred(short)))
        raise RegistryError(self._unknown(named, wanted))

    def recorded(self, full_name: str, *, distribution: str = "", backbone: str = "") -> ModelCard:
        """The model of a run, by its full name, its distribution's, and the full name of its backbone, if it has one.

        Of two plugins with one name the distribution decides. What a model that follows from a composition is called
        depends on what else is installed, so there the backbone decides. Raises RegistryError.
        """
        if not backbone:
            rivals = self.contested.get(full_name.partition("/")[2], ())
            namesakes = [card for card in rivals if card.full_name == full_name]
            own = [card for card in namesakes if card.distribution == canonical_name(distribution)]
            return own[0] if len(own) == 1 else self.model(full_name)
        family = full_name.partition("/")[0]
        built_on = self._by_full_name.get(backbone)
        on_demand = self._on_demand.on(built_on) if built_on and built_on.catalogue_path else ()
        candidates = [
            card
            for card in (*self.cards, *on_demand)
            if card.family == family and card.backbone and card.backbone.full_name == backbone
        ]
        named = [card for card in candidates if card.full_name == full_name] or candidates
        if len(named) == 1:
            return named[0]
        if not any(plugin.name == family and plugin.in_use for plugin in self.plugins):
            return self.model(full_name)  # which says what has become of the plugin
        for card in self.clashing:
            if card.backbone and (card.family, card.backbone.full_name) == (family, backbone):
                raise RegistryError(f"the model '{full_name}' can't be used: {'; '.join(clash(card, card.backbone))}")
        reason = unusable_backbone(backbone, self.plugins)
        raise RegistryError(f"the model '{full_name}' was trained on the backbone {reason}")

    def names_of(self, card: ModelCard) -> tuple[str, ...]:
        """The names that mean this model and no other."""
        return (card.full_name, card.name) if self._meant_by(card.name) is card else (card.full_name,)

    def default_model(self, task: str) -> ModelCard | None:
        """The model a task starts with when none is named: policy first, then the plugin that says so.

        Raises RegistryError where the answer isn't one model that does the task.
        """
        for override in reversed(list(self.policy.overrides(task))):
            if override.field == "model_name":
                return self._default_by_policy(str(override.value), task, override.origin)
        cards = [card for card in self.cards if task in card.default_for]
        if len(cards) > 1:
            names = " and ".join(f"{card.full_name} ({card.distribution})" for card in cards)
            raise RegistryError(
                f"{names} are both the default model of {task}; name one, or add to {FILE_NAME}:\n"
                f'[defaults.{task}]\nmodel_name = "{cards[0].full_name}"'
            )
        if not cards:
            self._check_backbone_of_default(task)
        return cards[0] if cards else None

    def _check_backbone_of_default(self, task: str) -> None:
        """Raise RegistryError if a task has a default model that lacks its backbone."""
        for plugin in self.plugins:
            for name, model in plugin.manifest.models.items() if plugin.in_use and plugin.manifest else ():
                if model.backbone and task in model.default_for:
                    reason = self._unknown(f"'{name}'", f"{plugin.name}/{name}")
                    raise RegistryError(f"{reason}; it is the default model of {task}: name another one")

    def plugin(self, name: str) -> Plugin:
        """The plugin with this name or distribution name. Raises RegistryError."""
        by_name = [plugin for plugin in self.plugins if plugin.name == name]
        matches = by_name or [plugin for plugin in self.plugins if is_called(name, plugin.name, plugin.distribution)]
        if len(matches) == 1:
            return matches[0]
        if by_name:
            owners = " or ".join(plugin.distribution for plugin in matches)
            raise RegistryError(f"two plugins are called '{name}': name the distribution, {owners}")
        if matches:
            names = " or ".join(plugin.name for plugin in matches)
            raise RegistryError(f"{name} brings more than one plugin: name one, {names}")
        installed = [word for plugin in self.plugins for word in (plugin.name, plugin.distribution)]
        raise RegistryError(f"no plugin '{name}' is installed; {suggestion(name, installed)}".rstrip("; "))

    def _index_for(self, filters: ModelFilters) -> ModelIndex:
        """The index of the listed models and of those that follow on demand, as far as filters ask for them."""
        wanted = self._on_demand.asked_for(filters.get("backbone"), filters.get("name"))
        key = tuple(card.full_name for card in wanted)
        if key not in self._indices:
            if len(self._indices) == _INDICES:
                del self._indices[next(iter(self._indices))]
            known = {"family": [plugin.name for plugin in self.plugins], "backbone": self._on_demand.backbone_names()}
            self._indices[key] = ModelIndex((*self.cards, *wanted), known)
        return self._indices[key]

    @cached_property
    def _indices(self) -> dict[tuple[str, ...], ModelIndex]:
        return {}

    @cached_property
    def _on_demand(self) -> OnDemand:
        return OnDemand(self.plugins, self._by_full_name, self.meanings)

    @cached_property
    def _by_full_name(self) -> Mapping[str, ModelCard]:
        return {card.full_name: card for card in self.cards}

    def _meant_by(self, name: str) -> ModelCard | None:
        listed = self._by_full_name if "/" in name else self.meanings
        if name in listed or name in self.contested:
            return listed.get(name)
        return self._on_demand.named(name)

    def _default_by_policy(self, name: str, task: str, origin: str) -> ModelCard:
        try:
            card = self.model(name)
        except RegistryError as error:
            raise RegistryError(f"{origin}: {error}") from None
        if task not in card.tasks:
            raise RegistryError(f"{origin}: {card.name} doesn't do {task}; it does {', '.join(card.tasks)}")
        return card

    def _unknown(self, named: str, wanted: str) -> str:
        for plugin in self.plugins:
            if plugin.state == "disabled" and wanted.rpartition("/")[2] in plugin.models:
                return f"the model {named} is in the plugin '{plugin.name}', which is {plugin.reason}; {plugin.remedy}"
        for card in self.clashing:
            if card.backbone and wanted in (card.name, card.full_name):
                return f"the model {named} can't be used: {'; '.join(clash(card, card.backbone))}"
        for plugin in self.plugins:
            spec = plugin.manifest.models.get(wanted.rpartition("/")[2]) if plugin.in_use and plugin.manifest else None
            if spec and spec.backbone:
                reason = unusable_backbone(spec.backbone, self.plugins, stood_on_by=(plugin, spec))
                return f"the model {named} of {plugin.distribution} is built on {reason}"
        if cards := named_otherwise(wanted, self.cards, self.plugins):
            return several_backbones(named, cards)
        if not self.cards:
            return f"there is no model {named}: no plugin with models is in use; type: vistry plugins"
        names = [card.full_name if "/" in wanted else card.name for card in self.cards]
        hint = suggestion(wanted, names) or "for their list type: vistry models"
        unusable = [plugin.name for plugin in self.plugins if plugin.state in ("invalid", "incompatible")]
        also = f"; and {', '.join(unusable)} can't be used, to see why type: vistry plugins" if unusable else ""
        return f"there is no model {named}; {hint}{also}"


_LAST_READ: dict[Path | None, Catalogue] = {}  # the last catalogue, by the folder that it was read for


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Leave out garbage collections while thousands of objects are made that all stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _under_policy(plugin: Plugin, policy: Policy) -> Plugin:
    origin = policy.disabled_by(plugin.name, plugin.distribution)
    if origin is None:
        return plugin
    by_file = f"type: vistry plugins enable {plugin.handle}"
    remedy = f"take it out of {origin}" if origin == DISABLE_VARIABLE else by_file
    return plugin.in_state("disabled", f"disabled by {origin}", remedy)


def _resolve_names(
    cards: Iterable[ModelCard], policy: Policy, *, of_others: Collection[str]
) -> tuple[dict[str, ModelCard], dict[str, tuple[ModelCard, ...]]]:
    """The model each short name means, and the rivals for each name that nothing decides.

    What yields has none of the names `of_others`, of plugins that aren't in use: a name that someone disabled would
    mean another network without a word.
    """
    claims: dict[str, list[ModelCard]] = defaultdict(list)
    for card in cards:
        if not (card.yields and card.name in of_others and not preferred([card], policy)):
            claims[card.name].append(card)
    meanings, contested = {}, {}
    for name, rivals in claims.items():
        winners = _winners(rivals, policy)
        if len(winners) == 1:
            meanings[name] = winners[0]
        else:
            contested[name] = tuple(rivals)
    return meanings, contested


def _winners(rivals: list[ModelCard], policy: Policy) -> list[ModelCard]:
    """Who may have a name: those that policy prefers, else those whose name is written down and doesn't follow.

    What yields has it only beside its like.
    """
    if len(rivals) == 1:
        return rivals
    if chosen := preferred(rivals, policy):
        return chosen
    insisting = [card for card in rivals if not card.yields]
    return [card for card in insisting if not card.is_derived] or insisting or rivals


def _prefer_line(card: ModelCard, rivals: Iterable[ModelCard]) -> str:
    """The line of `[prefer]` that gives a name to this card."""
    same_family = [rival for rival in rivals if rival.family == card.family]
    return f'"{card.name}" = "{card.family if len(same_family) == 1 else card.distribution}"'


def _conflict(named: str, rivals: list[ModelCard], preference: PolicyValue | None) -> str:
    owners = " and ".join(f"{card.full_name} of {card.distribution}" for card in rivals)
    ineffective = ""
    if preference:
        matching = [card for card in rivals if is_called(preference.value, card.family, card.distribution)]
        outcome = "both have" if matching else "none of them has"
        ineffective = f"{preference.origin} prefers '{preference.value}', a name that {outcome}; "
    return (
        f"two plugins offer a model {named}: {owners}; {ineffective}"
        f"choose one in {FILE_NAME}:\n[prefer]\n{_prefer_line(rivals[0], rivals)}"
    )


def _marked(plugin: Plugin, contested: Mapping[str, tuple[ModelCard, ...]], policy: Policy) -> Plugin:
    """The plugin, in conflict if another one offers a model of the same name and nothing decides it."""
    own = {
        name: card
        for name, rivals in contested.items()
        for card in rivals
        if plugin.state == "ok" and (card.family, card.distribution) == (plugin.name, plugin.distribution)
    }
    if not own:
        return plugin
    rivals = {card.distribution for name, card in own.items() for card in contested[name]}
    others = sorted(rivals - {plugin.distribution}) or [plugin.distribution]
    preferences = [item for name in own if (item := policy.preferred(name))]
    ineffective = "".join(f", and {item.origin} prefers '{item.value}', which decides nothing" for item in preferences)
    lines = ", ".join(_prefer_line(card, contested[name]) for name, card in own.items())
    return plugin.in_state(
        "conflict",
        f"{' and '.join(others)} offers {', '.join(own)} too{ineffective}",
        f"its other models work; to have these from {plugin.name}, write under [prefer] in {FILE_NAME}: {lines}",
    )


def _marked_clashing(plugin: Plugin, clashing: Iterable[ModelCard]) -> Plugin:
    """The plugin, in conflict if it has part in a composed model that can't be used."""
    own = (plugin.name, plugin.distribution)
    for card in clashing:
        owners = [(one.family, one.distribution) for one in (card, card.backbone) if one]
        if card.backbone and plugin.state == "ok" and own in owners:
            reason, remedy = clash(card, card.backbone)
            return plugin.in_state("conflict", f"{card.full_name} can't be used: {reason}", remedy)
    return plugin
