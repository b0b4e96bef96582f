"""Training throughput against the obvious loop: torchvision's model, a DataLoader, Pillow, fp32.

The same photographs, batch size, optimiser and augmentation, epochs in turn, medians of pairs:
`python benchmarks/train_speed.py resnet50 mobilenetv2 [--pairs 3] [--images 64] [--json]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torchvision
import vistry
from elsewhere import Elsewhere
from PIL import Image
from skimage import data
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

BATCH = 16
PEERS = {"resnet50": torchvision.models.resnet50, "mobilenetv2": torchvision.models.mobilenet_v2}


def write_photographs(folder: Path, images: int) -> None:
    """Crops of scikit-image's photographs as JPEG files of 500x375, two classes."""
    sources = {"astronaut": data.astronaut(), "coffee": data.coffee()}
    random = np.random.default_rng(0)
    for name, pixels in sources.items():
        (folder / name).mkdir(parents=True)
        for index in range(images // 2):
            top, left = random.integers(0, 100, 2)
            crop = Image.fromarray(pixels).crop((left, top, left + 380, top + 285)).resize((500, 375))
            crop.save(folder / name / f"{index}.jpg", quality=90)


class Obvious:
    """The loop most people would write."""

    def __init__(self, name: str, folder: Path):
        augment = transforms.Compose(
            [
                transforms.RandomResizedCrop(224),
                transforms.RandomHorizontalFlip(),
                transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.4)]),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )
        self.loader = DataLoader(
            ImageFolder(folder, augment), BATCH, shuffle=True, num_workers=2, persistent_workers=True
        )
        self.model = PEERS[name](num_classes=2)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.001, momentum=0.9, nesterov=True, weight_decay=1e-4
        )

    def epoch(self) -> float:
        """Seconds of one epoch."""
        self.model.train()
        began = time.perf_counter()
        for images, targets in self.loader:
            loss = torch.nn.functional.cross_entropy(self.model(images), targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return time.perf_counter() - began


def ours(name: str, folder: Path, runs: Path, epochs: int) -> Iterator[float]:
    """Images a second in each epoch of one Vistry run, without its evaluation."""
    result = vistry.train(
        folder,
        task="multiclass",
        model=name,
        validation_size=0.05,
        output=runs / f"{name}-{time.time_ns()}",
        number_of_epochs=epochs,
        weights="none",
        training_batch_size=BATCH,
        learning_rate=0.001,
        evaluation_frequency=epochs,
        early_stopping=0,
    )
    for entry in result.run.history():
        yield result.run.record.data.training_images / entry.train_seconds


def measure(name: str, folder: Path, runs: Path, images: int, pairs: int) -> dict[str, object]:
    """Medians of pairs: a run of two epochs of ours, whose second counts, then an epoch of the peer."""
    ratios, rates = [], []
    with Elsewhere(Obvious, name, folder) as peer:
        peer.call("epoch")
        for _ in range(pairs):
            mine = list(ours(name, folder, runs, 2))[-1]
            theirs = images / peer.call("epoch")
            ratios.append(mine / theirs)
            rates.append((mine, theirs))
    return {
        "model": name,
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "images_per_second": round(statistics.median(rate for rate, _ in rates), 1),
        "peer_images_per_second": round(statistics.median(rate for _, rate in rates), 1),
    }


def main() -> None:
    """Print a line a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["resnet50", "mobilenetv2"])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photographs"
        write_photographs(folder, options.images)
        for name in options.models:
            found = measure(name, folder, Path(place) / "runs", options.images, options.pairs)
            print(json.dumps(found) if options.json else "  ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
