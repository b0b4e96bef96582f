"""The preprocessing inside a file makes the pixels that prediction makes of an image, whatever its size."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from vistry.export.onnx_format.preprocessing import centre_crop
from vistry.loading.augmentation import ValidationCrop
from vistry.registry.manifest import PreprocessingSpec

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def prepared(resize: int, crop: int, images: np.ndarray) -> np.ndarray:
    """[N, crop, crop, 3]: what the graph makes of images, as grey levels again."""
    graph = centre_crop(resize, crop, PreprocessingSpec(mean=MEAN, std=STD), opset=20, ir_version=10)
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    [pixels] = session.run(None, {"images": images})
    assert pixels.shape == (len(images), 3, crop, crop)
    return 255 * (pixels.transpose(0, 2, 3, 1) * np.float32(STD) + np.float32(MEAN))


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
