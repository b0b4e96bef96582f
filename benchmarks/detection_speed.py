"""Training and prediction of detectors against torchvision's own: its model, resize and loop, fp32, the same weights.

The same photographs with drawn discs on them, in turn, medians of pairs:
`python benchmarks/detection_speed.py [--models fasterrcnn_resnet18_fpn maskrcnn_resnet18_fpn] [--train-side 320]
[--predict-side 800] [--images 8] [--pairs 3] [--json]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import vistry
from elsewhere import Elsewhere
from PIL import Image, ImageDraw
from skimage import data, measure
from torch.utils.data import DataLoader, Dataset
from torchvision.models import detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.transforms.functional import to_tensor
from vistry.inference.load import load

BATCH = 2
CLASSES = 2
WIDTH, HEIGHT = 800, 600


def write_discs(folder: Path, images: int) -> Path:
    """Crops of scikit-image's photographs with twelve discs of two colours, as JSON Lines with polygons."""
    folder.mkdir()
    random = np.random.default_rng(0)
    photograph = Image.fromarray(data.astronaut()).resize((1024, 1024))
    lines = []
    for index in range(images):
        left, top = random.integers(0, 200, 2).tolist()
        image = photograph.crop((left, top, left + WIDTH, top + HEIGHT))
        pen, labels = ImageDraw.Draw(image), []
        for _ in range(12):
            kind, radius = int(random.integers(CLASSES)), int(random.integers(20, 60))
            x, y = int(random.integers(radius, WIDTH - radius)), int(random.integers(radius, HEIGHT - radius))
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=((230, 60, 40), (40, 90, 230))[kind])
            turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            ring = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1) / [WIDTH, HEIGHT]
            labels.append({"label": "ab"[kind], "isCrowd": 0, "polygon": [ring.clip(0, 1).reshape(-1).tolist()]})
        image.save(folder / f"{index}.jpg", quality=92)
        lines.append(json.dumps({"image_url": f"{index}.jpg", "label": labels}))
    path = folder / "data.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


class Discs(Dataset):  # type: ignore[misc]
    """The same files as torchvision's reference scripts would read them."""

    def __init__(self, path: Path, with_masks: bool):
        self.rows = [json.loads(line) for line in path.read_text().splitlines()]
        self.folder, self.with_masks = path.parent, with_masks

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        row = self.rows[index]
        image = Image.open(self.folder / row["image_url"]).convert("RGB")
        boxes, masks = [], []
        for label in row["label"]:
            ring = np.array(label["polygon"][0]).reshape(-1, 2) * [WIDTH, HEIGHT]
            boxes.append([*ring.min(axis=0), *ring.max(axis=0)])
            if self.with_masks:
                mask = Image.new("1", (WIDTH, HEIGHT))
                ImageDraw.Draw(mask).polygon([tuple(point) for point in ring], fill=1)
                masks.append(np.asarray(mask))
        target = {
            "boxes": torch.tensor(np.array(boxes), dtype=torch.float32),
            "labels": torch.tensor(["ab".index(label["label"]) + 1 for label in row["label"]]),
        }
        if self.with_masks:
            target["masks"] = torch.from_numpy(np.stack(masks).astype(np.uint8))
        pixels = to_tensor(image)
        if np.random.default_rng(index).random() < 0.5:
            pixels = pixels.flip(-1)
            target["boxes"][:, [0, 2]] = WIDTH - target["boxes"][:, [2, 0]]
            if self.with_masks:
                target["masks"] = target["masks"].flip(-1)
        return pixels, target


def images_and_targets(batch: list[Any]) -> tuple[Any, ...]:
    """TrainingDataset of different sizes as a list of images and one of targets."""
    return tuple(zip(*batch, strict=True))


