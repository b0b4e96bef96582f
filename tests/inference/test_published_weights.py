"""Published weights: a training starts from them, its head goes by names, and they predict without any training."""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner
from safetensors.numpy import load_file, save_file
from vistry.cli import main
from vistry.errors import RegistryError, RunError, WeightsError

from tests.weights.hub_server import Hub, Repository, sha256_of

TINY = Path(__file__).parents[1] / "tiny_plugin"
SETTINGS: dict[str, Any] = {"number_of_epochs": 1, "precision": "fp32", "learning_rate": 0.0}
CLASSES = ("digit 0", "Digit1", "zebra", "digit3")
SETS = """
weights.big = { source = "package:vistry_known/big.safetensors", sha256 = "%s", license = "MIT", classes = 4, \
class_names = "package:vistry_known/classes.txt", preprocessing = { mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5] } }
weights.nameless = { source = "package:vistry_known/big.safetensors", sha256 = "%s", license = "MIT", classes = 4, \
default = %s }
"""


@pytest.fixture(scope="module")
def learned(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tensors of a tiny network that tells four digits apart, with pixels normalised by 0.5."""
    sys.path.insert(0, str(TINY))
    importlib.invalidate_caches()
    folder = tmp_path_factory.mktemp("learned")
    result = vistry.train(
        digits, task="multiclass", model="tiny", output=folder / "run", precision="fp32", number_of_epochs=15,
        learning_rate=0.1, warmup_cosine_lr_warmup_epochs=1,
    )  # fmt: skip
    sys.path.remove(str(TINY))
    return load_file(result.run.best_weights)


@pytest.fixture(params=["false"])
def published(
    request: pytest.FixtureRequest, learned: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A plugin `known` whose model `known` has two published sets that its package carries."""
    site = tmp_path / "site"
    package = site / "vistry_known"
    shutil.copytree(TINY / "vistry_tiny", package)
    manifest = (package / "plugin.toml").read_text().replace("vistry_tiny", "vistry_known")
    head, _, _ = manifest.replace("models.tiny", "models.known").partition("[models.broken_prefix]")
    save_file(learned, package / "big.safetensors")
    digest = hashlib.sha256((package / "big.safetensors").read_bytes()).hexdigest()
    (package / "plugin.toml").write_text(head + SETS % (digest, digest, request.param))
    (package / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    record = site / "vistry_known-0.1.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: vistry-known\nVersion: 0.1\n")
    (record / "entry_points.txt").write_text("[vistry.plugins]\nknown = vistry_known:plugin.toml\n")
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield package
    for name in [name for name in sys.modules if name.startswith("vistry_known")]:
        del sys.modules[name]


def command(*arguments: object) -> Any:
    return CliRunner().invoke(main, list(map(str, arguments)))


def value_of(run: Any, name: str) -> tuple[object, str, bool]:
    record = run.hyperparameters[name]
    return record.value, record.origin, record.given


class TestTraining:
    def test_auto_takes_the_first_set_and_says_so(self, published: Path, digits: Path, learned: dict[str, Any]) -> None:
        run = vistry.train(digits, model="known", task="multiclass", **SETTINGS).run
        assert value_of(run, "weights") == ("big", "auto, of known/known", False)
        assert run.record.initial_weights.name == "big"
        assert run.record.preprocessing.mean == (0.5, 0.5, 0.5)
        np.testing.assert_array_equal(load_file(run.best_weights)["conv1.weight"], learned["conv1.weight"])

    @pytest.mark.parametrize("published", ["true"], indirect=True)
    def test_a_marked_set_comes_first(self, published: Path, digits: Path) -> None:
        run = vistry.train(digits, model="known", task="multiclass", **SETTINGS).run
        assert value_of(run, "weights")[0] == "nameless"
        assert run.record.preprocessing.mean == (0.485, 0.456, 0.406)

    def test_the_head_goes_by_class_name_and_the_rest_is_new(
        self, published: Path, digits: Path, learned: dict[str, Any]
    ) -> None:
        result = command("train", "--data", digits, "--model", "known", "--task", "multiclass", "--output",
                         published.parent / "run", "--number_of_epochs", 1, "--learning_rate", "1e-9")  # fmt: skip
        assert result.exit_code == 0, result.output
        assert "3 of 4 classes taken over by name; new: digit2" in result.output
        head = load_file(published.parent / "run" / "checkpoints" / "best.safetensors")["head.weight"]
        for row in (0, 1, 3):
            np.testing.assert_allclose(head[row], learned["head.weight"][row], atol=1e-6)
        assert np.abs(head[2] - learned["head.weight"][2]).max() > 1e-3

    def test_none_is_random_and_a_run_leaves_no_other_weights_to_name(self, published: Path, digits: Path) -> None:
        first = vistry.train(digits, model="known", task="multiclass", weights="none", **SETTINGS).run
        assert value_of(first, "weights")[::2] == ("none", True)
        second = vistry.train(digits, model="known", task="multiclass", checkpoint_run_id=first.id, **SETTINGS).run
        assert value_of(second, "weights")[0] == "none"
        np.testing.assert_array_equal(
            load_file(first.best_weights)["conv1.weight"], load_file(second.best_weights)["conv1.weight"]
        )

    def test_a_warm_start_normalises_as_the_run_did_that_it_starts_from(self, published: Path, digits: Path) -> None:
        first = vistry.train(digits, model="known", task="multiclass", **SETTINGS).run
        second = vistry.train(digits, model="known", task="multiclass", checkpoint_run_id=first.id, **SETTINGS)
        assert second.run.record.preprocessing == first.record.preprocessing
        resumed = vistry.load(second.run.folder)
        assert resumed.classes == first.record.classes

    def test_a_model_without_published_sets_says_that_it_starts_at_random(
        self, tiny_plugin: None, digits: Path, tmp_path: Path
    ) -> None:
        given = ("train", "--data", digits, "--model", "tiny", "--task", "multiclass", "--dry-run")
        random = command(*given).output
        assert "tiny publishes no weights for tiny, so training starts from random ones" in random
        assert "freezes layers" not in random
        assert "layers_to_freeze = 1 freezes layers that have random weights" in (
            command(*given, "--layers_to_freeze", 1).output
        )
        assert "publishes no weights" not in command(*given, "--weights", "none").output


class TestPrediction:
    def test_a_model_predicts_by_its_published_names(self, published: Path, digits: Path, tmp_path: Path) -> None:
        images = sorted(digits.glob("digit1/*.png"))
        [*entries] = vistry.predict("known", images)
        right = [entry for entry in entries if entry["labels"][int(np.argmax(entry["probs"]))] == "Digit1"]
        assert len(right) >= 0.7 * len(images)
        assert entries[0]["labels"] == list(CLASSES)
        printed = command("predict", "known", images[0])
        assert printed.exit_code == 0, printed.output
        assert printed.stdout.split()[1] in {"Digit1", "digit", "zebra"}

    def test_it_predicts_as_a_run_from_the_same_weights_does(
        self, published: Path, digits: Path, tmp_path: Path
    ) -> None:
        images = sorted(digits.glob("*/*.png"))[::9]
        untrained = vistry.predict("known/known", images, weights="nameless")
        run = vistry.train(
            digits, model="known", task="multiclass", weights="nameless", number_of_epochs=1, learning_rate=0.0,
            precision="fp32",
        ).run  # fmt: skip
        trained = vistry.predict(run.folder, images)
        for before, after in zip(untrained, trained, strict=True):
            # An epoch at rate 0 moves batch norm's statistics alone.
            assert int(np.argmax(before["probs"])) == int(np.argmax(after["probs"]))

    def test_outputs_without_names_have_their_numbers(self, published: Path, digits: Path) -> None:
        assert vistry.load("known", weights="nameless").classes == ("0", "1", "2", "3")

    def test_json_and_labels_work_as_for_a_run(self, published: Path, digits: Path, tmp_path: Path) -> None:
        image = next(digits.glob("digit3/*.png"))
        answer = json.loads(command("predict", "known", image, "--json").stdout)
        assert sorted(answer) == ["filename", "labels", "probs"]
        done = command("predict", "known", digits, "--to", "csv", "--output", tmp_path / "labels.csv")
        assert done.exit_code == 0, done.output
        assert len((tmp_path / "labels.csv").read_text().splitlines()) > 60

    def test_what_cannot_predict_untrained_says_what_to_type(
        self, published: Path, tiny_plugin: None, digits: Path
    ) -> None:
        image = next(digits.glob("*/*.png"))
        with pytest.raises(WeightsError, match=r"tiny/tiny has no published weights for the whole model; train it fir"):
            vistry.predict("tiny", image)
        with pytest.raises(WeightsError, match=r"'none' is no published set of known/known as a whole: big, nameless"):
            vistry.predict("known", image, weights="none")
        with pytest.raises(RunError, match=r"there is no run 'knwon'; .*no model has that name"):
            vistry.predict("knwon", image)

    def test_a_list_of_another_length_is_refused(self, published: Path, digits: Path) -> None:
        (published / "classes.txt").write_text("one\ntwo\n")
        with pytest.raises((WeightsError, RegistryError), match="has 4 classes, and its list 2 names"):
            vistry.predict("known", next(digits.glob("*/*.png")))


def test_a_run_keeps_which_file_of_which_commit_it_began_with(published: Path, hub: Hub, digits: Path) -> None:
    folder = hub.folder / "lab" / "known"
    folder.mkdir(parents=True)
    there = shutil.copy(published / "big.safetensors", folder / "model.safetensors")
    source = "hub:lab/known/model.safetensors"
    with (published / "plugin.toml").open("a") as manifest:
        manifest.write(f'weights.far = {{ source = "{source}", license = "MIT", classes = 4, default = true }}\n')
    run = vistry.train(digits, task="multiclass", model="known", **SETTINGS).run
    record = run.record.initial_weights
    assert (record.name, record.source) == ("far", source)
    assert (record.sha256, record.revision) == (sha256_of(there), Repository(folder).commit())
    assert record.file is not None
    assert Path(record.file).name == "model.safetensors"
    page = vistry.report(run.folder).read_text(encoding="utf-8")
    assert f"far, from {source}, commit {record.revision}, SHA-256 {record.sha256}" in page
