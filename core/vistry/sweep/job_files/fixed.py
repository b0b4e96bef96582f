"""The section `training_parameters`: values that all trials have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vistry.hyperparameter.schema import Source
from vistry.registry.cards import ModelCard
from vistry.registry.field_spec import Scalar
from vistry.sweep.job_files.constants import constant_of
from vistry.sweep.job_files.document import Node, Remarks, mapping, shown, snake_case
from vistry.sweep.job_files.models import MODEL, JobModels

SECTION = "training_parameters"
# Keys of the product that change nothing here, with the reason. Refusing them would refuse nearly every file.
WITHOUT_EFFECT = {
    "advanced_settings": "has no effect: augmentation is switched by apply_augmentations and apply_mosaic",
    "enable_onnx_normalization": "has no effect: a run is no ONNX file",
    "log_training_metrics": "has no effect: the loss of training is logged, its metrics are not",
    "log_validation_loss": "has no effect: metrics are logged for validation",
}
# Other keys that the product has had, and what to write.
INSTEAD = {
    "augmentations": "the product refuses it, too; leave it out",
    "checkpoint_model": "name a run with checkpoint_run_id, or a file with weights",
    "checkpoint_dataset_id": "name a run with checkpoint_run_id, or a file with weights",
    "checkpoint_filename": "name a run with checkpoint_run_id, or a file with weights",
    "primary_metric": "it stands at the top of the file",
}
ONE_FOR_ALL = ("distributed", *WITHOUT_EFFECT, "checkpoint_frequency", "checkpoint_run_id")


@dataclass
class FixedValues:
    """The values by name, without those that are left unset, and where each stands."""

    values: dict[str, Scalar] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def source(self) -> Source:
        """The values as a source of hyperparameters."""
        places = {name: node.where for name, node in self.nodes.items()}
        return Source(dict(self.values), lambda name: places.get(name, "the job file"))


def section_of(document: Node, remarks: Remarks) -> Node | None:
    """The section, where it is a mapping."""
    return mapping(document.get(SECTION), remarks, f"{SECTION}: {{number_of_epochs: 15}}")


def fixed_of(section: Node | None, cards: Sequence[ModelCard], models: JobModels, remarks: Remarks) -> FixedValues:
    """The values of the section, checked by what the models of the job share; without cards, by the task's table."""
    fixed = FixedValues()
    for node in section.items() if section else ():
        if node.key == MODEL or _is_of_the_product(node, remarks) or not models.check_name(node, cards, remarks):
            continue
        spec = models.spec(node.key, cards)
        constant = constant_of(node, spec, remarks) if spec else None
        if constant is not None and constant.value is not None:
            fixed.values[node.key] = constant.value
            fixed.nodes[node.key] = node
    return fixed


def _is_of_the_product(node: Node, remarks: Remarks) -> bool:
    """Whether a key is none of a hyperparameter here; it is refused, or said to have no effect."""
    if node.key in INSTEAD:
        remarks.refuse(node, "isn't read", INSTEAD[node.key])
    elif node.key in WITHOUT_EFFECT:
        remarks.say(node, WITHOUT_EFFECT[node.key])
    elif node.key != "distributed":
        return False
    elif isinstance(node.value, bool) or snake_case(str(node.value)) in ("0", "1", "yes", "no", "true", "false"):
        remarks.say(node, "has no effect yet: a training has one device")
    else:
        remarks.refuse(node, f"must be true or false, got {shown(node.value)}")
    return True
