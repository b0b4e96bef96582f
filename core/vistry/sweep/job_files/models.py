"""The models of a job and what they take: each model's own schema, and what a hyperparameter is for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from vistry.errors import RegistryError, suggestion
from vistry.hyperparameter.aliases import meant
from vistry.hyperparameter.fields import Field
from vistry.hyperparameter.schema import Schema, schema_of
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec
from vistry.sweep.job_files.document import Node, Remarks, shown

MODEL = "model_name"


class JobModels:
    """The models that a task has, and their schemas, each made once."""

    def __init__(self, catalogue: Catalogue, task: str):
        self.catalogue = catalogue
        self.task = task
        self._schemas: dict[str, Schema] = {}

    @cached_property
    def shared(self) -> Schema:
        """What every model of the task shares."""
        return schema_of(self.catalogue, None, self.task)

    @cached_property
    def default(self) -> ModelCard | None:
        """The task's default model."""
        return self.catalogue.default_model(self.task)

    def schema(self, card: ModelCard) -> Schema:
        """A model's schema. Raises RegistryError."""
        if card.full_name not in self._schemas:
            self._schemas[card.full_name] = schema_of(self.catalogue, card, self.task)
        return self._schemas[card.full_name]

    def named(self, node: Node, remarks: Remarks) -> ModelCard | None:
        """The model that a value names; None where it is refused."""
        if not isinstance(node.value, str):
            remarks.refuse(node, f"must be the name of a model, got {shown(node.value)}")
            return None
        try:
            card = self.catalogue.model(node.value)
        except RegistryError as error:
            remarks.refuse(node, str(error))
            return None
        if self.task in card.tasks:
            return card
        fitting = [one.name for one in self.catalogue.cards if self.task in one.tasks]
        # Of hundreds of models a list would say nothing; the nearest name may.
        near = suggestion(card.name, fitting)
        remarks.refuse(node, f"{card.name} is no model for {self.task}", near or "type: vistry models")
        return None

    def named_in(self, node: Node, remarks: Remarks) -> list[ModelCard]:
        """The models of a constant or of a choice, each once; none where it is refused."""
        if isinstance(node.value, dict):
            values = node.get("values")
            if node.text("type") != "choice" or values is None or not isinstance(values.value, list):
                remarks.refuse(node, "models are chosen by name", "write {type: choice, values: [NAME, NAME]}")
                return []
            if not values.value:
                remarks.refuse(values, "must be a list of at least one name")
            nodes = list(values.items())
        else:
            nodes = [node]
        cards = [card for one in nodes if (card := self.named(one, remarks))]
        return list({card.full_name: card for card in cards}.values())

    def spec(self, name: str, cards: Iterable[ModelCard]) -> FieldSpec | None:
        """What a hyperparameter is for all models, or else for the first that has it."""
        if name in self.shared.fields:
            return self.shared.fields[name].spec
        return next((self.schema(card).fields[name].spec for card in cards if name in self.schema(card).fields), None)

    def check_name(self, node: Node, cards: Sequence[ModelCard], remarks: Remarks) -> bool:
        """Refuse a hyperparameter that one of the models doesn't take, or without models that no one takes."""
        schemas = [self.schema(card) for card in cards] or [self.shared]
        without = [schema for schema in schemas if node.key not in schema.fields]
        for schema in without:
            remarks.refuse(node, *_not_taken(node.key, schema))
        return not without

    def field(self, name: str, card: ModelCard) -> Field:
        """A hyperparameter of a model that takes it."""
        return self.schema(card).fields[name]


def _not_taken(name: str, schema: Schema) -> tuple[str, str]:
    """The message and the remedy for a name that a model, or a task, hasn't."""
    if schema.card and name in schema.card.exclude:
        return f"{schema.owner} doesn't take it", schema.card.exclude[name]
    if name in schema.elsewhere:
        return f"{schema.owner} doesn't take it", f"it is for {schema.elsewhere[name]}"
    return f"{schema.owner} has no such hyperparameter", meant(name, schema.fields)
