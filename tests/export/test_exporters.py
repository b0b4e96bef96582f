"""Exporters of other distributions: found by their entry point, checked as core's own, named where they fail."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import vistry
from vistry.errors import VistryError
from vistry.export import exporters
from vistry.export.model import ExportableModel
from vistry.inference.exported_record import ParityRecord
from vistry.inference.load import load
from vistry.runs.folder import Run


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these be the installed exporters, by name."""

    def entries(**values: str) -> None:
        points = [EntryPoint(name.rstrip("_"), value, exporters.GROUP) for name, value in values.items()]
        monkeypatch.setattr(exporters, "entry_points", lambda group: points if group == exporters.GROUP else [])

    return entries


def torchscript(model: ExportableModel, folder: Path) -> ParityRecord:
    """Write the tensors, and answer with the network that the exporter is given."""
    import torch

    network, predictor = model.network(), load(model.run.folder)
    (folder / "weights").mkdir()
    np.savez(folder / "weights" / "all.npz", **{name: value.numpy() for name, value in network.state_dict().items()})
    crop = predictor.eval_transform.prepare  # type: ignore[attr-defined]
    mean, std = (np.float32(values) for values in (model.record().normalisation.mean, model.record().normalisation.std))

    def answer(pixels: np.ndarray) -> np.ndarray:
        from PIL import Image

        square = (crop.of_image(Image.fromarray(pixels)) / np.float32(255) - mean) / std
        with torch.inference_mode():
            logits = network(torch.from_numpy(square.transpose(2, 0, 1)[None]))
        return logits.softmax(1)[0].numpy()

    return model.check(answer)


def wrong(model: ExportableModel, folder: Path) -> ParityRecord:
    (folder / "half").touch()
    return model.check(lambda pixels: np.zeros(4, np.float32))


def unchecked(model: ExportableModel, folder: Path) -> None:
    (folder / "file").touch()


def broken(model: ExportableModel, folder: Path) -> ParityRecord:
    raise KeyError("weights")


def test_one_of_another_distribution(run: Run, tmp_path: Path, install: Callable[..., None]) -> None:
    install(tensors=f"{__name__}:torchscript")
    exported = vistry.export(run.folder, format="tensors", output=tmp_path)
    assert exported.files == (tmp_path / "weights",)
    assert (tmp_path / "weights" / "all.npz").is_file()
    assert exported.parity.max_difference < 1e-5
    assert exporters.format_names() == ["onnx", "tensors"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", "the exported model doesn't answer as run does"),
        ("unchecked", r"the exporter 'unchecked' of .* returned NoneType; it has to return what model.check returns"),
        ("broken", r"the exporter 'broken' of .* failed: KeyError: 'weights'; tell its author"),
        ("missing", r"the exporter 'missing' of .* failed: AttributeError: "),
        ("others", "there is no exporter 'others'"),
    ],
)
def test_a_fault_names_the_exporter_and_leaves_nothing(
    run: Run, tmp_path: Path, install: Callable[..., None], name: str, message: str
) -> None:
    install(**{one: f"{__name__}:{one}" for one in ("wrong", "unchecked", "broken", "missing")})
    with pytest.raises(VistryError, match=message):
        vistry.export(run.folder, format=name, output=tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_name_that_two_have(install: Callable[..., None]) -> None:
    install(twice="one:export", twice_="two:export")
    with pytest.raises(VistryError, match="the exporter 'twice' is of one:export and two:export; uninstall all but"):
        exporters.exporter_named("twice")
