"""Prediction on a folder against the obvious loop: Pillow, torchvision's transforms and model, fp32, batches.

The same weights and photographs, in turn, medians of pairs. The predictions of both are compared, too:
`python benchmarks/predict_speed.py [resnet50 mobilenetv2] [--pairs 3] [--images 128] [--json]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import vistry
from elsewhere import Elsewhere
from PIL import Image
from torchvision import transforms
from train_speed import BATCH, PEERS, write_photographs
from vistry.runs.checkpoint import read_checkpoint


class Obvious:
    """The loop most people would write."""

    def __init__(self, name: str, weights: Path):
        self.model = PEERS[name](num_classes=2)
        tensors = {key: torch.from_numpy(value) for key, value in read_checkpoint(weights)[0].items()}
        self.model.load_state_dict(tensors)
        self.model.eval()
        self.transform = transforms.Compose(
            [
                transforms.Resize(256),
                transforms.CenterCrop(224),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )

    @torch.no_grad()
    def predict(self, images: list[Path]) -> np.ndarray:
        """[N, 2] probabilities."""
        outputs = []
        for start in range(0, len(images), BATCH):
            batch = [self.transform(Image.open(path).convert("RGB")) for path in images[start : start + BATCH]]
            outputs.append(self.model(torch.stack(batch)).softmax(1))
        return torch.cat(outputs).numpy()


def measure(name: str, folder: Path, runs: Path, pairs: int) -> dict[str, object]:
    """Medians of pairs of passes over the folder."""
    run = vistry.train(
        folder,
        task="multiclass",
        model=name,
        output=runs / name,
        number_of_epochs=1,
        weights="none",
        training_batch_size=BATCH,
        validation_batch_size=BATCH,
    ).run
    images = sorted(folder.rglob("*.jpg"))
    predictor = vistry.load(run.folder)
    ratios, rates = [], []
    with Elsewhere(Obvious, name, run.best_weights) as peer:
        for pair in range(pairs + 1):
            began = time.perf_counter()
            ours = np.stack([prediction.values for prediction in predictor.predict(images)])
            middle = time.perf_counter()
            theirs = peer.call("predict", images)
            ended = time.perf_counter()
            if pair:
                ratios.append((ended - middle) / (middle - began))
                rates.append((len(images) / (middle - began), len(images) / (ended - middle)))
    return {
        "model": name,
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "images_per_second": round(statistics.median(rate for rate, _ in rates), 1),
        "peer_images_per_second": round(statistics.median(rate for _, rate in rates), 1),
        "largest_difference": round(float(np.abs(ours - theirs).max()), 4),
    }


def main() -> None:
    """Print a line a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["resnet50", "mobilenetv2"])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photographs"
        write_photographs(folder, options.images)
        for name in options.models:
            found = measure(name, folder, Path(place) / "runs", options.pairs)
            print(json.dumps(found) if options.json else "  ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
