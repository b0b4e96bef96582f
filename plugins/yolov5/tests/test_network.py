from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import ImageBatch
from vistry.training.engines.torch.folding import with_folded_norms
from vistry_yolov5.torch_model import Conv, YOLOv5, build

# Parameters with 80 classes, and with batch norms folded (the reference table's yolov5_80).
COUNTS = {
    "small": (7235389, 7225885),
    "medium": (21190557, 21172173),
    "large": (46563709, 46533693),
    "extra_large": (86749405, 86705005),
}
HYPERPARAMETERS = Hyperparameters.of(
    {"model_size": "small", "nms_iou_threshold": 0.5, "box_score_threshold": 0.1, "image_size": 640}
)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def small(num_classes: int = 3, **settings: Any) -> YOLOv5:
    torch.manual_seed(0)
    return YOLOv5(num_classes, "small", **settings)


def images(count: int = 1, height: int = 64, width: int = 64) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def silent(logit: float = -20.0, num_classes: int = 3, **settings: Any) -> YOLOv5:
    """A network whose heads give 0 for every field and `logit` for objectness and classes, whatever the image."""
    model = small(num_classes, **settings).eval()
    for head in model.model[24].m:  # type: ignore[union-attr]
        nn.init.zeros_(head.weight)
        head.bias.data = torch.tensor(([0.0] * 4 + [logit] * (1 + num_classes)) * 3)
    return model


def with_logits(model: YOLOv5, *logits: Tensor) -> YOLOv5:
    """The network, seeing these logits whatever the image."""
    model.heads = lambda images: list(logits)  # type: ignore[method-assign]
    return model