class Torchvision:
    """torchvision's model in the loop of its reference scripts."""

    def __init__(self, name: str, weights: Path, path: Path, train_side: int, predict_side: int):
        from safetensors.torch import load_file

        self.with_masks = name.startswith("maskrcnn")
        kind = detection.MaskRCNN if self.with_masks else detection.FasterRCNN
        backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=3)
        self.model = kind(backbone, CLASSES + 1, min_size=train_side, max_size=2 * train_side, box_score_thresh=0.01)
        self.model.load_state_dict(load_file(weights))
        self.predict_side = predict_side
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=0.0001, momentum=0.9, weight_decay=1e-4, nesterov=True)
        self.loader = DataLoader(
            Discs(path, self.with_masks),
            BATCH,
            shuffle=True,
            num_workers=2,
            persistent_workers=True,
            collate_fn=images_and_targets,
        )

    def epoch(self) -> float:
        """Seconds of one epoch."""
        self.model.train()
        began = time.perf_counter()
        for images, targets in self.loader:
            loss = sum(self.model(list(images), list(targets)).values())
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return time.perf_counter() - began

    @torch.no_grad()
    def predict(self, paths: list[Path]) -> float:
        """Seconds for boxes of every image, and with masks their contours on full masks."""
        self.model.eval()
        self.model.transform.min_size, self.model.transform.max_size = (self.predict_side,), 1333
        began = time.perf_counter()
        for path in paths:
            [found] = self.model([to_tensor(Image.open(path).convert("RGB"))])
            if self.with_masks:
                for mask in (found["masks"][:, 0] > 0.5).numpy():
                    contours = measure.find_contours(np.pad(mask, 1).astype(float), 0.5)
                    [measure.approximate_polygon(contour, 1.0) for contour in contours]
        return time.perf_counter() - began


def measure_model(name: str, place: Path, options: argparse.Namespace) -> dict[str, object]:
    """Medians of pairs: the second epoch of a run of ours and an epoch of the peer; then prediction."""
    task = "segmentation" if name.startswith("maskrcnn") else "detection"
    path = write_discs(place / name, options.images + 2)
    other = write_discs(place / f"{name}-validation", 2)
    start = place / f"{name}.safetensors"
    module = vistry.create(name, task=task, num_classes=CLASSES, hyperparameters={"backbone_norm": "frozen"})
    from vistry.runs.checkpoint import write_checkpoint
    from vistry.training.engines.torch.module import arrays_of

    write_checkpoint(start, arrays_of(module), {})
    paths = sorted((place / name).glob("*.jpg"))[:4]
    training, predicting = [], []
    with Elsewhere(Torchvision, name, start, path, options.train_side, options.predict_side) as peer:
        peer.call("epoch")
        for pair in range(options.pairs):
            result = vistry.train(
                path,
                task=task,
                model=name,
                validation=other,
                output=place / f"{name}-run{pair}",
                weights=str(start),
                number_of_epochs=2,
                evaluation_frequency=2,
                training_batch_size=BATCH,
                learning_rate=0.0001,
                min_size=options.train_side,
                max_size=2 * options.train_side,
            )
            training.append(peer.call("epoch") / result.run.history()[-1].train_seconds)
        predictor = load(result.run.folder, min_size=options.predict_side, max_size=1333, box_score_threshold=0.01)
        for pair in range(options.pairs + 1):
            theirs = peer.call("predict", paths)
            began = time.perf_counter()
            answers = [predictor.respond(prediction) for prediction in predictor.predict(paths)]
            seconds = time.perf_counter() - began
            if pair:
                predicting.append(theirs / seconds)
    return {
        "model": name,
        "training_ratio": round(statistics.median(training), 2),
        "training_ratios": [round(ratio, 2) for ratio in training],
        "prediction_ratio": round(statistics.median(predicting), 2),
        "prediction_ratios": [round(ratio, 2) for ratio in predicting],
        "boxes_an_image": round(statistics.mean(len(answer["boxes"]) for answer in answers), 1),
    }


def main() -> None:
    """Print a line a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=["fasterrcnn_resnet18_fpn", "maskrcnn_resnet18_fpn"])
    parser.add_argument("--train-side", type=int, default=320)
    parser.add_argument("--predict-side", type=int, default=800)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for name in options.models:
            found = measure_model(name, Path(place), options)
            print(json.dumps(found) if options.json else "  ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
