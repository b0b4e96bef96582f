"""The functions that a plugin's hooks return, as engines call them: what fails names the plugin, once it is checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vistry.evaluation.detection.types import Detections
from vistry.loading.views import ResizeInfo
from vistry.plugin.guarded_input import Once
from vistry.plugin.types import Loss, Module, Postprocess, Predictions, Tensor
from vistry.registry.plugin_code import PluginCode
from vistry.task.behaviour import Task
from vistry.task.outputs import wrong_logits_shape, wrong_terms


@dataclass(frozen=True)
class GuardedLoss:
    """A loss whose `code` may fail, for a number of classes; its first terms are checked.

    Core's own loss of a classifier wants logits [N, C]: `network` is then the code of the forward pass, whose first
    logits are checked, too. It is None for a plugin's loss, which may want anything.
    """

    own: Loss
    code: PluginCode
    classes: int
    network: PluginCode | None = None
    _first: Once = field(default_factory=Once)

    def __call__(self, model: Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        if not self._first:
            with self.code:
                return self.own(model, images, targets)
        with self.code:
            terms = self.own(self._checked(model) if self.network else model, images, targets)
        self.code.require(wrong_terms(terms))
        return terms

    def _checked(self, model: Module) -> Callable[[Tensor], Tensor]:
        def logits_of(images: Tensor) -> Tensor:
            logits = model(images)
            assert self.network is not None
            self.network.require(wrong_logits_shape(logits, len(images), self.classes))
            return logits

        return logits_of


@dataclass
class GuardedPostprocess:
    """A postprocessing whose `code` may fail, for a number of classes; its first predictions are checked.

    Core's own wants the outputs that the task says: `network` is then the code of the forward pass, whose first outputs
    are checked in place of the predictions. Where nothing is detected the next ones are checked.
    """

    own: Postprocess
    code: PluginCode
    task: Task
    classes: int
    network: PluginCode | None = None
    _is_checked: bool = False

    def __call__(self, outputs: Tensor, frames: Sequence[ResizeInfo]) -> Predictions:
        if self.network and not self._is_checked:
            with self.network:
                wrong = self.task.wrong_outputs(outputs, len(frames), self.classes)
            self.network.require(wrong)
        with self.code:
            predictions = self.own(outputs, frames)
        if not self._is_checked:
            if not self.network:
                self.code.require(self.task.wrong_predictions(predictions, len(frames), self.classes))
            self._is_checked = not all(isinstance(one, Detections) and not len(one.scores) for one in predictions)
        return predictions
