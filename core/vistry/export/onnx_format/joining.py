"""ONNX graphs one after the other as one."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto


def joined(parts: Sequence[ModelProto]) -> ModelProto:
    """Join graphs that have one opset and one IR version.

    The inputs of each are outputs of those before it; what no graph takes is an output of the whole.
    """
    from onnx import compose

    whole = parts[0]
    for number, part in enumerate(parts[1:]):
        following = compose.add_prefix(part, f"part{number + 1}/", rename_inputs=False, rename_outputs=False)
        taken = {entry.name for entry in following.graph.input}
        names = [entry.name for entry in whole.graph.output if entry.name in taken]
        whole = compose.merge_models(whole, following, io_map=[(name, name) for name in names])
    return whole


def finish(model: ModelProto, opset: int) -> None:
    """Set what joining leaves wrong: one import of the operators, and who made the file."""
    others = [entry for entry in model.opset_import if entry.domain not in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.add(domain="", version=opset)
    model.opset_import.extend({entry.domain: entry for entry in others}.values())
    model.producer_name, model.producer_version = "vistry", version("vistry")
    model.graph.name, model.graph.doc_string = "vistry", ""
