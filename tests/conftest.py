"""Fixtures that the tests of several rooms share."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pycocotools import mask as coco
from sklearn.datasets import load_digits
from vistry.data.table import SPLITS, UNASSIGNED, Table
from vistry.evaluation.detection.types import Detections

from tests.weights.hub_server import Hub, hub_of

Photo = Callable[..., Path]
MANIFEST = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification"]
backends = ["torch"]

[models.{model}]
summary = "A model for tests"
parameters = 10
"""
HOOKS = """from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model(num_classes):
    import torch

    return torch.nn.Linear(1, num_classes)
"""
TINY = Path(__file__).parent / "tiny_plugin"


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's handwritten digits 0 to 3 as 16 pixel PNG files, a folder a class, 16 images each."""
    root = tmp_path_factory.mktemp("digits")
    found = load_digits()
    for digit in range(4):
        folder = root / f"digit{digit}"
        folder.mkdir()
        for index, image in enumerate(found.images[found.target == digit][:16]):
            pixels = (image * 15.9).astype(np.uint8)
            Image.fromarray(pixels).resize((16, 16)).save(folder / f"{index:02d}.png")
    return root


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """Write an image of noise below the test's folder; the same seed gives the same bytes."""

    def write(name: str, seed: int = 0, size: tuple[int, int] = (24, 20), **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write


@pytest.fixture
def class_folders(tmp_path: Path, photo: Photo) -> Path:
    """Two classes of twelve distinct images."""
    for seed in range(24):
        photo(f"{'cat' if seed % 2 else 'dog'}/{seed:02d}.jpg", seed)
    return tmp_path


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write rows, as (image_url, label) pairs or raw text, into a JSON Lines file."""

    def write(*rows: tuple[str, Any] | str, name: str = "data.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{as_line(row)}\n" for row in rows), encoding="utf-8")
        return path

    return write


def as_line(row: tuple[str, Any] | str) -> str:
    return row if isinstance(row, str) else json.dumps({"image_url": row[0], "label": row[1]})


@pytest.fixture
def table_of() -> Callable[..., Table]:
    """A table in memory: one list of class indices a row, and a split a row if not unassigned."""

    def build(labels: Iterable[Iterable[int]], splits: Iterable[str] | None = None, classes: int = 0) -> Table:
        rows = [list(row) for row in labels]
        flat = [label for row in rows for label in row]
        count = max([classes, *(label + 1 for label in flat)])
        assigned = [UNASSIGNED] * len(rows) if splits is None else [SPLITS.index(name) for name in splits]
        return Table(
            root=Path("/data"),
            format="jsonl",
            classes=tuple(f"c{at}" for at in range(count)),
            images=[f"/data/{at}.jpg" for at in range(len(rows))],
            label_starts=np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64),
            labels=np.array(flat, dtype=np.int32),
            split=np.array(assigned, dtype=np.int8),
            files=(Path("/data/a.jsonl"),),
            file_of=np.zeros(len(rows), dtype=np.int32),
            lines=np.arange(1, len(rows) + 1, dtype=np.int32),
        )

    return build


def make_detections(
    boxes: Sequence[Sequence[float]],
    scores: Sequence[float],
    labels: Sequence[int],
    masks: Sequence[npt.NDArray[np.bool_]] | None = None,
) -> Detections:
    encoded = None if masks is None else [coco.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(corners, np.array(scores, np.float32), np.array(labels, np.int64), encoded)


@pytest.fixture
def detections() -> Callable[..., Detections]:
    """Boxes, scores, labels and masks [H, W] to Detections."""
    return make_detections


@pytest.fixture
def no_policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's registry.toml, and an empty folder to work in."""
    for name in list(os.environ):
        if name.startswith("VISTRY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("vistry_") and str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def lay_out(site: Path) -> Callable[..., Path]:
    """Lay out a plugin as pip would have installed it; gives the folder of its package."""

    def lay_out_plugin(
        name: str,
        *,
        model: str = "",
        distribution: str = "",
        manifest: str = MANIFEST,
        more: str = "",
        hooks: str = HOOKS,
        entry_points: str = "",
    ) -> Path:
        package = f"vistry_{distribution.replace('-', '_') or name}"
        distribution = distribution or f"vistry-{name}"
        folder = site / package
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "hooks.py").write_text(hooks)
        text = manifest.replace("{package}", package).replace("{model}", model or f"{name}net")
        (folder / "plugin.toml").write_text(text + more)
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n\nName: not this\n")
        entry = entry_points or f"[vistry.plugins]\n{name} = {package}:plugin.toml\n"
        (info / "entry_points.txt").write_text(entry)
        return folder

    return lay_out_plugin


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights, `weights`, and the hub's, `hub`, of a machine that may use the network."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VISTRY_OFFLINE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "caches"
    monkeypatch.setenv("VISTRY_WEIGHTS", str(folder / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(folder / "hub"))
    return folder


@pytest.fixture
def hub(caches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub without repositories, which is a folder of the test's; HF_ENDPOINT names it."""
    folder = tmp_path / "hub"
    folder.mkdir()
    with hub_of(folder) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


@pytest.fixture(scope="module")
def tiny_plugin() -> Iterator[None]:
    """The tiny plugin, found by discovery in this process and in those it starts."""
    sys.path.insert(0, str(TINY))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TINY), *([before] if before else [])])
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(TINY))
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def extras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example of a plugin without models, as pip would have installed it; gives its package."""
    example = Path(__file__).parents[1] / "examples" / "vistry-extras"
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("extras")
    info = site / f"vistry_extras-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    entries = project["entry-points"]["vistry.plugins"]
    (info / "entry_points.txt").write_text(
        "".join(["[vistry.plugins]\n", *(f"{k} = {v}\n" for k, v in entries.items())])
    )
    added = [str(site), str(example)]
    sys.path[:0] = added
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*added, *([before] if before else [])])
    importlib.invalidate_caches()
    yield example / "vistry_extras"
    for path in added:
        sys.path.remove(path)
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
