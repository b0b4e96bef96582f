"""A detector computes in float32 under an autocast, but for the parts that are marked; nobody has to know of it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vistry
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from vistry.hyperparameter.schema import Source
from vistry.loading.views import identity_resizes
from vistry.plugin import ImageBatch
from vistry.registry.catalogue import Catalogue
from vistry.torch_layers import with_low_precision, with_single_precision
from vistry.torch_layers.precision import has_low_precision
from vistry.training.engines.torch.folding import with_folded_norms
from vistry.training.model_context import ModelContext

TINY = Path(__file__).parent.parent / "tiny_backbone"
WIDTH, HEIGHT = 544, 32
STRIDE = 4


class Recording(nn.Conv2d):
    """A convolution that remembers what it computed in."""

    computed: torch.dtype

    def forward(self, x: Tensor) -> Tensor:
        result = super().forward(x)
        self.computed = result.dtype
        return result


class Detector(nn.Module):
    """A stranger's detector: its boxes are in the dtype of its maps, and its loss is in terms of boxes."""

    def __init__(self, body: nn.Module, kind: str):
        super().__init__()
        self.body, self.kind = body, kind
        self.head = Recording(8, 5, 1)
        self.anchors = AnchorGenerator(((6,),), ((1.0,),))

    def forward(self, images: ImageBatch, targets: Any = None) -> Any:
        maps = self.body(images.pixels)
        maps = maps[0] if isinstance(maps, list) else maps
        out = self.head(maps).flatten(2).permute(0, 2, 1)
        boxes = {"torchvision": self.of_torchvision, "by hand": self.by_hand, "by matmul": self.by_matmul}[self.kind](
            images, maps
        )
        boxes = boxes + 0 * out[..., :4]
        if self.training:
            return {"boxes": (boxes - boxes.detach().float()).abs().sum() + boxes.to(torch.float64).sum()}
        return [{"boxes": one, "scores": score.sigmoid(), "labels": torch.zeros(len(one), dtype=torch.int64)}
                for one, score in zip(boxes, out[..., 4], strict=True)]  # fmt: skip

    def of_torchvision(self, images: ImageBatch, maps: Tensor) -> Tensor:
        return torch.stack(self.anchors(ImageList(images.pixels, images.sizes), [maps]))

    def by_hand(self, _: ImageBatch, maps: Tensor) -> Tensor:
        x = (torch.arange(maps.shape[3]).to(maps) + 0.25) * STRIDE
        y = (torch.arange(maps.shape[2]).to(maps) + 0.25) * STRIDE
        places = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(1, -1, 2)
        return torch.cat([places - 3, places + 3], dim=-1)

    def by_matmul(self, images: ImageBatch, maps: Tensor) -> Tensor:
        """As by an expectation over bins, which an autocast would compute in bfloat16."""
        return self.by_hand(images, maps).float() @ torch.eye(4)


def body() -> nn.Module:
    return nn.Sequential(Recording(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU())


def foldable() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU())


def images() -> ImageBatch:
    return ImageBatch(torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)), [(HEIGHT, WIDTH)])


def boxes_of(module: nn.Module, dtype: torch.dtype | None) -> list[dict[str, Tensor]]:
    with torch.inference_mode(), torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        found: list[dict[str, Tensor]] = module.eval()(images())
    return found


KINDS = ("torchvision", "by hand", "by matmul")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marked", [False, True])
def test_an_ordinary_detector_has_the_boxes_of_fp32(kind: str, marked: bool) -> None:
    plain = Detector(body(), kind)
    [rounded] = boxes_of(deepcopy(plain), torch.bfloat16)
    if marked:
        with_low_precision(plain.body)
    detector: Any = with_single_precision(plain)
    [single], [half] = boxes_of(detector, None), boxes_of(detector, torch.bfloat16)
    assert not torch.equal(rounded["boxes"].float(), single["boxes"]), "bfloat16 would have held them all"
    assert torch.equal(half["boxes"], single["boxes"])
    assert {name: value.dtype for name, value in half.items() if name != "labels"} == {
        "boxes": torch.float32,
        "scores": torch.float32,
    }
    assert detector.body[0].computed == (torch.bfloat16 if marked else torch.float32)
    assert detector.head.computed == torch.float32


def test_in_fp32_no_bit_changes() -> None:
    plain = Detector(body(), "by hand")
    marked = deepcopy(plain)
    with_low_precision(marked.body)
    [before], [after] = boxes_of(plain, None), boxes_of(with_single_precision(marked), None)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_parts_may_stand_within_each_other() -> None:
    """Low within single within low: results are what their surroundings compute in."""
    inner = with_low_precision(Recording(8, 8, 1))
    middle = with_single_precision(nn.Sequential(Recording(8, 8, 1), inner, Recording(8, 8, 1)))
    outer = with_low_precision(nn.Sequential(Recording(3, 8, 1), middle, Recording(8, 8, 1)))
    whole: Any = with_single_precision(nn.Sequential(outer, Recording(8, 8, 1)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert whole(torch.ones(1, 3, 2, 2)).dtype == torch.float32
        assert nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 1, 1)).dtype == torch.bfloat16, "the autocast goes on afterwards"
    computed = [part.computed for part in whole.modules() if isinstance(part, Recording)]
    low, single = torch.bfloat16, torch.float32
    assert computed == [low, single, low, single, low, single]


