"""What comes before and after a detector inside an ONNX file: images of any size in, boxes in their pixels out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.export.onnx_format.preprocessing import IMAGES, PIXELS
from vistry.loading.detection.dataset import STRIDE
from vistry.loading.detection.views import Letterbox
from vistry.registry.manifest import PreprocessingSpec
from vistry.training.engines.engine import pixel_statistics

if TYPE_CHECKING:
    from onnx import ModelProto

SIZES = "sizes"
NETWORK_OUTPUTS = ("network_boxes", "network_scores", "network_labels")
OUTPUTS = ("boxes", "scores", "labels", "batch_index")

# The scale is computed in double precision, as resized_size does. Beyond an image its batch is 0.
_RESIZED = """
<ir_version: {ir_version}, opset_import: ["": {opset}]>
resized (uint8[n, height, width, 3] {images})
    => (float[n, 3, padded_height, padded_width] {pixels}, int64[n, 2] {sizes},
        float[4] offset, float[4] ratio, float[4] limits)
<double[1] min_size = {{{min_size}}}, double[1] max_size = {{{max_size}}}, double[1] one_pixel = {{1}},
 int64[6] zeros = {{0, 0, 0, 0, 0, 0}}, int64[1] two = {{2}}, int64[1] colours = {{3}},
 int64[2] stride = {{{stride}, {stride}}}, int64[2] almost = {{{almost}, {almost}}}, int64[4] twice = {{1, 0, 1, 0}},
 float[4] no_offset = {{0, 0, 0, 0}}, float[3, 1, 1] mean = {{{mean}}}, float[3, 1, 1] deviation = {{{deviation}}}>
{{
    count = Shape <start = 0, end = 1> ({images})
    sides = Shape <start = 1, end = 3> ({images})
    exact_sides = Cast <to = 11> (sides)
    shorter = ReduceMin (exact_sides)
    longer = ReduceMax (exact_sides)
    to_shorter = Div (min_size, shorter)
    to_longer = Div (max_size, longer)
    scale = Min (to_shorter, to_longer)
    scaled = Mul (exact_sides, scale)
    whole = Floor (scaled)
    at_least_one = Max (whole, one_pixel)
    resized = Cast <to = 7> (at_least_one)
    shape = Concat <axis = 0> (count, resized, colours)
    levels = Resize <mode = "linear", antialias = 1, exclude_outside = 1> ({images}, "", "", shape)
    planes = Transpose <perm = [0, 3, 1, 2]> (levels)
    values = Cast <to = 1> (planes)
    centred = Sub (values, mean)
    normalised = Div (centred, deviation)
    more = Add (resized, almost)
    times = Div (more, stride)
    padded = Mul (times, stride)
    padding = Sub (padded, resized)
    pads = Concat <axis = 0> (zeros, padding)
    {pixels} = Pad (normalised, pads)
    each = Concat <axis = 0> (count, two)
    {sizes} = Expand (resized, each)
    offset = CastLike (no_offset, mean)
    ratios = Div (exact_sides, at_least_one)
    double_ratio = Gather (ratios, twice)
    ratio = Cast <to = 1> (double_ratio)
    double_limits = Gather (exact_sides, twice)
    limits = Cast <to = 1> (double_limits)
}}
"""

# As a plugin's letterbox does it: round takes halves to the even number, and the smaller margin is left and above.
_LETTERBOX = """
<ir_version: {ir_version}, opset_import: ["": {opset}]>
letterboxed (uint8[n, height, width, 3] {images})
    => (float[n, 3, {side}, {side}] {pixels}, int64[n, 2] {sizes}, float[4] offset, float[4] ratio, float[4] limits)
