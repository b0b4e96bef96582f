"""A stranger's plugin, installed by pip beside core alone: everything works, and nobody else knows of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from skimage import data
from skimage.io import imsave
from sklearn.datasets import load_sample_image

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "examples" / "vistry-efficientnet-lite"
NAMES = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
COUNTS = {"efficientnet_lite0": 4652008, "efficientnet_lite1": 5416680, "efficientnet_lite2": 6092072}  # as in timm

LISTING = """
import sys, vistry
vistry.models(task="multilabel", family="efficientnet_lite", max_parameters=5_000_000)
vistry.hyperparameters("efficientnet_lite0", "multiclass").json_schema()
vistry.layers_to_freeze("efficientnet_lite0")
vistry.plugins()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""

BUILDING = """
import json, torch, vistry
found = {}
for card in vistry.models(family="efficientnet_lite"):
    with torch.device("meta"):
        model = vistry.create(card.name, task="multiclass", num_classes=1000)
    names = [name for name, _ in model.named_parameters()]
    groups = vistry.layers_to_freeze(card.name)
    found[card.name] = {
        "counted": sum(parameter.numel() for parameter in model.parameters()),
        "declared": card.parameters,
        "layers": len(groups),
        "unmatched": [prefix for group in groups for prefix in group if not any(n.startswith(prefix) for n in names)],
        "groups of each": {name: sum(name.startswith(group) for group in groups) for name in names},
    }
images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
found["drops"] = []
for rate in (0, 0.9):
    model = vistry.create(
        "efficientnet_lite0", task="multiclass", num_classes=2, weights="imagenet",
        hyperparameters={"drop_connect_rate": rate},
    )
    model.eval()
    for block in model._blocks:
        block.training = True
    with torch.no_grad():
        found["drops"].append(not torch.equal(model(images), model(images)))
print(json.dumps(found))
"""

# The photographs go through the manifest's normalisation as `(value / 255 - mean) / std`.
RECOGNISING = """
import json, sys
import numpy as np
import torch, vistry
from PIL import Image

found = {}
for name in ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"):
    card = vistry.model(name)
    size = vistry.hyperparameters(name, "multiclass").defaults()["validation_crop_size"]
    model = vistry.create(name, task="multiclass", num_classes=1000, weights="imagenet").eval()
    found[name] = {"size": size}
    for path in sys.argv[1:]:
        image = Image.open(path)
        square = min(image.size)
        left, top = ((side - square) // 2 for side in image.size)
        pixels = np.asarray(image.crop((left, top, left + square, top + square)).resize((size, size), Image.BICUBIC))
        normalised = (pixels / 255 - card.preprocessing.mean) / card.preprocessing.std
        with torch.inference_mode():
            logits = model(torch.tensor(normalised, dtype=torch.float32).permute(2, 0, 1)[None])
        score, label = logits.softmax(1)[0].max(0)
        found[name][path.rpartition("/")[2]] = [int(label), float(score)]
print(json.dumps(found))
"""

TRAINING = """
import json, sys
from dataclasses import asdict
from pathlib import Path
import numpy as np
import vistry
from safetensors.numpy import load_file
from vistry.training.events import Listener
from vistry.training.session import resume

images, folder = sys.argv[1], Path(sys.argv[2])
settings = dict(
    model="efficientnet_lite0", weights="imagenet", layers_to_freeze=12, number_of_epochs=2, training_batch_size=8,
    learning_rate=0.01, training_crop_size=32, validation_crop_size=32, validation_resize_size=32, number_of_workers=1,
)
whole = vistry.train(images, task="multiclass", output=folder / "whole", **settings).run

class Killed(BaseException):
    pass

calls = []
class Killing(Listener):
    def evaluation_begins(self, epoch):
        calls.append(epoch)
        if len(calls) == 2:
            raise Killed
try:
    vistry.train(images, task="multiclass", output=folder / "killed", listeners=[Killing()], **settings)
except Killed:
    pass
resumed = resume(str(folder / "killed")).run

first, start = load_file(whole.best_weights), vistry.create(
    "efficientnet_lite0", task="multiclass", num_classes=3, weights="imagenet"
).state_dict()
unchanged = [name for name in first if np.array_equal(first[name].ravel(), start[name].numpy().ravel())]
second = load_file(resumed.best_weights)
labels = folder / "labels.jsonl"
labels.write_text("".join(
    json.dumps({"image_url": str(path), "label": ["small"] if "0" in path.parent.name else ["small", "large"]}) + "\\n"
    for path in sorted(Path(images).rglob("*.png"))
))
several = vistry.train(labels, task="multilabel", output=folder / "several", **{**settings, "number_of_epochs": 1}).run
print(json.dumps({
    "calls": len(calls),
    "same after resuming": all(np.array_equal(first[name], second[name]) for name in first),
    "tensors": sorted(first),
    "unchanged": unchanged,
    "predicted": len(vistry.predict(str(folder / "whole"), sorted(map(str, Path(images).glob("digit0/*"))))),
    "evaluated": sorted(vistry.evaluate(str(folder / "whole"), images).metrics),
    "status": [run.status.status for run in (whole, resumed, several)],
    "normalisation": asdict(whole.record.preprocessing),
}))
"""


