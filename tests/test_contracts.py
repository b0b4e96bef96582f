"""The contracts of core are types: breaking one in a copy of the code makes mypy fail at that place.

All breaks are made at once in one copy, since a run of mypy takes most of a minute; each has to be reported in its
own file. `make types` shows that the code without them has no error.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Third parties' types aren't what is tested, and reading torch's takes longer than all the rest.
SETTINGS = """
[mypy]
strict = True
explicit_package_bases = True
warn_unused_ignores = False
disallow_subclassing_any = False
disallow_untyped_decorators = False
warn_return_any = False
[mypy-torch.*,torchvision.*,triton.*,jax.*,flax.*,optax.*,ray.*,optuna.*,onnx.*,onnxruntime.*,onnxscript.*,huggingface_hub.*,pytest.*]
follow_imports = skip
ignore_missing_imports = True
[mypy-mlflow.*,tensorboard.*,sklearn.*,scipy.*,skimage.*,simplejpeg.*,yaml.*,timm.*,pycocotools.*]
ignore_missing_imports = True
"""


@dataclass(frozen=True)
class Break:
    """An edit of one file of core, and the file below `vistry` in which mypy has to report it."""

    what: str
    file: str
    old: str
    new: str
    reported_in: str

    def apply(self, core: Path) -> None:
        path = core / self.file
        text = path.read_text(encoding="utf-8")
        edited, count = re.subn(self.old, self.new, text)
        assert count, f"{self.file} has no {self.old}: adapt this test"
        path.write_text(edited, encoding="utf-8")


BREAKS = [
    Break(
        "a filter of models is given a value of another type",
        "cli/tasks.py",
        r"vistry\.models\(task=task\.name\)",
        "vistry.models(task=3)",
        "cli/tasks.py",
    ),
    Break(
        "a key of an answer is misspelt",
        "registry/cards.py",
        r'"full_name": self\.full_name',
        '"fullname": self.full_name',
        "registry/cards.py",
    ),
    Break(
        "an engine's method is renamed",
        "training/engines/torch/engine.py",
        r"def peak_memory\(",
        "def peak_memry(",
        "training/engines/torch/",
    ),
    Break(
        "two arguments of an engine's method are swapped",
        "training/engines/jax/engine.py",
        r"def accumulate\(self, batch: Batch, share: float, step: int\)",
        "def accumulate(self, batch: Batch, step: int, share: float)",
        "training/engines/jax/",
    ),
    Break(
        "a hook's name is misspelt where it is called",
        "training/model_context.py",
        r"hooks\.vistry_check_hyperparameters",
        "hooks.vistry_chek_hyperparameters",
        "training/model_context.py",
    ),
    Break(
        "a hook's argument is misspelt where it is called",
        "queries.py",
        r"hooks\.vistry_freezing_map, card=card, task=",
        "hooks.vistry_freezing_map, card=card, tsk=",
        "queries.py",
    ),
    Break(
        "a hyperparameter's key is misspelt",
        "training/loop.py",
        r"hyperparameters\.learning_rate\b",
        "hyperparameters.learning_rat",
        "training/loop.py",
    ),
    Break(
        "a function of a reader is renamed",
        "data/readers/csv.py",
        r"def guess_task\(",
        "def gess_task(",
        "data/formats.py",
    ),
    Break(
        "a method of a task is renamed",
        "task/classification.py",
        r"def summary_line\(",
        "def summry_line(",
        "task/",
    ),
    Break(
        "a constant of a task is renamed",
        "task/detection.py",
        r'( +)name(: \w+)? = "image_object_detection"',
        r'\1nme = "image_object_detection"',
        "task/",
    ),
    Break(
        "two arguments of an exporter are swapped",
        "export/onnx_format/writing.py",
        r"def export_onnx\(model: ExportableModel, folder: Path\)",
        "def export_onnx(folder: Path, model: ExportableModel)",
        "export/exporters.py",
    ),
]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What mypy says of core with every break in it, one line an error."""
    folder = tmp_path_factory.mktemp("broken")
    core = folder / "vistry"
    shutil.copytree(ROOT / "core" / "vistry", core, ignore=shutil.ignore_patterns("__pycache__", "template"))
    for one in BREAKS:
        one.apply(core)
    (folder / "mypy.ini").write_text(SETTINGS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "vistry"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.what)
def test_mypy_sees(one: Break, errors: list[str]) -> None:
    assert [line for line in errors if line.startswith(f"vistry/{one.reported_in}") and ": error:" in line], errors


def test_nothing_else_is_reported(errors: list[str]) -> None:
    """The settings above add no errors of their own, which could hide that a break isn't seen."""
    places = tuple(f"vistry/{one.reported_in}" for one in BREAKS)
    assert [line for line in errors if ": error:" in line and not line.startswith(places)] == []
