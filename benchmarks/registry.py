"""What a question to the registry costs: against timm's list of models, and with two hundred plugins installed.

A plugin of 1,500 models in a catalogue file is listed too, beside one without, and with the detectors on its backbones.

Each figure is the median over fresh processes; those that are compared run in turns, in the same minutes. The last part
asks a catalogue that is kept, as a service does, in this process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from zlib import crc32

VISTRY = "import vistry; vistry.models()"
TIMM = "import timm; timm.list_models()"
TIMM_QUESTIONS = """
import time, timm
timm.list_models("*50*")
started = time.process_time()
for number in range(100):
    timm.list_models(f"*{number}*")
print(100 / (time.process_time() - started))
"""
MODEL = """
[models.{name}]
summary = "Synthetic model {name}"
parameters = 11689512
args = {{ block = "basic", layers = [2, 2, 2, 2] }}
"""
WEIGHTS = """weights.imagenet.source = "https://example.org/{name}.pth"
weights.imagenet.sha256 = "f37072fd"
weights.imagenet.license = "BSD-3-Clause"
weights.imagenet.metrics = {{ imagenet1k = {{ top1 = 69.758, top5 = 89.078 }} }}
"""
FAMILY = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "Apache-2.0"
summary = "Synthetic family {name}"
tasks = ["image_classification", "image_classification_multilabel"]
backends = ["torch"]
freeze = [["conv1.", "bn1."], ["layer1."], ["layer2."], ["layer3."], ["layer4."]]
"""

COMPOSITION = """
[composition]
name = "boxes_{backbone}"
summary = "Boxes on {backbone}"
strides = [8, 16, 32]
parameters = 1000
classes = 90
"""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def write_plugin(folder: Path, name: str, models: int, model: str = MODEL) -> None:
    """Lay out a plugin as pip would have installed it."""
    package = f"vistry_{name}"
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text("raise RuntimeError('a query imported a plugin')\n")
    text = FAMILY.format(name=name, package=package)
    names = [f"{name}_{number}" for number in range(models)]
    text += "".join(model.format(name=one, parameters=crc32(one.encode()) % 10**8 + 1) for one in names)
    (folder / package / "plugin.toml").write_text(text)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vistry-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[vistry.plugins]\n{name} = {package}:plugin.toml\n")


def measure(command: list[str], plugins: Path) -> Cost:
    """Run a command with a folder of plugins on its path. Raises CalledProcessError."""
    environment = {**os.environ, "PYTHONPATH": str(plugins)}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=plugins, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def against_timm(folder: Path, pairs: int) -> dict[str, float]:
    """The installed plugins and seven synthetic ones against timm in turns."""
    for number in range(7):
        write_plugin(folder, f"family{number}", 6, MODEL + WEIGHTS)
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(measure([sys.executable, "-c", VISTRY], folder))
        theirs.append(measure([sys.executable, "-c", TIMM], folder))
    return {
        "vistry_cpu_seconds": median(cost.cpu_seconds for cost in ours),
        "timm_cpu_seconds": median(cost.cpu_seconds for cost in theirs),
        "cpu_ratio": median(b.cpu_seconds / a.cpu_seconds for a, b in zip(ours, theirs, strict=True)),
        "vistry_peak_mib": median(cost.peak_mib for cost in ours),
        "timm_peak_mib": median(cost.peak_mib for cost in theirs),
        "memory_ratio": median(b.peak_mib / a.peak_mib for a, b in zip(ours, theirs, strict=True)),
    }


def two_hundred_plugins(folder: Path, repeats: int, model: str = MODEL) -> dict[str, float]:
    """Two hundred plugins of twelve models, listed from Python and by the command line."""
    for number in range(200):
        write_plugin(folder, f"family{number}", 12, model)
    commands = {"python": ["-c", VISTRY], "command_line": ["-m", "vistry", "models", "--json"]}
    found = {
        name: [measure([sys.executable, *arguments], folder) for _ in range(repeats)]
        for name, arguments in commands.items()
    }
    return {
        f"{name}_{kind}_seconds": median(getattr(cost, f"{kind}_seconds") for cost in costs)
        for name, costs in found.items()
        for kind in ("wall", "cpu")
    }


def write_catalogue(folder: Path, models: int) -> None:
    """Lay out a plugin with so many models in a catalogue file, as rich as timm's, and a family of detectors."""
    write_plugin(folder, "many", 0)
    manifest = folder / "vistry_many" / "plugin.toml"
    manifest.write_text(manifest.read_text() + 'catalogue = "models.json"\n')
    maps = {"strides": [4, 8, 16, 32], "frozen_layers": 2}
    content = {
        "catalogue": 1,
        "yields": True,
        "shared": {
            f"kind_{number}": {
                "freeze": [["stem."], *([f"stages.{stage}."] for stage in range(4))],
                "feature_maps": maps,
                "defaults": {"*": {"training_batch_size": 48}, "image_classification": {"learning_rate": 0.01}},
                "restrict": {"training_crop_size": {"minimum": 32, "reason": "its last stage"}},
                "tags": ["convolutional", f"kind_{number}"],
            }
            for number in range(100)
        },
        "shared_weights": {
            "hub": {
                "source": "hub:acme/{model}.{weights}/model.safetensors",
                "license": "Apache-2.0",
                "classes": 1000,
                "class_names": "imagenet1k",
            }
        },
        "models": {
            f"many_{number}": {
                "like": [f"kind_{number % 100}"],
                "summary": f"Synthetic model {number}",
                "parameters": 1_000_000 + number,
                "feature_maps": {"channels": [96, 192, 384, 768], "parameters": 900_000 + number},
                "weights": {
                    tag: {"like": "hub", "metrics": {"imagenet1k": {"top1": 70 + number / 100}}}
                    for tag in ("a1_in1k", "in12k_ft_in1k")[: 1 + number % 2]
                },
            }
            for number in range(models)
        },
    }
    (folder / "vistry_many" / "models.json").write_text(json.dumps(content))
    write_plugin(folder, "boxes", 0)
    boxes = folder / "vistry_boxes" / "plugin.toml"
    boxes.write_text(boxes.read_text() + COMPOSITION)


