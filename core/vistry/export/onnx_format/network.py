"""A torch module as an ONNX graph, by torch's own exporter."""

from __future__ import annotations

import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.errors import VistryError
from vistry.export.onnx_format.detection import NETWORK_OUTPUTS, SIZES
from vistry.export.onnx_format.operators import translations
from vistry.export.onnx_format.postprocessing import LOGITS
from vistry.export.onnx_format.preprocessing import PIXELS
from vistry.loading.batches import ImageBatch
from vistry.loading.detection.dataset import STRIDE
from vistry.plugin.types import Module, Tensor
from vistry.runs.files import write_text

if TYPE_CHECKING:
    from onnx import ModelProto

ERRORS = "export-error.txt"


class ExportError(VistryError):
    """A model that can't be exported."""


@dataclass(frozen=True)
class Interface:
    """What a network is called with, and the names of that and of what it returns.

    `sample` has a tensor for each input, of a batch of two: one of a single image would be taken for a constant.
    `dynamic` has for each the axes whose lengths may be others in the file.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sample: tuple[Tensor, ...]
    dynamic: tuple[Mapping[int, object], ...]


def classifier_interface(side: int) -> Interface:
    """Return that of a classifier: crops [N, 3, side, side] to logits."""
    import torch

    images = torch.zeros(2, 3, side, side)
    return Interface((PIXELS,), (LOGITS,), sample=(images,), dynamic=({0: torch.export.Dim("n")},))


def detector_interface(side: int | None) -> Interface:
    """Return that of a detector: images [N, 3, H, W], and the size of each, to what it finds.

    Images are squares of this side, or have any size.
    """
    import torch

    count, down, across = (torch.export.Dim(name) for name in ("n", "rows", "columns"))
    if side is not None:
        squares = torch.zeros(2, 3, side, side), torch.full((2, 2), side)
        return Interface((PIXELS, SIZES), NETWORK_OUTPUTS, sample=squares, dynamic=({0: count}, {0: count}))
    sample = torch.zeros(2, 3, 6 * STRIDE, 8 * STRIDE), torch.tensor([[180, 250], [190, 256]])
    dynamic = {0: count, 2: STRIDE * down, 3: STRIDE * across}, {0: count}
    return Interface((PIXELS, SIZES), NETWORK_OUTPUTS, sample=sample, dynamic=dynamic)


def exported_network(module: Module, interface: Interface, opset: int) -> ModelProto:
    """Export a module.

    Raises what torch's exporter raises, and ExportError where it writes another opset than asked.
    """
    import torch

    program = torch.onnx.export(
        module,
        interface.sample,
        dynamo=True,
        opset_version=opset,
        input_names=list(interface.inputs),
        output_names=list(interface.outputs),
        dynamic_shapes=interface.dynamic,
        custom_translation_table=dict(translations()),
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    written = [entry.version for entry in model.opset_import if entry.domain == ""]
    if written != [opset]:
        raise ExportError(f"opset = {opset}: torch's exporter writes opset {written[0]} in its place; name another")
    return model


def named_outputs(trained: Module, exportable: Module | None) -> Module:
    """Make a detector that returns what it finds as tensors in the order of NETWORK_OUTPUTS.

    `exportable` is what its owner made for exports; where that is None the trained module is called as in prediction.
    """
    from torch import nn

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = trained if exportable is None else exportable

        def forward(self, pixels: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
            arguments = (ImageBatch(pixels, sizes),) if exportable is None else (pixels, sizes)
            outputs = self.detector(*arguments)
            return outputs["boxes"], outputs["scores"], outputs["labels"]

    return Named().eval()


@contextmanager
def said_in_a_sentence(model: str, folder: Path) -> Iterator[None]:
    """Swallow what torch's exporter prints; where it fails, raise ExportError, and write all of it into a folder."""
    text = io.StringIO()
    disabled = logging.root.manager.disable
    try:
        with redirect_stdout(text), redirect_stderr(text), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.disable(logging.CRITICAL)
            yield
    except VistryError:
        raise
    except Exception as error:
        path = folder / ERRORS
        write_text(path, f"{text.getvalue()}\n{''.join(traceback.format_exception(error))}")
        raise ExportError(
            f"{model} can't be exported to ONNX: torch's exporter can't follow its forward pass "
            f"({_reason(error)}); all that it says is in {path}"
        ) from error
    finally:
        logging.disable(disabled)


def _reason(error: BaseException) -> str:
    """The line of an exporter's error that says most: that of its first cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines: Sequence[str] = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
