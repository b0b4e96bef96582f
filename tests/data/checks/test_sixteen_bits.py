"""What is said of images with 16 bits: faint ones whatever a few hot pixels have, and one way of scaling."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from vistry.data.checks.inspection import inspect_all
from vistry.data.images.decode import load_pixels


def values(top: int, hot: int = 0) -> npt.NDArray[np.uint16]:
    """[40, 48] below `top`, with some pixels at the end of the range."""
    drawn = np.random.default_rng(0).integers(0, top, (40, 48)).astype(np.uint16)
    drawn.reshape(-1)[:hot] = 65_535
    return drawn


def remarks(path: Path) -> tuple[str, ...]:
    [inspection] = inspect_all([str(path)], False, None)
    assert inspection.finding is None
    return inspection.remarks


def write_tiff(path: Path, pixels: npt.NDArray[np.generic], sample_format: int) -> None:
    """A TIFF of one strip with 16 bits a pixel; sample format 1 is unsigned and 2 signed (TIFF 6.0, page 80)."""
    height, width = pixels.shape
    data = pixels.astype("<i2" if sample_format == 2 else "<u2").tobytes()
    shorts = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, height)]
    tags = [(tag, 3, value) for tag, value in shorts] + [(279, 4, len(data)), (339, 3, sample_format)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + directory)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize(
    ("top", "hot", "faint"),
    [(4_096, 0, True), (4_096, 1, True), (1_024, 15, True), (4_096, 60, False), (65_535, 1, False)],
)
def test_faint_grey(tmp_path: Path, name: str, top: int, hot: int, faint: bool) -> None:
    Image.fromarray(values(top, hot)).save(tmp_path / name)
    assert ("image-faint" in remarks(tmp_path / name)) == faint
    if faint:
        assert np.quantile(load_pixels(tmp_path / name), 0.98) <= 16


def test_a_signed_tiff_is_scaled_one_way(tmp_path: Path) -> None:
    write_tiff(tmp_path / "signed.tif", values(4_000).astype(np.int64) - 2_000, 2)
    assert remarks(tmp_path / "signed.tif") == ("image-float",)
    pixels = load_pixels(tmp_path / "signed.tif")
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_an_unsigned_tiff_is_scaled_the_other(tmp_path: Path) -> None:
    write_tiff(tmp_path / "unsigned.tif", values(65_535), 1)
    assert remarks(tmp_path / "unsigned.tif") == ("image-16bit",)