def catalogue_file(folder: Path, repeats: int) -> dict[str, float]:
    """A plugin of 1,500 models in a catalogue file, in turns with the same plugin of none."""
    folders = {number: folder / str(number) for number in (1500, 0)}
    for models, place in folders.items():
        write_catalogue(place, models)
    list_all = [sys.executable, "-m", "vistry", "models"]
    commands = {"plain": list_all, "detectors": [*list_all, "--backbone", "many_*"], "none": list_all}
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            found[name].append(measure(command, folders[0 if name == "none" else 1500]))
    figures = {f"{name}_cpu_seconds": median(cost.cpu_seconds for cost in costs) for name, costs in found.items()}
    return figures | {f"{name}_peak_mib": median(cost.peak_mib for cost in costs) for name, costs in found.items()}


def questions() -> list[dict[str, Any]]:
    """What a service may be asked: each kind of filter, in a hundred variants so that no answer is remembered."""
    return [
        question
        for number in range(100)
        for question in (
            {"task": "multiclass", "backend": "torch"},
            {"name": f"*{number}*"},
            {"name": f"resnet{number}"},
            {"exclude_license": ["GPL*", f"MIT-{number}"], "max_parameters": 1_000_000 * (number + 1)},
            {"min_parameters": 100_000 * (number + 1), "sort": "-parameters"},
            {"published": f"imagenet1k.top1 >= {number}", "has_weights": True},
            {"allowed_license": ["Apache-2.0", f"MIT-{number}"], "task": "detection"},
            {"input_size": 32 * (number + 1), "stride": 8},
        )
    ]


def kept_catalogue(folder: Path) -> dict[str, float]:
    """Questions a second of processor time to a kept catalogue, and what refreshing it costs where nothing changed.

    Beside them timm's wildcards over its own models, which are the questions that it takes.
    """
    import vistry

    timm = subprocess.run([sys.executable, "-c", TIMM_QUESTIONS], stdout=subprocess.PIPE, check=True, text=True)
    figures = {"timm_wildcards_a_second": float(timm.stdout)}
    for number in range(250):
        write_plugin(folder, f"made_up{number}", 20, MODEL.replace("11689512", "{parameters}") + WEIGHTS)
    for name in ("installed", "made_up"):
        catalogue, asked = vistry.Catalogue.read(), questions()
        for question in asked[: len(asked) // 100]:
            catalogue.models(**question)  # the first of each kind also makes its index
        started = time.process_time()
        for question in asked:
            catalogue.models(**question)
        figures[f"{name}_models"] = len(catalogue.cards)
        figures[f"{name}_questions_a_second"] = len(asked) / (time.process_time() - started)
        started = time.process_time()
        for _ in range(10):
            catalogue = catalogue.refresh()
        figures[f"{name}_refresh_milliseconds"] = (time.process_time() - started) * 100
        sys.path.insert(0, str(folder))
    sys.path.remove(str(folder))
    sys.path.remove(str(folder))
    return figures


def verdicts(
    nine: dict[str, float], many: dict[str, float], kept: dict[str, float], filed: dict[str, float]
) -> dict[str, bool]:
    """Each target, and whether it is met."""
    return {
        "cpu at least 20 times less than timm": nine["cpu_ratio"] >= 20,
        "memory at least 10 times less than timm": nine["memory_ratio"] >= 10,
        "200 plugins from Python in under 0.5 s": many["python_wall_seconds"] < 0.5,
        "200 plugins by the command line in under 0.5 s": many["command_line_wall_seconds"] < 0.5,
        "1,500 models of a catalogue file by the command line in under 0.3 s": filed["plain_cpu_seconds"] < 0.3,
        "and in under 60 MiB": max(filed["plain_peak_mib"], filed["detectors_peak_mib"]) < 60,
        "1,000 questions a second to the installed models": kept["installed_questions_a_second"] >= 1_000,
        "1,000 questions a second to 5,000 models": kept["made_up_questions_a_second"] >= 1_000,
    }


def main() -> int:
    """Measure, print, and exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="processes for each figure")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nine = against_timm(Path(folder, "nine"), arguments.pairs)
        many = two_hundred_plugins(Path(folder, "many"), arguments.pairs + 2)
        rich = two_hundred_plugins(Path(folder, "rich"), arguments.pairs, MODEL + WEIGHTS)
        filed = catalogue_file(Path(folder, "filed"), arguments.pairs)
        kept = kept_catalogue(Path(folder, "kept"))
    met = verdicts(nine, many, kept, filed)
    if arguments.json:
        print(
            json.dumps(
                {
                    "schema": 1,
                    "nine_plugins": nine,
                    "two_hundred_plugins": many,
                    "with_published_weights": rich,
                    "catalogue_file": filed,
                    "kept_catalogue": kept,
                    "targets": met,
                },
                indent=2,
            )
        )
    else:
        for title, figures in (
            ("the installed plugins and seven more against timm", nine),
            ("two hundred plugins of twelve models", many),
            ("the same with published weights for every model, twice the text", rich),
            ("1,500 models in a catalogue file", filed),
            ("a catalogue that is kept", kept),
        ):
            print(title)
            for name, value in figures.items():
                print(f"  {name:31} {value:10.3f}")
        for name, is_met in met.items():
            print(f"{'met ' if is_met else 'MISSED'}  {name}")
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
