"""What can't be exported, or isn't an exported file, is said in a sentence."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.errors import VistryError
from vistry.export import session
from vistry.runs.folder import Run

OF_DATA = """from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model(num_classes):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(3, num_classes)

        def forward(self, images):
            means = images.mean((2, 3))
            return self.head(means if bool(means.sum() > 0) else -means)

    return Net()
"""
POSTPROCESS = """

@hookimpl
def vistry_build_postprocess(task, hyperparameters):
    from vistry.plugin import task_postprocess

    own = task_postprocess(task, hyperparameters)
    return lambda outputs, sizes: own(outputs / 2, sizes)
"""


@pytest.fixture
def trained(lay_out: Callable[..., Path], digits: Path, tmp_path: Path) -> Callable[..., Path]:
    """A run of a plugin with these hooks."""

    def train(hooks: str) -> Path:
        lay_out("odd", model="oddnet", hooks=hooks)
        output = tmp_path / "run"
        vistry.train(digits, task="multiclass", model="oddnet", output=output, number_of_epochs=1, precision="fp32")
        return output

    return train


def test_a_network_that_looks_at_its_images(trained: Callable[..., Path], tmp_path: Path) -> None:
    run = trained(OF_DATA)
    done = CliRunner().invoke(main, ["export", str(run)])
    [line] = done.stderr.splitlines()
    assert done.exit_code != 0
    assert line.startswith(
        "error: odd/oddnet can't be exported to ONNX: torch's exporter can't follow its forward pass ("
    )
    assert line.endswith(f"; all that it says is in {run / 'export-error.txt'}")
    assert "Traceback" in (run / "export-error.txt").read_text()
    assert not (run / "export").exists()


def test_a_postprocessing_of_the_plugins_own(trained: Callable[..., Path]) -> None:
    run = trained(OF_DATA + POSTPROCESS)
    with pytest.raises(
        VistryError, match="its plugin has a vistry_build_postprocess of its own, whose code an exported"
    ):
        vistry.export(run)


class TestFiles:
    def test_one_that_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(VistryError, match=r"none\.onnx: there is no such file; write one with: vistry export RUN"):
            vistry.predict(tmp_path / "none.onnx", tmp_path)

    def test_one_that_is_damaged(self, file: Path, tmp_path: Path) -> None:
        half = tmp_path / "half.onnx"
        half.write_bytes(file.read_bytes()[:1000])
        with pytest.raises(VistryError, match=r"half\.onnx can't be read as an ONNX file: "):
            vistry.load(half)

    def test_one_of_another_program(self, file: Path, tmp_path: Path) -> None:
        graph = onnx.load(file)
        del graph.metadata_props[:]
        onnx.save(graph, tmp_path / "other.onnx")
        with pytest.raises(VistryError, match=r"other\.onnx: it doesn't say how it was exported"):
            vistry.load(tmp_path / "other.onnx")

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("schema", "2", r"was written by a later Vistry \(schema 2, this one reads 1\)"),
            ("labels", "7", "invalid .*: expected a list for 'labels', got 7|invalid .*labels"),
            ("parity", "{}", "invalid .*parity"),
        ],
    )
    def test_one_whose_record_is_another(self, file: Path, tmp_path: Path, key: str, value: str, message: str) -> None:
        graph = onnx.load(file)
        [entry] = [entry for entry in graph.metadata_props if entry.key == key]
        entry.value = value
        onnx.save(graph, tmp_path / "model.onnx")
        with pytest.raises(VistryError, match=message):
            vistry.load(tmp_path / "model.onnx")

    def test_values_that_are_inside(self, file: Path, tmp_path: Path) -> None:
        with pytest.raises(VistryError, match="validation_crop_size: can't be changed for an exported file"):
            vistry.load(file, validation_crop_size=32)
        with pytest.raises(VistryError, match="is multi-class: each image gets its likeliest class"):
            vistry.load(file, threshold=0.5)
        with pytest.raises(VistryError, match="is computed by onnxruntime; leave out --backend"):
            vistry.load(file, backend="torch")

    def test_without_onnxruntime(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        monkeypatch.setattr("vistry.inference.exported_file.find_spec", lambda name: None)
        with pytest.raises(VistryError, match=r"onnxruntime is not installed; type: pip install 'vistry\[onnx\]'"):
            vistry.load(file)


def test_without_the_packages(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("vistry.export.onnx_format.writing.find_spec", lambda name: None if name == "onnx" else name)
    with pytest.raises(VistryError, match=r"an export to ONNX needs onnx; type: pip install 'vistry\[onnx,torch\]'"):
        vistry.export(run.folder, output=tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_words_that_mean_nothing(run: Run, tmp_path: Path) -> None:
    with pytest.raises(VistryError, match="preprocessing = 'inn': it is in the file or out of it; did you mean 'in'"):
        vistry.export(run.folder, preprocessing="inn")  # type: ignore[arg-type]
    with pytest.raises(VistryError, match="there is no run 'nobody'"):
        vistry.export("nobody")
    occupied = tmp_path / "file"
    occupied.touch()
    with pytest.raises(VistryError, match="can't be written into: .*; name another with --output"):
        vistry.export(run.folder, output=occupied)


def test_a_model_of_jax_alone(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    card = session.recorded_model(run, session.Catalogue.read())
    monkeypatch.setattr(session, "recorded_model", lambda *_: replace(card, backends=("jax",)))
    with pytest.raises(VistryError, match="tiny/tiny can't be exported: it exists in jax alone"):
        vistry.export(run.folder, output=tmp_path)


def test_of_a_sweep_its_best_run_is_taken(run: Run, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    shutil.copytree(run.folder, sweep / "trials" / "0003", ignore=shutil.ignore_patterns("export"))
    (sweep / "sweep.json").write_text('{"primary_metric": "accuracy", "task": "image_classification"}')
    (sweep / "leaderboard.json").write_text('{"trials": [{"trial": 3, "score": 0.5}]}')
    done = CliRunner().invoke(main, ["export", str(sweep), "--output", str(tmp_path / "there"), "--json"])
    assert done.exit_code == 0, done.stderr
    assert "its best trial, 3, is taken" in done.stderr
    assert (tmp_path / "there" / "model.onnx").is_file()
