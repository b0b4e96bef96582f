"""`vistry.export`: write a run's model in another format, check it against the run, and only then put it in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, get_args

from vistry.errors import RunError, VistryError, suggestion
from vistry.export.check_images import check_images
from vistry.export.exporters import exporter_named
from vistry.export.model import ExportableModel
from vistry.inference.exported_record import ParityRecord, Preprocessing
from vistry.inference.run_predictor import LoadedRun, loaded_run
from vistry.registry.catalogue import Catalogue
from vistry.runs.files import UNFINISHED
from vistry.runs.folder import Run
from vistry.runs.many import find_run_or_best
from vistry.training.recorded_model import recorded_model

FOLDER = "export"
OPSET = 20
LOWEST_OPSET = 18  # the first whose Resize filters as Pillow does


@dataclass(frozen=True)
class Exported:
    """The files that were written, and how their answers compare with those of the run."""

    run: Path
    format: str
    files: tuple[Path, ...]
    parity: ParityRecord

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        files = [str(path) for path in self.files]
        return {"run": str(self.run), "format": self.format, "files": files, "parity": asdict(self.parity)}


def export(
    run: str | Path,
    *,
    format: str = "onnx",
    output: str | Path | None = None,
    preprocessing: Preprocessing = "in",
    opset: int = OPSET,
    data: str | Path | None = None,
) -> Exported:
    """Write a run's best model as a file that other programs can run, and check that it answers as the run does.

    Args:
        run: a run's folder or identifier, or "last"; of a sweep or a cross-validation its best run is taken.
        format: the name of an exporter, "onnx" or one of an installed distribution.
        output: the folder to write into; by default `export` in the run's folder. Files of the same names are replaced.
        preprocessing: "in" for a file that takes images as they are, [N, H, W, 3] uint8 of any size; "out" for one that
            takes the network's own input, resized, cropped and normalised.
        opset: the version of ONNX's operators, from 18.
        data: the folder that holds the run's validation images, where they have moved. Up to 64 of them are answered by
            both, and compared; where none can be read, made-up ones are.

    Raises RunError for the run, ParityError where the answers differ, and VistryError for a model that can't be
    exported. Nothing is then left behind.
    """
    if preprocessing not in get_args(Preprocessing):
        hint = suggestion(str(preprocessing), get_args(Preprocessing))
        raise VistryError(f"preprocessing = {preprocessing!r}: it is in the file or out of it; {hint}")
    if isinstance(opset, bool) or not isinstance(opset, int) or opset < LOWEST_OPSET:
        raise VistryError(
            f"opset = {opset}: must be at least {LOWEST_OPSET}, the first version of ONNX's operators that resizes an "
            "image as training does"
        )
    exporter, trained = exporter_named(format), find_run_or_best(run)
    with check_images(trained, None if data is None else Path(data)) as images, _without_kernels():
        loaded = _in_torch(trained)
        model = ExportableModel(loaded=loaded, preprocessing=preprocessing, opset=opset, images=images)
        model.require_own_postprocessing()
        place = trained.folder / FOLDER if output is None else Path(output)
        with _unfinished_folder(place) as folder:
            parity = exporter(model, folder)
            files = _put_in_place(folder, place)
    return Exported(trained.folder, format, files, parity=parity)


def _in_torch(run: Run) -> LoadedRun:
    """Load a run's weights into torch, whatever they were trained with: both name and shape tensors alike."""
    card = recorded_model(run, Catalogue.read())
    if "torch" not in card.backends:
        raise VistryError(
            f"{card.full_name} can't be exported: it exists in {' and '.join(card.backends)} alone, and an exporter is "
            "given a torch module; jax.export writes StableHLO of the module that vistry.create returns"
        )
    return loaded_run(run, backend="torch")


@contextmanager
def _without_kernels() -> Iterator[None]:
    """Build networks of torch's own operations, which exporters know."""
    before = os.environ.get("VISTRY_KERNELS")
    os.environ["VISTRY_KERNELS"] = "off"
    try:
        yield
    finally:
        if before is None:
            del os.environ["VISTRY_KERNELS"]
        else:
            os.environ["VISTRY_KERNELS"] = before


@contextmanager
def _unfinished_folder(place: Path) -> Iterator[Path]:
    """Give an empty folder beside the files to be; it is removed at the end, and `place`, too, if it wasn't there."""
    existed = place.is_dir()
    try:
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=".", suffix=UNFINISHED, dir=place))
    except OSError as error:
        raise RunError(
            f"{place} can't be written into: {error.strerror or error}; name another with --output"
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not existed and not any(place.iterdir()):
            place.rmdir()


def _put_in_place(folder: Path, place: Path) -> tuple[Path, ...]:
    """Move what was written, each file and folder in one step."""
    targets = []
    for path in sorted(folder.iterdir()):
        target = place / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
        targets.append(target)
    return tuple(targets)
