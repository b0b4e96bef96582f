"""A classifier as one ONNX file: the answers of its run, for images of any size, with all in it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import vistry
from click.testing import CliRunner
from PIL import Image
from vistry.cli import main
from vistry.data.images.decode import load_pixels
from vistry.errors import VistryError
from vistry.export.onnx_format import writing
from vistry.export.parity import ParityError
from vistry.export.session import Exported
from vistry.inference.run_predictor import load_run
from vistry.registry.manifest import PreprocessingSpec
from vistry.runs.folder import Run

FROZEN = Path(__file__).parents[1] / "frozen"


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Run:
    """A copy of the run that was never exported."""
    return Run(shutil.copytree(run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("export")))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """A wide, a tall and a small image."""
    paths = []
    for number, (width, height) in enumerate([(61, 40), (33, 90), (17, 12)]):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def in_fp32(run: Run, images: list[Path]) -> np.ndarray:
    """The probabilities of a run that was trained in another precision, computed in fp32."""
    predictor = load_run(run)
    predictor.engine.prediction_precision = "fp32"  # type: ignore[attr-defined]
    return np.array([prediction.values for prediction in predictor.predict(images)])


def session_of(file: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def test_any_batch_of_any_size_by_onnxruntime_alone(run: Run, file: Path, pictures: list[Path]) -> None:
    session, expected = session_of(file), in_fp32(run, pictures)
    for picture, probabilities in zip(pictures, expected, strict=True):
        pixels = load_pixels(picture)
        for count in (1, 3):
            [answers] = session.run(["probabilities"], {"images": np.stack([pixels] * count)})
            assert answers.shape == (count, 4)
            np.testing.assert_allclose(answers, [probabilities] * count, atol=0.01)  # a grey level here and there
    upright = load_pixels(pictures[0])
    [two] = session.run(None, {"images": np.stack([upright, upright[:, ::-1]])})
    assert np.abs(two[0] - two[1]).max() > 1e-4  # each image of a batch has its own answer


def test_predict_gives_the_same_output(run: Run, file: Path, pictures: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(pictures[0].read_bytes()[:300])
    images = [*pictures, broken]
    for of_run, of_file in zip(vistry.predict(run.folder, images), vistry.predict(file, images), strict=True):
        assert list(of_file) == list(of_run)
        assert {**of_file, "probs": None} == {**of_run, "probs": None}
    np.testing.assert_allclose(
        [entry["probs"] for entry in vistry.predict(file, pictures)], in_fp32(run, pictures), atol=0.01
    )


@pytest.mark.parametrize("include_training", [False, True])
def test_evaluate_gives_the_same_output(run: Run, file: Path, digits: Path, include_training: bool) -> None:
    of_run = vistry.evaluate(run.folder, digits, include_training=include_training)
    of_file = vistry.evaluate(file, digits, include_training=include_training)
    ours, theirs = of_file.to_dict(), of_run.to_dict()
    assert list(ours) == list(theirs)
    assert list(ours["metrics"]) == list(theirs["metrics"])
    for name in ("primary_metric", "images", "left_out", "warnings", "own_images", "thresholds", "notes"):
        assert ours[name] == theirs[name]
    assert of_file.own_images.training > 0
    for name, value in ours["metrics"].items():
        assert value == pytest.approx(theirs["metrics"][name], abs=0.1)  # the run computes in bf16


WITHOUT_TORCH = """
import sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "jax", "onnx", "onnxscript", "vistry_tiny"):
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Refusal())
from vistry.cli import main
main()
"""


def test_neither_torch_nor_the_plugin_is_imported(
    run: Run, file: Path, digits: Path, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = shutil.copy(file, tmp_path / "alone.onnx")
    monkeypatch.delenv("PYTHONPATH")  # which is how processes find the plugin
    for arguments in (["predict", alone, *pictures, "--json"], ["evaluate", alone, digits, "--json"]):
        command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert [json.loads(line) for line in done.stdout.splitlines()]


def test_the_file_says_all_of_itself(run: Run, exported: Exported, file: Path) -> None:
    properties = session_of(file).get_modelmeta().custom_metadata_map
    assert json.loads(properties["labels"]) == [f"digit{number}" for number in range(4)]
    assert (properties["task"], properties["run"], properties["model"]) == ("image_classification", run.id, "tiny/tiny")
    weights = hashlib.sha256(run.best_weights.read_bytes()).hexdigest()
    assert (properties["weights_sha256"], properties["opset"], properties["preprocessing"]) == (weights, "20", "in")
    values = json.loads(properties["hyperparameters"])
    assert (values["validation_resize_size"], values["validation_crop_size"]) == (20, 16)
    assert json.loads(properties["normalisation"])["mean"] == [0.485, 0.456, 0.406]
    assert {"vistry", "vistry-tiny", "torch", "onnx"} <= set(json.loads(properties["versions"]))
    best = max(entry.metrics["accuracy"] for entry in run.history() if entry.metrics)
    assert properties["primary_metric"] == "accuracy"
    assert json.loads(properties["metrics"])["accuracy"] == best
    parity = json.loads(properties["parity"])
    assert parity == {name: value for name, value in exported.to_dict()["parity"].items() if value is not None}
    assert 0 < parity["images"] <= 64
    assert (parity["made_up"], parity["same_answer"]) == (False, 1)
    assert min(parity["run_ms"], parity["file_ms"]) > 0
    assert str(run.folder.parent) not in str(properties)  # nobody's folders are told


def test_the_file_is_valid_and_the_operators_are_those_asked_for(copy: Run, file: Path, tmp_path: Path) -> None:
    [older] = vistry.export(copy.folder, output=tmp_path / "older", opset=18).files
    for path, opset in ((file, 20), (older, 18)):
        graph = onnx.load(path)
        onnx.checker.check_model(graph, full_check=True)
        assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", opset)]
        assert graph.producer_name == "vistry"


@pytest.mark.parametrize(("opset", "message"), [(17, "must be at least 18"), (60, "torch's exporter writes opset")])
def test_other_operators_are_refused(copy: Run, opset: int, message: str) -> None:
    with pytest.raises(VistryError, match=message):
        vistry.export(copy.folder, opset=opset)
    assert not (copy.folder / "export").exists()


def test_without_preprocessing(run: Run, pictures: list[Path], tmp_path: Path) -> None:
    [path] = vistry.export(run.folder, output=tmp_path / "out", preprocessing="out").files
    [entry] = session_of(path).get_inputs()
    assert (entry.name, entry.type, entry.shape[1]) == ("pixels", "tensor(float)", 3)
    found = [entry["probs"] for entry in vistry.predict(path, pictures)]
    np.testing.assert_allclose(found, in_fp32(run, pictures), atol=1e-5)


def test_multilabel_with_its_thresholds(digits: Path, tiny_plugin: None, tmp_path: Path, pictures: list[Path]) -> None:
    rows = [
        {"image_url": str(path), "label": ["even"] if number % 2 == 0 else ["odd", "any"]}
        for number in range(4)
        for path in sorted((digits / f"digit{number}").iterdir())
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    folder = tmp_path / "run"
    vistry.train(data, task="multilabel", model="tiny", output=folder, number_of_epochs=1, precision="fp32")
    vistry.threshold(folder, f1=True)
    [path] = vistry.export(folder).files
    for of_run, of_file in zip(vistry.predict(folder, pictures), vistry.predict(path, pictures), strict=True):
        assert (list(of_file), of_file["predicted"]) == (list(of_run), of_run["predicted"])
        np.testing.assert_allclose(of_file["probs"], of_run["probs"], atol=0.01)
    everything = vistry.predict(path, pictures[0], threshold=0.0)
    assert everything[0]["predicted"] == everything[0]["labels"]
    assert vistry.evaluate(path, data).thresholds == vistry.evaluate(folder, data).thresholds


def test_a_failed_check_leaves_no_file(copy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(copy.folder.rglob("*"))
    true_crop = writing.centre_crop

    def darker(resize: int, crop: int, normalisation: PreprocessingSpec, **versions: int) -> onnx.ModelProto:
        return true_crop(resize, crop, PreprocessingSpec(mean=(0.9, 0.9, 0.9)), **versions)

    monkeypatch.setattr(writing, "centre_crop", darker)
    with pytest.raises(ParityError, match=r"doesn't answer as run does, for \d+ of \d+ images, such as .*\.png: "):
        vistry.export(copy.folder)
    assert sorted(copy.folder.rglob("*")) == before


def test_the_command_line(copy: Run, tiny_plugin: None, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["export", str(copy.folder), "--output", str(tmp_path / "there")])
    assert (done.exit_code, done.stderr) == (0, "")
    first, second, third = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'there' / 'model.onnx'}  ")
    assert second.startswith("checked on 13 validation images: probabilities within ")
    assert second.endswith("of the run's in fp32, the same answer for 13 of 13")
    assert third.startswith("an image takes ")
    done = CliRunner().invoke(main, ["export", str(copy.folder), "--format", "onxx"])
    assert done.stderr == "error: there is no exporter 'onxx'; did you mean 'onnx'?\n"


class TestImagesThatMoved:
    @pytest.fixture
    def old(self, tmp_path: Path, tiny_plugin: None) -> Run:
        """A run of an earlier version, whose images aren't where it says."""
        return Run(shutil.copytree(FROZEN / "run_schema_1", tmp_path / "old"))

    def test_made_up_ones_take_their_place(self, old: Run) -> None:
        done = CliRunner().invoke(main, ["export", str(old.folder)])
        assert "checked on 16 made-up images, because no validation image could be read: " in done.stdout
        path = old.folder / "export" / "model.onnx"
        assert json.loads(session_of(path).get_modelmeta().custom_metadata_map["parity"])["made_up"] is True
        evaluation = vistry.evaluate(path, FROZEN / "digits")
        assert evaluation.own_images.untold is None
        assert evaluation.images == 36

    def test_they_are_read_where_they_are_now(self, old: Run, tmp_path: Path) -> None:
        parity = vistry.export(old.folder, data=FROZEN / "digits").parity
        assert (parity.images, parity.made_up) == (7, False)
        with pytest.raises(VistryError, match="has none of the validation images of old; name the folder"):
            vistry.export(old.folder, data=tmp_path)
