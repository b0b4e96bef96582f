"""The preprocessing inside a file makes the pixels that prediction makes of an image, whatever its size."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from vistry.export.onnx_format.detection import detections_in_images, letterboxed_images, resized_images
from vistry.export.onnx_format.preprocessing import centre_crop
from vistry.loading.augmentation import ValidationCrop
from vistry.loading.detection.augmentation import resized_size
from vistry.loading.detection.views import Letterbox
from vistry.registry.manifest import PreprocessingSpec

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISATION = PreprocessingSpec(mean=MEAN, std=STD)


def grey_levels(graph: onnx.ModelProto, images: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """[N, H, W, 3]: what a graph makes of images, as grey levels again; and its other outputs."""
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, {"images": images}), strict=True))
    pixels = outputs.pop("pixels").transpose(0, 2, 3, 1)
    return 255 * (pixels * np.float32(STD) + np.float32(MEAN)), outputs


def prepared(resize: int, crop: int, images: np.ndarray) -> np.ndarray:
    """[N, crop, crop, 3]: what the graph makes of images, as grey levels again."""
    graph = centre_crop(resize, crop, NORMALISATION, opset=20, ir_version=10)
    levels, _ = grey_levels(graph, images)
    assert levels.shape == (len(images), crop, crop, 3)
    return levels


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    sides=st.tuples(st.integers(1, 80), st.integers(0, 40)),
    seed=st.integers(0, 99),
)
def test_no_grey_level_is_off_by_more_than_two(size: tuple[int, int], sides: tuple[int, int], seed: int) -> None:
    crop, margin = sides
    images = np.random.default_rng(seed).integers(0, 256, (2, *size, 3), np.uint8)
    expected = [ValidationCrop(crop + margin, crop).of_image(Image.fromarray(image)) for image in images]
    assert np.abs(prepared(crop + margin, crop, images) - np.stack(expected)).max() < 2.5


@pytest.mark.parametrize("size", [(37, 64), (64, 37), (500, 333), (24, 24)])
def test_a_picture_with_shapes_is_the_same_but_for_roundings(size: tuple[int, int]) -> None:
    down, across = np.mgrid[: size[0], : size[1]]
    image = np.stack([down * 3 % 256, across * 5 % 256, (down + across) // 2 % 256], axis=-1).astype(np.uint8)
    expected = ValidationCrop(32, 24).of_image(Image.fromarray(image))
    apart = np.abs(prepared(32, 24, image[None])[0] - expected)
    assert apart.max() < 1.5
    assert (apart > 0.5).mean() < 0.5


@settings(max_examples=20, deadline=None)
@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)), limits=st.tuples(st.integers(8, 80), st.integers(0, 50))
)
def test_a_detectors_image_has_its_size_to_the_pixel(size: tuple[int, int], limits: tuple[int, int]) -> None:
    min_size, max_size = limits[0], limits[0] + limits[1]
    images = np.random.default_rng(sum(size)).integers(0, 256, (2, *size, 3), np.uint8)
    levels, outputs = grey_levels(resized_images((min_size, max_size), NORMALISATION, opset=20, ir_version=10), images)
    width, height = resized_size(size[1], size[0], min_size, max_size=max_size)
    assert outputs["sizes"].tolist() == [[height, width]] * 2
    assert levels.shape == (2, -(-height // 32) * 32, -(-width // 32) * 32, 3)
    expected = [
        np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)) for image in images
    ]
    assert np.abs(levels[:, :height, :width] - np.stack(expected)).max() < 2.5
    beyond = [levels[:, height:], levels[:, :, width:]]  # where a network is given 0, which is the mean
    assert all(np.allclose(part, 255 * np.float32(MEAN), atol=1e-3) for part in beyond)
    np.testing.assert_allclose(outputs["ratio"], [size[1] / width, size[0] / height] * 2, rtol=1e-6)
    assert outputs["limits"].tolist() == [size[1], size[0]] * 2


@settings(max_examples=20, deadline=None)
@given(size=st.tuples(st.integers(1, 200), st.integers(1, 200)), side=st.integers(1, 4))
def test_a_letterbox_has_its_margins_to_the_pixel(size: tuple[int, int], side: int) -> None:
    images = np.random.default_rng(sum(size)).integers(0, 256, (2, *size, 3), np.uint8)
    square = Letterbox(32 * side, grey=114)
    levels, outputs = grey_levels(letterboxed_images(square, NORMALISATION, opset=20, ir_version=10), images)
    scale = square.side / max(size)
    height, width = (max(1, round(one * scale)) for one in size)
    top, left = (square.side - height) // 2, (square.side - width) // 2
    expected = np.full((2, square.side, square.side, 3), 114, np.float32)
    for image, place in zip(images, expected, strict=True):
        inner = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        place[top : top + height, left : left + width] = np.asarray(inner)
    assert np.abs(levels - expected).max() < 2.5
    assert outputs["offset"].tolist() == [left, top] * 2


def test_boxes_come_back_in_pixels_of_the_image() -> None:
    graph = detections_in_images(opset=20, ir_version=10)
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    boxes = np.array([[[10, 4, 20, 24], [-9, 2, 3, 400]], [[5, 0, 6, 2], [0, 0, 4, 9]]], np.float32)
    outputs = session.run(
        ["boxes", "scores", "labels", "batch_index"],
        {
            "network_boxes": boxes,
            "network_scores": np.array([[0.9, 0.8], [0.7, 0.6]], np.float32),
            "network_labels": np.array([[1, 0], [-1, 2]]),
            "offset": np.array([4, 0, 4, 0], np.float32),
            "ratio": np.array([2, 3, 2, 3], np.float32),
            "limits": np.array([30, 60, 30, 60], np.float32),
        },
    )
    # The second lies beyond the left edge, the third is none, the fourth has no width in the image.
    assert [values.tolist() for values in outputs] == [[[12, 12, 30, 60]], [pytest.approx(0.9)], [1], [0]]
