"""Frames that follow each other are noticed, and pictures that only have numbers are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vistry.data.checks.sequences import sequence_findings
from vistry.data.doctor import examine
from vistry.data.reading import read
from vistry.data.source import ReadingOptions

Build = Callable[..., Path]
TASK = "image_classification"


@pytest.fixture
def frames(tmp_path: Path) -> Build:
    """Two classes of two videos each, ten frames a video: a scene of its own, with a little noise in each frame."""

    def build(name: str = "{video}_{frame:03d}.jpg", noise: float = 4.0, alike: bool = True) -> Path:
        random = np.random.default_rng(0)
        for video in range(4):
            scene = random.integers(0, 256, (8, 8, 3))
            for frame in range(10):
                pixels = scene if alike else random.integers(0, 256, (8, 8, 3))
                noisy = np.clip(pixels + random.normal(0, noise, pixels.shape), 0, 255).astype(np.uint8)
                label = "cat" if video % 2 else "dog"
                path = tmp_path / label / name.format(video=f"v{video}", frame=frame, number=10 * video + frame)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(noisy).resize((32, 32), Image.Resampling.NEAREST).save(path)
        return tmp_path

    return build


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("{video}_{frame:03d}.jpg", "--group-by '{group}_*'"),
        ("site_{video}_{frame}.png", "--group-by '{group}_{group}_*'"),
        ("{video}-{frame}.png", "--group-by '{group}-*'"),
        ("{video}/{frame:04d}.png", "--group-by '{group}/*'"),
        ("IMG{number}.png", "--group-by with a column"),
    ],
)
def test_frames_are_noticed_with_what_to_type(name: str, advice: str, frames: Build) -> None:
    folders = ReadingOptions(format="folders", classes_at=1)
    [finding] = [one for one in examine(frames(name), TASK, folders).findings if one.check == "group-suspected"]
    assert advice in finding.remedy
    assert finding.severity == "warning"
    assert "neighbours such as" in finding.reason


def test_the_pattern_proposed_tells_the_videos_apart(frames: Build) -> None:
    from vistry.data.grouping import grouping_of

    table = read(frames("site_{video}_{frame}.png"), TASK).table
    [finding] = sequence_findings(table)
    assert grouping_of(table, finding.remedy.split("'")[1]).count == 4


def test_numbered_pictures_that_are_not_alike_pass(frames: Build) -> None:
    assert not list(sequence_findings(read(frames(alike=False), TASK).table))


def test_names_without_numbers_pass(frames: Build) -> None:
    root = frames()
    for at, path in enumerate(sorted(root.rglob("*.jpg"))):
        path.rename(path.with_name("".join(chr(97 + int(digit)) for digit in f"{at:02d}") + ".jpg"))
    assert not list(sequence_findings(read(root, TASK).table))


def test_splits_of_the_data_itself_pass(frames: Build) -> None:
    root = frames()
    for split in ("train", "val"):
        for label in ("cat", "dog"):
            (root / split / label).mkdir(parents=True)
    for at, path in enumerate(sorted((*root.glob("cat/*.jpg"), *root.glob("dog/*.jpg")))):
        path.rename(root / ("val" if at % 5 == 0 else "train") / path.parent.name / path.name)
    for label in ("cat", "dog"):
        (root / label).rmdir()
    assert not list(sequence_findings(read(root, TASK).table))


def test_the_handwritten_digits_pass(digits: Path) -> None:
    assert not list(sequence_findings(read(digits, TASK).table))
