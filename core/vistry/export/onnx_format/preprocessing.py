"""What prepares images inside an ONNX file: resize, crop and normalisation, as training's validation makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.registry.manifest import PreprocessingSpec
from vistry.training.engines.engine import pixel_statistics

if TYPE_CHECKING:
    from onnx import ModelProto

IMAGES, PIXELS = "images", "pixels"

# Sizes are computed in whole numbers and halves, and Round takes halves to the even one, as Python does. Resize works
# on bytes and rounds between its two passes, as Pillow does; without exclude_outside the border would differ.
_CROP = """
<ir_version: {ir_version}, opset_import: ["": {opset}]>
centre_crop (uint8[n, height, width, 3] {images}) => (float[n, 3, {crop}, {crop}] {pixels})
<int64[1] side = {{{resize}}}, int64[1] crop = {{{crop}}}, double[1] half = {{0.5}}, int64[2] axes = {{1, 2}},
 int64[1] colours = {{3}}, float[3, 1, 1] mean = {{{mean}}}, float[3, 1, 1] deviation = {{{deviation}}}>
{{
    count = Shape <start = 0, end = 1> ({images})
    sides = Shape <start = 1, end = 3> ({images})
    shorter = ReduceMin (sides)
    enlarged = Mul (sides, side)
    resized = Div (enlarged, shorter)
    sizes = Concat <axis = 0> (count, resized, colours)
    whole = Resize <mode = "linear", antialias = 1, exclude_outside = 1> ({images}, "", "", sizes)
    margin = Sub (resized, crop)
    exact_margin = Cast <to = 11> (margin)
    exact_start = Mul (exact_margin, half)
    rounded_start = Round (exact_start)
    start = Cast <to = 7> (rounded_start)
    end = Add (start, crop)
    square = Slice (whole, start, end, axes)
    planes = Transpose <perm = [0, 3, 1, 2]> (square)
    values = Cast <to = 1> (planes)
    centred = Sub (values, mean)
    {pixels} = Div (centred, deviation)
}}
"""


def centre_crop(resize: int, crop: int, normalisation: PreprocessingSpec, *, opset: int, ir_version: int) -> ModelProto:
    """Build the graph from images [N, H, W, 3] uint8 to a classifier's input [N, 3, crop, crop] float32."""
    from onnx import parser

    mean, deviation = (", ".join(map(repr, values.tolist())) for values in pixel_statistics(normalisation))
    sizes = {"resize": resize, "crop": crop, "mean": mean, "deviation": deviation}
    names = {"images": IMAGES, "pixels": PIXELS, "opset": opset, "ir_version": ir_version}
    return parser.parse_model(_CROP.format(**sizes, **names))
