"""The exporter to ONNX: a file that takes images of any size and answers as the run does."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.errors import VistryError
from vistry.export.model import ExportableModel
from vistry.export.onnx_format.detection import detections_in_images, letterboxed_images, resized_images
from vistry.export.onnx_format.joining import finish, joined
from vistry.export.onnx_format.network import (
    Interface,
    classifier_interface,
    detector_interface,
    exported_network,
    named_outputs,
    said_in_a_sentence,
)
from vistry.export.onnx_format.postprocessing import probabilities
from vistry.export.onnx_format.preprocessing import centre_crop
from vistry.inference.exported_file import ExportedFile
from vistry.inference.exported_record import ExportedRecord, ParityRecord
from vistry.loading.augmentation import Pixels
from vistry.loading.detection.views import Letterbox
from vistry.plugin.types import Module
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
        view = file.view_of(pixels)
        return file.merge(list(file.predict(view.pixels[None])), [view])

    parity = model.check(answer)
    _write(graph, model.record(parity, versions), path)
    return parity


def _graph(model: ExportableModel) -> ModelProto:
    """Build the whole graph, which may lack the preprocessing."""
    from onnx import checker

    parts = _detector(model) if task_named(model.run.record.task).has_boxes else _classifier(model)
    whole = joined(parts)
    finish(whole, model.opset)
    checker.check_model(whole, full_check=True)
    return whole


def _classifier(model: ExportableModel) -> list[ModelProto]:
    """Build the parts of a classifier, in order."""
    record, values = model.run.record, model.loaded.context.hyperparameters
    model.require_own_input()
    side = values.validation_crop_size
    network = _network(model, model.network(), classifier_interface(side))
    versions = {"opset": model.opset, "ir_version": network.ir_version}
    after = probabilities(task_named(record.task), len(record.classes), **versions)
    if model.preprocessing == "out":
        return [network, after]
    return [centre_crop(values.validation_resize_size, side, record.preprocessing, **versions), network, after]


def _detector(model: ExportableModel) -> list[ModelProto]:
    """Build the parts of a detector, in order."""
    context, values = model.loaded.context, model.loaded.context.hyperparameters
    if model.preprocessing == "out":
        raise VistryError("preprocessing = 'out' is for classifiers; a detector's file has its preprocessing inside")
    if task_named(model.run.record.task).has_masks:
        raise VistryError(f"{context.card.full_name} can't be exported to ONNX yet: masks aren't written")
    if values.tile_grid_size is not None:
        raise VistryError(f"{model.run.id} predicts by tiles (tile_grid_size), which an exported file can't cut")
    trained = model.network()
    exportable = context.exportable(trained)
    letterbox: Letterbox | None = getattr(exportable, "letterbox", None)
    if letterbox is None:
        model.require_own_input()
    interface = detector_interface(None if letterbox is None else letterbox.side)
    network = _network(model, named_outputs(trained, exportable), interface)
    versions = {"opset": model.opset, "ir_version": network.ir_version}
    normalisation = model.run.record.preprocessing
    if letterbox is None:
        before = resized_images((values.min_size, values.max_size), normalisation, **versions)
    else:
        before = letterboxed_images(letterbox, normalisation, **versions)
    return [before, network, detections_in_images(**versions)]


def _network(model: ExportableModel, module: Module, interface: Interface) -> ModelProto:
    with said_in_a_sentence(model.loaded.context.card.full_name, model.run.folder):
        return exported_network(module, interface, model.opset)


def _write(graph: ModelProto, record: ExportedRecord, path: Path) -> None:
    from onnx import helper, save

    properties: Mapping[str, str] = record.properties()
    del graph.metadata_props[:]
    helper.set_model_props(graph, dict(properties))
    save(graph, str(path))
