"""The section `search_space`: groups of models, and what is drawn for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vistry.registry.cards import ModelCard
from vistry.sweep.distribution import Distribution
from vistry.sweep.job_files.combinations import Rules
from vistry.sweep.job_files.distributions import distribution_of
from vistry.sweep.job_files.document import Node, Remarks, shown
from vistry.sweep.job_files.fitting import Drawn, Written, fitted
from vistry.sweep.job_files.fixed import INSTEAD, ONE_FOR_ALL, SECTION
from vistry.sweep.job_files.models import MODEL, JobModels
from vistry.sweep.request import GroupRequest

SPACE = "search_space"
_EXAMPLE = "write search_space: [{model_name: NAME, learning_rate: {type: uniform, min_value: 0.001, max_value: 0.1}}]"


EARLY_STOPPING = "early_stopping"
BY_DEFAULT = "the job file, whose trainings stop early unless it says otherwise"


@dataclass(frozen=True)
class SubSpace:
    """One entry of the list: its models, none where none could be told."""

    node: Node
    cards: tuple[ModelCard, ...]


def sub_spaces(document: Node, section: Node | None, models: JobModels, remarks: Remarks) -> list[SubSpace]:
    """The entries of the list with their models: their own, else that of `training_parameters`, else the default."""
    node = document.get(SPACE)
    if node is None:
        return []
    if not isinstance(node.value, list) or not node.value:
        remarks.refuse(node, f"must be a list of groups, got {shown(node.value)}", _EXAMPLE)
        return []
    named = section.get(MODEL) if section else None
    fixed = models.named(named, remarks) if named else models.default
    spaces = []
    for entry in node.items():
        if not isinstance(entry.value, dict):
            remarks.refuse(entry, f"must be a mapping of hyperparameters, got {shown(entry.value)}")
            continue
        own = entry.get(MODEL)
        cards = models.named_in(own, remarks) if own else [fixed] if fixed else []
        spaces.append(SubSpace(entry, tuple(cards)))
    return spaces


@dataclass(frozen=True)
class SpaceReader:
    """Makes groups of sub-spaces. `odd` are values of `training_parameters` that not every model takes."""

    rules: Rules
    section: Node | None
    odd: Mapping[str, Written]
    log_base: float = 1.0

    def groups(self, spaces: Sequence[SubSpace]) -> tuple[GroupRequest, ...]:
        """The groups in their order; a sub-space is several where its models don't take the same."""
        return tuple(group for space in spaces for group in self._groups(space))

    def _groups(self, space: SubSpace) -> Iterator[GroupRequest]:
        models, remarks = self.rules.models, self.rules.remarks
        before = len(remarks.problems)
        own = dict(self._written(space))
        written = {**self.odd, **own}
        drawn = [(card, fitted(written, card, models, remarks=remarks)) for card in space.cards]
        if len(remarks.problems) > before:
            return
        # A group without a hyperparameter would stand for the default space; early stopping is one.
        nodes = {name: one.node for name, one in written.items()}
        drawn = [(card, self._with_early_stopping(whole)) for card, whole in drawn]
        groups: list[tuple[list[str], Drawn]] = []
        for card, whole in drawn:
            for part in self.rules.possible(whole, card, space.node, nodes=nodes):
                alike = next((names for names, other in groups if other == part), None)
                if alike is None:
                    groups.append(([card.full_name], part))
                else:
                    alike.append(card.full_name)
        where = {EARLY_STOPPING: BY_DEFAULT, **{name: node.where for name, node in nodes.items()}}
        for names, part in groups:
            yield GroupRequest(models=tuple(names), parameters=part, where=where)

    def _with_early_stopping(self, drawn: Drawn) -> Drawn:
        """The same with early stopping on, as the product has it in sweeps, where the file doesn't say."""
        if EARLY_STOPPING in drawn or EARLY_STOPPING in self.rules.fixed.values:
            return drawn
        return {**drawn, EARLY_STOPPING: Distribution(kind="choice", choices=(True,))}

    def _written(self, space: SubSpace) -> Iterator[tuple[str, Written]]:
        """What the sub-space says of each hyperparameter that its models take."""
        models, remarks = self.rules.models, self.rules.remarks
        for node in space.node.items():
            if self._is_fixed(node) or node.key == MODEL or not space.cards:
                continue
            if not models.check_name(node, space.cards, remarks):
                continue
            spec = models.spec(node.key, space.cards)
            drawn = distribution_of(node, spec, remarks, log_base=self.log_base) if spec else None
            if drawn is not None:
                yield node.key, Written(drawn, node)

    def _is_fixed(self, node: Node) -> bool:
        """Whether a value is refused here: it is one for all trials, or has been fixed."""
        remarks = self.rules.remarks
        twin = self.section.get(node.key) if self.section else None
        if node.key in INSTEAD:
            remarks.refuse(node, "isn't read", INSTEAD[node.key])
        elif node.key in ONE_FOR_ALL:
            remarks.refuse(node, "is one for all trials", f"write it under {SECTION}")
        elif twin is not None:
            message = f"is fixed, too: {SECTION}.{node.key} ({twin.where}), and nobody says which wins"
            remarks.refuse(node, message, "leave one of the two out")
        else:
            return False
        return True
