"""What makes predictions of a network's outputs inside an ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.registry.tasks import TaskInfo

if TYPE_CHECKING:
    from onnx import ModelProto

LOGITS, PROBABILITIES = "logits", "probabilities"

_PROBABILITIES = """
<ir_version: {ir_version}, opset_import: ["": {opset}]>
probabilities (float[n, {classes}] {logits}) => (float[n, {classes}] {probabilities})
{{
    {probabilities} = {function} ({logits})
}}
"""


def probabilities(task: TaskInfo, classes: int, *, opset: int, ir_version: int) -> ModelProto:
    """Build the graph from logits [N, C] to probabilities [N, C]."""
    from onnx import parser

    function = "Sigmoid" if task.is_multilabel else "Softmax <axis = 1>"
    names = {"logits": LOGITS, "probabilities": PROBABILITIES, "opset": opset, "ir_version": ir_version}
    return parser.parse_model(_PROBABILITIES.format(function=function, classes=classes, **names))