def logits(num_classes: int, side: int = 64) -> list[Tensor]:
    """Logits [1, 3, 5 + classes, h, w] of an image in which nothing is seen, its boxes in the middle of their cells."""
    found = [torch.full((1, 3, 5 + num_classes, side // stride, side // stride), -20.0) for stride in (8, 16, 32)]
    for level in found:
        level[:, :, :4] = 0.0
    return found


@pytest.mark.parametrize("model_size", COUNTS)
def test_it_has_the_parameters_of_the_reference_unfolded_and_folded(model_size: str) -> None:
    with torch.device("meta"):
        model = YOLOv5(80, model_size)
    assert parameters(model) == COUNTS[model_size][0]
    assert parameters(with_folded_norms(model)) == COUNTS[model_size][1]


def test_its_tensors_have_the_names_and_shapes_of_the_layer_table() -> None:
    with torch.device("meta"):
        state = YOLOv5(80, "small").state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    expected: dict[str, tuple[int, ...]] = {
        "model.0.conv.weight": (32, 3, 6, 6),
        "model.0.bn.running_var": (32,),
        "model.1.conv.weight": (64, 32, 3, 3),
        "model.2.cv1.conv.weight": (32, 64, 1, 1),
        "model.2.m.0.cv2.conv.weight": (32, 32, 3, 3),
        "model.2.cv3.conv.weight": (64, 64, 1, 1),
        "model.4.m.1.cv1.conv.weight": (64, 64, 1, 1),
        "model.6.m.2.cv2.bn.weight": (128,),
        "model.9.cv1.conv.weight": (256, 512, 1, 1),
        "model.9.cv2.conv.weight": (512, 1024, 1, 1),
        "model.13.cv1.conv.weight": (128, 512, 1, 1),
        "model.17.cv2.conv.weight": (64, 256, 1, 1),
        "model.18.conv.weight": (128, 128, 3, 3),
        "model.23.cv3.conv.weight": (512, 512, 1, 1),
        "model.24.anchors": (3, 3, 2),
        "model.24.m.0.weight": (255, 128, 1, 1),
        "model.24.m.2.weight": (255, 512, 1, 1),
        "model.24.m.2.bias": (255,),
    }
    assert expected.items() <= shapes.items()
    layers_with_tensors = {int(name.split(".")[1]) for name in shapes}
    assert layers_with_tensors == set(range(25)) - {11, 12, 15, 16, 19, 22}


def test_a_layer_has_as_many_bottlenecks_as_the_depth_says() -> None:
    with torch.device("meta"):
        names = list(YOLOv5(1, "extra_large").state_dict())
    repeats = {
        layer: len({name.split(".")[3] for name in names if name.startswith(f"model.{layer}.m.")})
        for layer in (2, 4, 6, 8, 13)
    }
    assert repeats == {2: 4, 4: 8, 6: 12, 8: 4, 13: 4}


def test_only_the_backbones_blocks_have_shortcuts() -> None:
    model = small()
    shortcuts = {place: model.model[place].m[0].shortcut for place in (2, 4, 6, 8, 13, 17, 20, 23)}  # type: ignore[union-attr,index]
    assert shortcuts == {2: True, 4: True, 6: True, 8: True, 13: False, 17: False, 20: False, 23: False}


def test_each_frozen_layer_has_parameters() -> None:
    names = [name for name, _ in small().named_parameters()]
    for layer in range(10):
        assert any(name.startswith(f"model.{layer}.") for name in names)


def test_anchors_are_kept_in_strides() -> None:
    anchors = small().state_dict()["model.24.anchors"]
    expected = [
        [(1.25, 1.625), (2.0, 3.75), (4.125, 2.875)],
        [(1.875, 3.8125), (3.875, 2.8125), (3.6875, 7.4375)],
        [(3.625, 2.8125), (4.875, 6.1875), (11.65625, 10.1875)],
    ]
    torch.testing.assert_close(anchors, torch.tensor(expected))


@pytest.mark.parametrize(
    ("num_classes", "class_logit"),
    # log(0.6 / 79.00001) and log(0.6 / 0.00001)
    [(80, -4.8803), (1, 11.0021)],
)
def test_biases_start_with_what_is_likely(num_classes: int, class_logit: float) -> None:
    objectness = (-6.6846, -5.2983, -3.9120)  # log of 8 / 80^2, 8 / 40^2 and 8 / 20^2
    for head, expected in zip(small(num_classes).model[24].m, objectness, strict=True):  # type: ignore[arg-type]
        drawn_within = 1 / math.sqrt(head.in_channels)  # what torch adds to it
        for bias in head.bias.detach().view(3, 5 + num_classes):
            assert bias[:4].abs().max() <= drawn_within
            assert abs(bias[4] - expected) <= drawn_within + 1e-4
            assert (bias[5:] - class_logit).abs().max() <= drawn_within + 1e-4


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 96), (160, 64)])
def test_heads_see_the_image_at_their_strides(height: int, width: int) -> None:
    with torch.no_grad():
        found = small(4).eval().heads(images(2, height, width))
    assert [tuple(head.shape) for head in found] == [
        (2, 27, height // stride, width // stride) for stride in (8, 16, 32)
    ]


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 32, got 64 x 60; pad or resize the images"):
        small().eval()(images(1, 64, 60))


def test_training_without_targets_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs targets: call it with targets, or call eval\(\) first"):
        small()(images())


def test_folding_batch_norms_changes_nothing_but_rounding() -> None:
    model = small(score_floor=0.0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):  # as after training: none of them the identity
                module.running_mean.normal_(0, 0.3)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
                module.weight.uniform_(0.5, 2.0)
                module.bias.normal_(0, 0.3)
        whole, folded = model.eval(), with_folded_norms(model)
        assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
        for ours, theirs in zip(folded.heads(images(2)), whole.heads(images(2)), strict=True):  # type: ignore[operator]
            assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()
        for ours, theirs in zip(folded(images(2)), whole(images(2)), strict=True):
            torch.testing.assert_close(ours["scores"], theirs["scores"], rtol=1e-3, atol=1e-6)


def test_a_box_is_decoded_as_computed_by_hand() -> None:
    """Stride 16, the second anchor of 62 x 45 pixels, row 1, column 2."""
    found = logits(2)
    found[1][0, 1, :, 1, 2] = torch.tensor([0.0, math.log(3), math.log(1 / 3), 0.0, math.log(4), math.log(1 / 4), 1.0])
    # x = (2 * .5 - .5 + 2) * 16 = 40, y = (2 * .75 - .5 + 1) * 16 = 32, w = (2 * .25)^2 * 62 = 15.5, h = 45
    [detections] = with_logits(silent(num_classes=2), *(level.flatten(1, 2) for level in found))(images())
    torch.testing.assert_close(detections["boxes"], torch.tensor([[40 - 7.75, 32 - 22.5, 40 + 7.75, 32 + 22.5]]))
    torch.testing.assert_close(detections["scores"], torch.tensor([0.8 / (1 + math.exp(-1))]))
    assert detections["labels"].tolist() == [1]
    assert detections["labels"].dtype == torch.int64


def test_boxes_follow_the_anchors_of_the_buffer() -> None:
    found = logits(1)
    found[0][0, 2, :, 3, 3] = torch.tensor([0.0, 0.0, 0.0, 0.0, 9.0, 9.0])
    model = with_logits(silent(num_classes=1), *(level.flatten(1, 2) for level in found))
    model.load_state_dict({**model.state_dict(), "model.24.anchors": torch.full((3, 3, 2), 2.5)})
    [detections] = model(images())
    torch.testing.assert_close(detections["boxes"], torch.tensor([[18.0, 18.0, 38.0, 38.0]]))


def test_a_box_has_its_best_class_alone() -> None:
    found = logits(3)
    found[2][0, 0, 4:, 0, 0] = torch.tensor([9.0, 2.0, 3.0, 1.0])
    [detections] = with_logits(silent(), *(level.flatten(1, 2) for level in found))(images())
    assert detections["labels"].tolist() == [1]


def test_overlap_counts_within_a_class_only() -> None:
    found = logits(2)
    for anchor, row in enumerate(([9.0, 5.0, -9.0], [9.0, 4.0, -9.0], [9.0, -9.0, 3.0])):
        found[2][0, anchor, :, 1, 1] = torch.tensor([0.0, 0.0, 0.0, 0.0, *row])
    model = with_logits(silent(num_classes=2, nms_iou=0.5), *(level.flatten(1, 2) for level in found))
    model.load_state_dict({**model.state_dict(), "model.24.anchors": torch.ones(3, 3, 2)})  # three equal boxes
    [detections] = model(images())
    assert detections["labels"].tolist() == [0, 1]
    torch.testing.assert_close(
        detections["scores"], torch.tensor([9.0, 9.0]).sigmoid() * torch.tensor([5.0, 3.0]).sigmoid()
    )


@pytest.mark.parametrize(("nms_iou", "kept"), [(0.24, 1), (0.26, 2)])
def test_boxes_may_overlap_as_much_as_is_said(nms_iou: float, kept: int) -> None:
    """One twice as wide and twice as high as the other, with the same centre: their IoU is a quarter."""
    found = logits(1)
    for anchor, score in enumerate((5.0, 4.0)):
        found[2][0, anchor, :, 1, 1] = torch.tensor([0.0, 0.0, 0.0, 0.0, score, 9.0])
    model = with_logits(silent(num_classes=1, nms_iou=nms_iou), *(level.flatten(1, 2) for level in found))
    anchors = torch.ones(3, 3, 2)
    anchors[2, 1] = 2.0
    model.load_state_dict({**model.state_dict(), "model.24.anchors": anchors})
    [detections] = model(images())
    assert len(detections["boxes"]) == kept


@pytest.mark.parametrize(("score_floor", "kept"), [(0.24, 1), (0.26, 0)])
def test_only_boxes_above_the_lowest_score_are_kept(score_floor: float, kept: int) -> None:
    found = logits(1)
    found[0][0, 0, 4:, 0, 0] = 0.0  # half of a half
    model = with_logits(silent(num_classes=1, score_floor=score_floor), *(level.flatten(1, 2) for level in found))
    [detections] = model(images())
    assert {name: len(value) for name, value in detections.items()} == {"boxes": kept, "scores": kept, "labels": kept}


def test_it_answers_with_at_most_300_boxes_the_best_first() -> None:
    found = logits(1, side=256)
    found[0][0, 0, 4] = torch.linspace(-2, 2, 32 * 32).view(32, 32)
    found[0][0, 0, 5] = 9.0
    model = with_logits(silent(num_classes=1), *(level.flatten(1, 2) for level in found))
    model.load_state_dict({**model.state_dict(), "model.24.anchors": torch.ones(3, 3, 2)})  # none overlap
    [detections] = model(images(1, 256, 256))
    expected = torch.linspace(-2, 2, 32 * 32).sigmoid().flip(0)[:300] * torch.tensor(9.0).sigmoid()
    torch.testing.assert_close(detections["scores"], expected)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_image_has_its_own_answer(count: int) -> None:
    """One box in image 0, two in image 1, none in image 2."""
    each = [logits(1) for _ in range(count)]
    for image, cells in enumerate([[0], [1, 4], []][:count]):
        for cell in cells:
            each[image][0][0, 0, 4:, cell, 0] = 9.0
    together = [torch.cat(level).flatten(1, 2) for level in zip(*each, strict=True)]
    model = with_logits(silent(num_classes=1), *together)
    model.load_state_dict({**model.state_dict(), "model.24.anchors": torch.ones(3, 3, 2)})
    tops = [sorted(found["boxes"][:, 1].tolist()) for found in model(images(count))]
    assert tops == [[0.0], [8.0, 32.0], []][:count]


def test_an_image_in_which_nothing_is_seen_has_no_boxes() -> None:
    detections = silent()(images(2))
    assert [tuple(found["boxes"].shape) for found in detections] == [(0, 4), (0, 4)]


def test_padded_images_are_taken_as_they_are() -> None:
    model = small(score_floor=0.0001).eval()
    with torch.no_grad():
        [padded], [plain] = model(ImageBatch(images(), [(50, 64)])), model(images())
    assert torch.equal(padded["boxes"], plain["boxes"])


@pytest.mark.parametrize("training", [True, False])
def test_it_runs_in_bf16(training: bool) -> None:
    model = small().train(training)
    targets = [{"boxes": torch.tensor([[8.0, 8.0, 40.0, 48.0]]), "labels": torch.tensor([1])}] * 2
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model.heads(images(2))[0].dtype == torch.bfloat16
        found = model(images(2), targets if training else None)
    if training:
        assert {name: value.dtype for name, value in found.items()} == dict.fromkeys(found, torch.float32)
        sum(found.values()).backward()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)
    else:
        assert [one["boxes"].dtype for one in found] == [torch.float32] * 2


