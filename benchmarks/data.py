"""Plan a training on a data set as large as COCO's own; beside it, the loaders of pycocotools and supervision.

    python benchmarks/data.py [--images 118000] [--boxes 860000] [--rounds 3] [--peers PYTHON]

Vistry reads the annotations, finds every image, checks all boxes and splits the rows; the peers read the annotations.
`plan` is what `vistry train` does before it trains: it opens each image, too, for its header and both its ends, and
looks for duplicates. The index of the data folder, which every reader looks images up in, is measured by itself.

Synthetic: boxes of COCO's sizes without masks, which supervision would draw, and grey JPEG files of 640 x 480 pixels,
each with its own bytes. Each program runs in a process of its own and says its seconds, those of the processor, which a
busy machine changes less, and its peak resident memory. PYTHON is an interpreter that has the peers, where Vistry's
hasn't; one that is missing is passed over.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

INDEX_SECONDS, INDEX_GIGABYTES = 5.0, 0.3
WIDTH, HEIGHT, CLASSES = 640, 480, 80
TASK = "image_object_detection"
ANNOTATIONS = "annotations/instances_train2017.json"
IMAGES = "train2017"
Result = dict[str, float]


def write_images(folder: Path, count: int) -> list[str]:
    """Write image files that differ by a comment, and return their names."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (WIDTH, HEIGHT), 128).save(stream, "JPEG", optimize=True)
    start, rest = stream.getvalue()[:2], stream.getvalue()[2:]
    folder.mkdir()
    names = [f"{number:012d}.jpg" for number in range(count)]
    for name in names:
        comment = name.encode()
        (folder / name).write_bytes(start + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + rest)
    return names


def write_annotations(path: Path, names: list[str], boxes: int) -> None:
    """Write COCO's JSON piece by piece."""
    random = np.random.default_rng(0)
    path.parent.mkdir()
    lists = {
        "images": (
            {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT} for number, name in enumerate(names)
        ),
        "annotations": (annotation(random, number, len(names)) for number in range(boxes)),
        "categories": ({"id": number, "name": f"thing {number:02d}"} for number in range(CLASSES)),
    }
    with path.open("w", encoding="utf-8") as file:
        file.write('{"info": {"year": 2017}')
        for key, entries in lists.items():
            file.write(f', "{key}": [')
            file.writelines((", " if at else "") + json.dumps(entry) for at, entry in enumerate(entries))
            file.write("]")
        file.write("}")


def annotation(random: np.random.Generator, number: int, images: int) -> dict[str, object]:
    left, top, across, down = random.random(4).tolist()
    width, height = round(8 + 292 * across, 2), round(8 + 222 * down, 2)
    box = [round((WIDTH - width) * left, 2), round((HEIGHT - height) * top, 2), width, height]
    where = {"id": number, "image_id": number % images, "category_id": number % CLASSES}
    return {**where, "bbox": box, "area": round(width * height, 4), "segmentation": [], "iscrowd": 0}


def plan_with_vistry(folder: Path) -> int:
    return _plan(folder, "header")


def read_with_vistry(folder: Path) -> int:
    return _plan(folder, "none")


def _plan(folder: Path, pixels: Literal["none", "header"]) -> int:
    from vistry.data.doctor import examine
    from vistry.data.splits import split

    diagnosis = examine(folder, TASK, pixels=pixels)
    training, validation = split(diagnosis.table, TASK, groups=diagnosis.groups)
    assert len(training) + len(validation) == len(diagnosis.table)
    return len(diagnosis.table.labels)


def load_with_pycocotools(folder: Path) -> int:
    from pycocotools.coco import COCO

    return len(COCO(str(folder / ANNOTATIONS)).anns)


def load_with_supervision(folder: Path) -> int:
    import supervision

    loaded = supervision.DetectionDataset.from_coco(str(folder / IMAGES), str(folder / ANNOTATIONS))
    return sum(map(len, loaded.annotations.values()))


def index_with_vistry(folder: Path) -> int:
    from vistry.data.index import FolderIndex

    return len(FolderIndex.of(folder).images)


PROGRAMS: dict[str, Callable[[Path], int]] = {
    "plan": plan_with_vistry,
    "vistry": read_with_vistry,
    "pycocotools": load_with_pycocotools,
    "supervision": load_with_supervision,
    "index": index_with_vistry,
}
MODULES = {"index": ("vistry.data.index",), **dict.fromkeys(("plan", "vistry"), ("vistry.data.doctor",))}
PEERS = ("pycocotools", "supervision")


def measure(program: str, folder: Path) -> Result:
    """Seconds and peak gigabytes of one program in this process, imports left out of the time."""
    for name in MODULES.get(program, (program,)):
        __import__(name)
    start, cpu = time.perf_counter(), time.process_time()
    count = PROGRAMS[program](folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "peak_gb": round(gigabytes, 3), "count": count}


def run_apart(python: str, program: str, folder: Path) -> Result:
    """`measure` in a fresh process, so that each peak is its own."""
    command = [python, __file__, "--program", program, "--data", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: Result = json.loads(output.splitlines()[-1])  # a peer prints what it does
    return result


def medians(results: list[Result]) -> Result:
    return {name: round(statistics.median(result[name] for result in results), 3) for name in results[0]}


def available(python: str, program: str) -> bool:
    return subprocess.run([python, "-c", f"import {program}"], capture_output=True, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--boxes", type=int, default=860_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        print(json.dumps(measure(options.program, options.data)))
        return 0
    peers = [peer for peer in PEERS if available(options.peers, peer)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = write_images(folder / IMAGES, options.images)
        write_annotations(folder / ANNOTATIONS, names, options.boxes)
        rounds: dict[str, list[Result]] = {program: [] for program in ("vistry", *peers, "plan", "index")}
        for _ in range(options.rounds):
            for program, results in rounds.items():
                results.append(run_apart(options.peers if program in peers else sys.executable, program, folder))
                print(json.dumps({"program": program, **results[-1]}), flush=True)
    found = {program: medians(results) for program, results in rounds.items()}
    ours, index = found["vistry"], found["index"]
    for program, result in found.items():
        ratios = {
            f"vistry_over_{key}": round(ours[key] / result[key], 2) for key in ("seconds", "cpu_seconds", "peak_gb")
        }
        print(json.dumps({"program": program, "median": result, **(ratios if program in peers else {})}))
    ahead = all(ours[key] < found[peer][key] for peer in peers for key in ("seconds", "peak_gb"))
    within = index["seconds"] < INDEX_SECONDS and index["peak_gb"] < INDEX_GIGABYTES
    return 0 if ahead and within else 1


if __name__ == "__main__":
    sys.exit(main())
