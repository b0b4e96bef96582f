"""Read, check and split a COCO file as large as COCO's own training set; beside it, json.load and a list a column.

    python benchmarks/read_coco.py [--images 118000] [--annotations 860000]

Synthetic: boxes of COCO's sizes, polygons of 8 to 38 points, one crowd in a hundred as run lengths. Each program runs
in a process of its own and prints one JSON line: seconds and peak resident memory. The image files exist and are empty:
nothing opens them, but each folder is listed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

LIMIT_SECONDS = 30
LIMIT_GIGABYTES = 2.0
WIDTH, HEIGHT = 640, 480
CLASSES = 80
DISTINCT = 20_000
TASKS = ("detection", "segmentation")


def write_images(folder: Path, count: int) -> list[str]:
    """Write empty image files and return their names."""
    (folder / "train2017").mkdir()
    names = [f"{number:012d}.jpg" for number in range(count)]
    for name in names:
        (folder / "train2017" / name).touch()
    return names


def write_coco(path: Path, names: list[str], annotations: int) -> None:
    """Write the annotation file piece by piece."""
    path.parent.mkdir()
    images = (
        json.dumps({"license": 4, "file_name": name, "height": HEIGHT, "width": WIDTH, "id": number})
        for number, name in enumerate(names)
    )
    categories = (json.dumps({"id": number, "name": f"thing {number:02d}"}) for number in range(CLASSES))
    members = {"images": images, "annotations": some(annotations, len(names)), "categories": categories}
    with path.open("w", encoding="utf-8") as file:
        file.write('{"info": {"year": 2017}')
        for key, values in members.items():
            file.write(f', "{key}": [')
            file.writelines((", " if position else "") + value for position, value in enumerate(values))
            file.write("]")
        file.write("}")


def some(count: int, images: int) -> Iterator[str]:
    """Annotations that repeat every DISTINCT ones, on images drawn at random."""
    random = np.random.default_rng(0)
    texts = [json.dumps(one(random, number))[:-1] for number in range(min(count, DISTINCT))]
    for number, image in enumerate(random.integers(images, size=count).tolist()):
        yield f'{texts[number % DISTINCT]}, "image_id": {image}, "id": {number}}}'


def one(random: np.random.Generator, number: int) -> dict[str, object]:
    width, height = random.uniform(8, 300), random.uniform(8, 230)
    x, y = random.uniform(0, WIDTH - width), random.uniform(0, HEIGHT - height)
    crowd = number % 100 == 0
    corners = 2 * int(random.integers(4, 20))
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    circle = random.uniform(0.7, 1, (corners, 1)) * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    points = np.array([x, y]) + (1 + circle) * (width / 2, height / 2)
    runs = {"counts": [WIDTH * HEIGHT // 2, 100, WIDTH * HEIGHT // 2 - 100], "size": [HEIGHT, WIDTH]}
    return {
        "segmentation": runs if crowd else [points.round(2).reshape(-1).tolist()],
        "area": round(width * height * 0.7, 4),
        "iscrowd": int(crowd),
        "bbox": [round(value, 2) for value in (x, y, width, height)],
        "category_id": number % CLASSES,
    }


def read_with_vistry(folder: Path, task: str) -> dict[str, object]:
    from vistry.data.doctor import examine
    from vistry.data.splits import split
    from vistry.registry.tasks import task_named

    name = task_named(task).name
    diagnosis = examine(folder, name, pixels="none")
    train, validation = split(diagnosis.table, name, groups=diagnosis.groups)
    objects = len(diagnosis.table.labels)
    return {"train": len(train), "validation": len(validation), "objects": objects, "findings": len(diagnosis.findings)}


def read_with_json_load(folder: Path, task: str) -> dict[str, object]:  # noqa: ARG001
    with (folder / "annotations" / "instances_train2017.json").open(encoding="utf-8") as file:
        content = json.load(file)
    boxes = np.array([annotation["bbox"] for annotation in content["annotations"]], dtype=np.float32)
    by_image: dict[int, list[int]] = {image["id"]: [] for image in content["images"]}
    for position, annotation in enumerate(content["annotations"]):
        by_image[annotation["image_id"]].append(position)
    return {"images": len(by_image), "objects": len(boxes)}


PROGRAMS: dict[str, Callable[[Path, str], dict[str, object]]] = {
    "vistry": read_with_vistry,
    "json.load": read_with_json_load,
}


def measure(program: str, folder: Path, task: str) -> dict[str, object]:
    """Seconds and peak gigabytes of one program in this process."""
    start = time.perf_counter()
    result = PROGRAMS[program](folder, task)
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"program": program, "seconds": round(seconds, 2), "peak_gb": round(gigabytes, 3), **result}


def run_apart(program: str, folder: Path, task: str) -> dict[str, object]:
    """`measure` in a fresh process, so that each peak is its own."""
    command = [sys.executable, __file__, "--task", task, "--program", program, "--data", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, object] = json.loads(output)
    return result


def compare(folder: Path, task: str) -> bool:
    """Print a line for each program; whether ours keeps the limits."""
    results = {program: run_apart(program, folder, task) for program in PROGRAMS}
    for result in results.values():
        print(json.dumps({"task": task, **result}), flush=True)
    ours = results["vistry"]
    return float(str(ours["seconds"])) < LIMIT_SECONDS and float(str(ours["peak_gb"])) < LIMIT_GIGABYTES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--annotations", type=int, default=860_000)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        print(json.dumps(measure(options.program, options.data, options.task)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = write_images(folder, options.images)
        path = folder / "annotations" / "instances_train2017.json"
        write_coco(path, names, options.annotations)
        print(json.dumps({"images": options.images, "annotations": options.annotations, "bytes": path.stat().st_size}))
        within_limits = [compare(folder, task) for task in TASKS]
    return 0 if all(within_limits) else 1


if __name__ == "__main__":
    sys.exit(main())