def test_a_detector_that_its_author_marked_whole_computes_low_as_told() -> None:
    """And says so, though core marks it too; the kit's check finds its boxes."""
    detector: Any = with_single_precision(with_low_precision(Detector(body(), "by hand")))
    [found] = boxes_of(detector, torch.bfloat16)
    assert detector.head.computed == torch.bfloat16
    assert found["boxes"].dtype == torch.float32
    assert has_low_precision(detector)


def test_an_error_leaves_no_precision_behind() -> None:
    detector = with_single_precision(Detector(body(), "no such kind"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with pytest.raises(KeyError):
            detector(images())
        assert nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 1, 1)).dtype == torch.bfloat16


def test_results_of_any_shape_become_float32() -> None:
    class Results(nn.Module):
        def forward(self, x: Tensor) -> Any:
            half = x.bfloat16()
            return {"maps": [half, (half, half.long())], "batch": ImageBatch(half, None), "name": "name"}

    part = with_low_precision(Results())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = with_single_precision(nn.Sequential(part))(torch.ones(1))
    first, (second, whole) = found["maps"]
    assert [first.dtype, second.dtype, whole.dtype] == [torch.float32, torch.float32, torch.int64]
    assert isinstance(found["batch"], ImageBatch)
    assert found["batch"].pixels.dtype == torch.float32
    assert found["name"] == "name"


def test_a_copy_has_weights_and_precision_of_its_own() -> None:
    detector: Any = with_single_precision(Detector(with_low_precision(body()), "by hand"))
    copied: Any = deepcopy(detector)
    with torch.no_grad():
        copied.head.bias.fill_(50)
    [found], [other] = boxes_of(copied, torch.bfloat16), boxes_of(detector, torch.bfloat16)
    assert found["scores"].min() > 0.99 > other["scores"].max()
    assert copied.body[0].computed == torch.bfloat16
    assert list(copied.state_dict()) == list(Detector(body(), "by hand").state_dict())


def test_folding_norms_keeps_the_precision() -> None:
    detector = with_single_precision(Detector(with_low_precision(foldable()), "torchvision")).eval()
    folded: Any = with_folded_norms(detector)
    assert not [part for part in folded.modules() if isinstance(part, nn.BatchNorm2d)]
    assert has_low_precision(folded)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        maps = folded.body(images().pixels)
        [found] = folded(images())
    assert maps.dtype == torch.bfloat16
    assert found["boxes"].dtype == torch.float32


class TestOfTheEngine:
    @pytest.fixture(autouse=True)
    def _tiny(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.syspath_prepend(str(TINY))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)

    def context(self, model: str, **values: Any) -> ModelContext:
        catalogue = Catalogue.read()
        context = ModelContext.of(catalogue, catalogue.model(model), task="image_object_detection", backend="torch")
        return context.resolved([Source.of({"box_score_threshold": 0, **values}, "the test")])

    def predicted(self, precision: str, module: Any = None) -> Any:
        context = self.context("tinyboxes", precision=precision)
        engine = context.prediction_engine(module or context.module(2), context.preprocessing(), 2)
        pixels = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), dtype=np.uint8)
        [found] = engine.predict(pixels, identity_resizes(pixels))
        return found, engine.facts()

    def test_a_strangers_detector_predicts_in_fp32_and_the_run_says_so(self) -> None:
        single, _ = self.predicted("fp32")
        half, facts = self.predicted("bf16")
        assert np.array_equal(single.boxes, half.boxes)
        assert (facts.precision, facts.precision_reason) == ("fp32", "the detector has no part with_low_precision")

    def test_a_marked_part_computes_in_the_precision_of_the_run(self) -> None:
        module = self.context("tinyboxes").module(2)
        with_low_precision(module.body)
        half, facts = self.predicted("bf16", module)
        single, _ = self.predicted("fp32", module)
        assert facts.precision == "bf16"
        assert len(half.boxes)
        assert not np.array_equal(single.scores, half.scores)

    def test_a_loss_of_the_plugins_own_is_in_fp32_too(self) -> None:
        context = self.context("tinyboxes", precision="bf16")
        owner, computed = context.owner, []

        class Owner:
            def __getattr__(self, name: str) -> Any:
                return getattr(owner, name)

            def ask(self, hook: Any, **arguments: Any) -> Any:
                answer = owner.ask(hook, **arguments)
                if hook.__name__ != "vistry_build_loss":
                    return answer

                def loss(module: Any, images: Any, targets: Any) -> Any:
                    computed.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
                    return answer(module, images, targets)

                return loss

        from vistry.testing.samples import eight_samples, training_data

        context = replace(context, owner=Owner())  # type: ignore[arg-type]
        engine = context.engine(context.module(4), training_data())
        engine.accumulate(eight_samples("image_object_detection", 32, variable_size=True), 1.0, 0)
        assert computed == [torch.float32]

    def test_the_backbone_of_a_composed_model_is_marked(self) -> None:
        module = vistry.create("retinanet_tinybone_fpn", task="detection", num_classes=2)
        assert has_low_precision(module.backbone.body)

    def test_a_classifier_is_as_it_was(self) -> None:
        module = vistry.create("tinybone", task="image_classification", num_classes=2)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert module.eval()(torch.zeros(1, 3, 32, 32)).dtype == torch.bfloat16