@pytest.fixture(scope="module")
def environment(
    make_environment: Callable[..., Any], wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("example")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", folder)
    subprocess.run([sys.executable, "-m", "pip", "wheel", *map(str, options), str(EXAMPLE)], check=True)
    [wheel] = folder.glob("*.whl")
    return make_environment(wheels["vistry"], wheel)


def test_it_appears_in_every_query(environment: Any) -> None:
    models = environment.json("models", "--task", "multilabel", "--family", "efficientnet_lite")["models"]
    assert [model["name"] for model in models] == NAMES
    [plugin] = environment.json("plugins")["plugins"]
    assert (plugin["name"], plugin["state"], plugin["models"]) == ("efficientnet_lite", "ok", NAMES)
    assert environment.run("vistry", "plugins", "check").returncode == 0
    shown = environment.json("models", "show", "efficientnet_lite0")["model"]
    assert shown["distribution"] == "vistry-efficientnet-lite"
    assert shown["weights"]["imagenet"]["license"] == "Apache-2.0"
    fields = environment.json("hyperparameters", "efficientnet_lite1", "--task", "multiclass")["hyperparameters"]
    by_name = {field["name"]: field for field in fields}
    assert by_name["layers_to_freeze"]["maximum"] == 23
    assert by_name["training_crop_size"]["default"] == 240
    assert by_name["drop_connect_rate"]["default"] == 0.2


def test_a_query_runs_nothing_of_it(environment: Any) -> None:
    loaded = set(environment.python(LISTING).split())
    assert loaded.isdisjoint({"torch", "vistry_efficientnet_lite", "efficientnet_lite_pytorch", "numpy"})
    assert not [name for name in loaded if name.endswith("_pytorch_model")]


def test_counts_layers_and_dropped_blocks(environment: Any) -> None:
    found = json.loads(environment.python(BUILDING))
    for name, count in COUNTS.items():
        facts = found[name]
        assert facts["counted"] == facts["declared"] == count
        assert facts["layers"] == (18 if name == "efficientnet_lite0" else 23)
        assert facts["unmatched"] == []
        for parameter, groups in facts["groups of each"].items():
            assert groups == (0 if parameter.startswith("_fc.") else 1), parameter
    assert found["drops"] == [False, True]


def test_its_weights_know_photographs(environment: Any, tmp_path: Path) -> None:
    """With the normalisation of most other networks Lite0 gives the coffee 0.82 and misses the palace."""
    photographs = {"cat": data.chelsea(), "coffee": data.coffee(), "palace": load_sample_image("china.jpg")}
    for name, pixels in photographs.items():
        imsave(tmp_path / f"{name}.png", pixels)
    done = environment.run("python", "-c", RECOGNISING, *map(str, sorted(tmp_path.glob("*.png"))))
    assert done.returncode == 0, done.stderr
    for name, found in json.loads(done.stdout).items():
        assert found["size"] == {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}[name]
        assert found["cat.png"][0] in (281, 282, 285), name  # tabby, tiger cat, Egyptian cat
        assert found["coffee.png"][0] == 967, name  # espresso
        assert found["palace.png"][0] == 698, name
        if name == "efficientnet_lite0":
            assert found["coffee.png"][1] > 0.9
    assert not (environment.folder / "home" / ".cache" / "vistry").exists()


def test_it_trains_freezes_resumes_and_reports(environment: Any, tmp_path: Path) -> None:
    """Slow because it is the whole job on a real network: four short trainings in one process."""
    images = CHECKOUT / "tests" / "frozen" / "digits"
    done = environment.run("python", "-c", TRAINING, str(images), str(tmp_path), OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["calls"] == 2
    assert found["same after resuming"]
    frozen = ("_conv_stem.", "_bn0.", *(f"_blocks.{block}." for block in range(11)))
    kept = {name for name in found["tensors"] if name.startswith(frozen)}
    assert kept <= set(found["unchanged"])
    assert {name for name in found["unchanged"] if name.endswith("weight")} <= kept
    assert found["predicted"] == 12
    assert "accuracy" in found["evaluated"]
    assert found["status"] == ["completed"] * 3
    assert found["normalisation"]["mean"] == pytest.approx([127 / 255] * 3)
    for run in ("whole", "killed", "several"):
        assert "efficientnet_lite0" in (tmp_path / run / "report.html").read_text()


@pytest.mark.long
def test_its_own_tests_pass(environment: Any, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = environment.run("python", "-m", "pytest", "-q", "tests", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout
    assert "vistry-efficientnet-lite: 5 run, 0 skipped, 0 expected to fail; " in done.stdout, done.stdout
    assert "efficientnet_lite0: 16 run, 0 skipped, 0 expected to fail; " in done.stdout, done.stdout


def test_nothing_else_knows_it() -> None:
    folders = [CHECKOUT / "core", *(CHECKOUT / "plugins").iterdir()]
    folders = [folder for folder in folders if folder.name != "timm"]  # it has every network, under timm's own names
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".toml")]
    assert not [path for path in files if "efficientnet" in path.read_text().casefold()]
