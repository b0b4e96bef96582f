"""A torch module as an ONNX graph, by torch's own exporter."""

from __future__ import annotations

import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.errors import VistryError
from vistry.plugin.types import Module
from vistry.runs.files import write_text

if TYPE_CHECKING:
    from onnx import ModelProto

ERRORS = "export-error.txt"


class ExportError(VistryError):
    """A model that can't be exported."""


@dataclass(frozen=True)
class Interface:
    """The names of a network's input and outputs, and the size of its input.

    `height` and `width` of the sample; with `any_size` they may be others in the file.
    """

    input: str
    outputs: tuple[str, ...]
    height: int
    width: int
    any_size: bool = False


def exported_network(module: Module, interface: Interface, opset: int) -> ModelProto:
    """Export a module that takes images [N, 3, H, W], for any N.

    Raises what torch's exporter raises, and ExportError where it writes another opset than asked.
    """
    import torch

    # A batch of one would be taken for a constant.
    sample = torch.zeros(2, 3, interface.height, interface.width)
    dynamic = {0: torch.export.Dim("n")}
    if interface.any_size:
        dynamic |= {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    program = torch.onnx.export(
        module,
        (sample,),
        dynamo=True,
        opset_version=opset,
        input_names=[interface.input],
        output_names=list(interface.outputs),
        dynamic_shapes=(dynamic,),
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    written = [entry.version for entry in model.opset_import if entry.domain == ""]
    if written != [opset]:
        raise ExportError(f"opset = {opset}: torch's exporter writes opset {written[0]} in its place; name another")
    return model


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
