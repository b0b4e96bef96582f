"""The exporter to ONNX: a file that takes images of any size and answers as the run does."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.errors import VistryError
from vistry.export.model import ExportableModel
from vistry.export.onnx_format.joining import finish, joined
from vistry.export.onnx_format.network import Interface, exported_network, said_in_a_sentence
from vistry.export.onnx_format.postprocessing import LOGITS, probabilities
from vistry.export.onnx_format.preprocessing import PIXELS, centre_crop
from vistry.inference.exported_file import ExportedFile
from vistry.inference.exported_record import ExportedRecord, ParityRecord
from vistry.loading.augmentation import Pixels
from vistry.registry.tasks import task_named

if TYPE_CHECKING:
    from onnx import ModelProto

FILE = "model.onnx"
PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime")


def export_onnx(model: ExportableModel, folder: Path) -> ParityRecord:
    """Write model.onnx, checked by onnxruntime, with a record of itself in its metadata."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise VistryError(f"an export to ONNX needs {', '.join(missing)}; type: pip install 'vistry[onnx,torch]'")
    graph, path = _graph(model), folder / FILE
    versions = {name: version(name) for name in PACKAGES}
    _write(graph, model.record(versions=versions), path)
    file = ExportedFile.load(path)

    def answer(pixels: Pixels) -> object:
        return file.predict(file.view_of(pixels).pixels[None])[0]

    parity = model.check(answer)
    _write(graph, model.record(parity, versions), path)
    return parity


def _graph(model: ExportableModel) -> ModelProto:
    """Build the whole graph, which may lack the preprocessing."""
    from onnx import checker

    context, record = model.loaded.context, model.run.record
    task, values = task_named(record.task), context.hyperparameters
    if task.has_boxes:
        raise VistryError(f"{context.card.full_name} can't be exported to ONNX: detectors can't be yet")
    side = values.validation_crop_size
    with said_in_a_sentence(context.card.full_name, model.run.folder):
        network = exported_network(model.network(), Interface(PIXELS, (LOGITS,), height=side, width=side), model.opset)
    versions = {"opset": model.opset, "ir_version": network.ir_version}
    parts = [network, probabilities(task, len(record.classes), **versions)]
    if model.preprocessing == "in":
        parts.insert(0, centre_crop(values.validation_resize_size, side, record.preprocessing, **versions))
    whole = joined(parts)
    finish(whole, model.opset)
    checker.check_model(whole, full_check=True)
    return whole


def _write(graph: ModelProto, record: ExportedRecord, path: Path) -> None:
    from onnx import helper, save

    properties: Mapping[str, str] = record.properties()
    del graph.metadata_props[:]
    helper.set_model_props(graph, dict(properties))
    save(graph, str(path))
