"""The README's first run: real handwritten digits, trained from scratch with the commands a user would type."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

DEMO = Path("demo")
HELD_OUT = 5
SWEEP = "--model resnet18,mobilenetv2 --number_of_epochs 9 --time-limit 2m"
TRAINING = "--training_crop_size 32 --validation_crop_size 32 --validation_resize_size 32 --training_batch_size 64"


def write_digits(folder: Path) -> int:
    """scikit-learn's 1,797 digits as PNG files, a folder a class, every fifth image in test/."""
    digits = load_digits()
    for index, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        split = "test" if index % HELD_OUT == 0 else "train"
        path = folder / split / str(digit) / f"{index:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255 / 16).astype(np.uint8)).resize((32, 32)).save(path)
    return len(digits.images)


def vistry(arguments: str) -> None:
    """Show a command, then run it."""
    print(f"\n$ vistry {arguments}", flush=True)
    subprocess.run([sys.executable, "-m", "vistry", *shlex.split(arguments)], check=True)


def main() -> None:
    """Write the data, train, evaluate on images never seen, predict; then search for a better model for two minutes."""
    shutil.rmtree(DEMO, ignore_errors=True)
    count = write_digits(DEMO / "digits")
    print(f"{count} handwritten digits of scikit-learn are in {DEMO}/digits")
    vistry("models --task multiclass --limit 5")
    vistry(
        f"train --task multiclass --model resnet18 --data {DEMO}/digits --output {DEMO}/run "
        f"--weights none --number_of_epochs 20 --learning_rate 0.05 --early_stopping 0 {TRAINING}"
    )
    vistry(f"evaluate {DEMO}/run {DEMO}/digits --split test")
    images = sorted((DEMO / "digits" / "test").glob("*/*.png"))[::60]
    vistry(f"predict {DEMO}/run {' '.join(map(str, images))}")
    vistry(f"sweep --task multiclass --data {DEMO}/digits --output {DEMO}/sweep --weights none {SWEEP} {TRAINING}")
    print(f"\nOpen {DEMO}/run/report.html and {DEMO}/sweep/report.html to look at them.")
    print(f"The weights of the training are in {DEMO}/run/checkpoints/best.safetensors.")


if __name__ == "__main__":
    main()