<double[1] exact_side = {{{side}}}, double[1] one_pixel = {{1}}, int64[1] zero = {{0}},
 int64[2] square = {{{side}, {side}}},
 uint8 grey = {{{grey}}}, int64[1] two = {{2}}, int64[1] colours = {{3}}, int64[4] twice = {{1, 0, 1, 0}},
 float[3, 1, 1] mean = {{{mean}}}, float[3, 1, 1] deviation = {{{deviation}}}>
{{
    count = Shape <start = 0, end = 1> ({images})
    sides = Shape <start = 1, end = 3> ({images})
    exact_sides = Cast <to = 11> (sides)
    longer = ReduceMax (exact_sides)
    scale = Div (exact_side, longer)
    scaled = Mul (exact_sides, scale)
    rounded = Round (scaled)
    at_least_one = Max (rounded, one_pixel)
    fitted = Cast <to = 7> (at_least_one)
    shape = Concat <axis = 0> (count, fitted, colours)
    levels = Resize <mode = "linear", antialias = 1, exclude_outside = 1> ({images}, "", "", shape)
    room = Sub (square, fitted)
    before = Div (room, two)
    after = Sub (room, before)
    pads = Concat <axis = 0> (zero, before, zero, zero, after, zero)
    boxed = Pad (levels, pads, grey)
    planes = Transpose <perm = [0, 3, 1, 2]> (boxed)
    values = Cast <to = 1> (planes)
    centred = Sub (values, mean)
    {pixels} = Div (centred, deviation)
    each = Concat <axis = 0> (count, two)
    {sizes} = Expand (square, each)
    double_offset = Gather (before, twice)
    offset = Cast <to = 1> (double_offset)
    ratios = Div (exact_sides, at_least_one)
    double_ratio = Gather (ratios, twice)
    ratio = Cast <to = 1> (double_ratio)
    double_limits = Gather (exact_sides, twice)
    limits = Cast <to = 1> (double_limits)
}}
"""

_IN_THE_IMAGE = """
<ir_version: {ir_version}, opset_import: ["": {opset}]>
detections (float[n, k, 4] network_boxes, float[n, k] network_scores, int64[n, k] network_labels,
            float[4] offset, float[4] ratio, float[4] limits)
    => (float[found, 4] boxes, float[found] scores, int64[found] labels, int64[found] batch_index)
<float nothing = {{0}}, int64 first_class = {{0}}, int64 first = {{0}}, int64[1] last_axis = {{2}}>
{{
    moved = Sub (network_boxes, offset)
    scaled = Mul (moved, ratio)
    positive = Max (scaled, nothing)
    clipped = Min (positive, limits)
    corners, opposite = Split <axis = 2, num_outputs = 2> (clipped)
    extent = Sub (opposite, corners)
    smallest = ReduceMin <keepdims = 0> (extent, last_axis)
    has_area = Greater (smallest, nothing)
    is_detection = GreaterOrEqual (network_labels, first_class)
    counts = And (has_area, is_detection)
    places_by_axis = NonZero (counts)
    places = Transpose <perm = [1, 0]> (places_by_axis)
    boxes = GatherND (clipped, places)
    scores = GatherND (network_scores, places)
    labels = GatherND (network_labels, places)
    batch_index = Gather <axis = 0> (places_by_axis, first)
}}
"""


def resized_images(
    sides: tuple[int, int], normalisation: PreprocessingSpec, *, opset: int, ir_version: int
) -> ModelProto:
    """Build the graph from images [N, H, W, 3] uint8 to a detector's input, for `min_size` and `max_size`."""
    from onnx import parser

    values = {"min_size": sides[0], "max_size": sides[1], "stride": STRIDE, "almost": STRIDE - 1}
    return parser.parse_model(_RESIZED.format(**values, **_shared(normalisation), opset=opset, ir_version=ir_version))


def letterboxed_images(
    letterbox: Letterbox, normalisation: PreprocessingSpec, *, opset: int, ir_version: int
) -> ModelProto:
    """Build the graph from images [N, H, W, 3] uint8 to squares in which each is as large as it can be."""
    from onnx import parser

    values = {"side": letterbox.side, "grey": letterbox.grey}
    return parser.parse_model(_LETTERBOX.format(**values, **_shared(normalisation), opset=opset, ir_version=ir_version))


def _shared(normalisation: PreprocessingSpec) -> dict[str, str]:
    """What both ways of resizing write into their graph: names and the normalisation."""
    mean, deviation = (", ".join(map(repr, values.tolist())) for values in pixel_statistics(normalisation))
    return {"images": IMAGES, "pixels": PIXELS, "sizes": SIZES, "mean": mean, "deviation": deviation}


def detections_in_images(*, opset: int, ir_version: int) -> ModelProto:
    """Build the graph from a detector's outputs to the detections of all images, in pixels of each."""
    from onnx import parser

    return parser.parse_model(_IN_THE_IMAGE.format(opset=opset, ir_version=ir_version))