def test_its_settings_come_from_the_hyperparameters() -> None:
    found = logits(1)
    found[0][0, 0, 4:, 0, 0] = torch.tensor([math.log(0.005 / 0.995), 20.0])  # a score of 0.005
    kept = []
    for served in (0.1, 0.001):
        model = build(1, HYPERPARAMETERS.changed({"box_score_threshold": served})).eval()
        assert parameters(model) == parameters(small(1))
        [detections] = with_logits(model, *(level.flatten(1, 2) for level in found))(images())
        kept.append(len(detections["boxes"]))
    assert kept == [0, 1]  # metrics want boxes from 0.01 on, whatever is served, and fewer only if it is less
    targets = [{"boxes": torch.tensor([[8.0, 8.0, 40.0, 48.0]]), "labels": torch.tensor([0])}]
    large, half = (
        with_logits(
            build(1, HYPERPARAMETERS.changed({"image_size": size})).train(), *(level.flatten(1, 2) for level in found)
        )(images(), targets)
        for size in (640, 320)
    )
    torch.testing.assert_close(large["objectness"], 4 * half["objectness"])
    torch.testing.assert_close(large["box"], half["box"])


def test_it_learns_pictures_by_heart() -> None:
    """The terms sink, and what it then sees is what there is."""
    torch.manual_seed(0)
    model = YOLOv5(2, "small")
    pictures = torch.full((2, 3, 64, 64), 0.4)
    pictures[0, 0, 10:34, 6:36] = 1.0
    pictures[1, 2, 24:60, 30:50] = 1.0
    boxes = torch.tensor([[[6.0, 10.0, 36.0, 34.0]], [[30.0, 24.0, 50.0, 60.0]]])
    targets = [{"boxes": box, "labels": torch.tensor([label])} for label, box in enumerate(boxes)]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    history: list[dict[str, float]] = []
    for _ in range(30):
        terms = model(pictures, targets)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        history.append({name: float(value.detach()) for name, value in terms.items()})
    for name in ("box", "objectness", "class"):
        assert history[-1][name] < 0.7 * history[0][name], (name, history[0], history[-1])
    seen = with_logits(model, *model.heads(pictures)).eval()(pictures)  # by the batch's statistics
    for label, (box, found) in enumerate(zip(boxes, seen, strict=True)):
        assert found["labels"][0] == label
        assert found["scores"][0] > 0.5
        assert torchvision.ops.box_iou(found["boxes"][:1], box) > 0.5


def test_a_single_value_for_each_channel_trains_as_one_that_never_varies() -> None:
    """One image of 32 pixels is a single pixel at the largest stride, which torch's own batch norm refuses."""
    torch.manual_seed(0)
    layer = Conv(3, 5)
    images = torch.randn((1, 3, 1, 1))
    with torch.no_grad():
        layer.bn.bias.uniform_(-1, 1)
    seen = layer.conv(images).detach().flatten()
    found = layer(images)
    torch.testing.assert_close(found.flatten(), torch.nn.functional.silu(layer.bn.bias))
    torch.testing.assert_close(layer.bn.running_mean, 0.03 * seen)
    torch.testing.assert_close(layer.bn.running_var, torch.full((5,), 0.97))
    found.sum().backward()
    assert layer.bn.bias.grad is not None
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in layer.parameters())
