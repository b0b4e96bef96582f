"""Vision transformers against published counts, timm's own models, and timm's resampling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vistry
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.layers import resample_abs_pos_embed
from timm.models import vision_transformer
from torch import nn
from vistry.errors import HyperparameterError, WeightsError
from vistry.hyperparameter.schema import Source
from vistry.plugin import FreezingMap
from vistry.registry.catalogue import Catalogue
from vistry.training.engines.torch.module import freeze
from vistry.training.engines.torch.optimizer import parameter_groups
from vistry.training.model_context import ModelContext
from vistry_vit.positions import resample_positions

TIMM = {
    "vits16r224": vision_transformer.vit_small_patch16_224,
    "vitb16r224": vision_transformer.vit_base_patch16_224,
    "vitl16r224": vision_transformer.vit_large_patch16_224,
}
COUNTS = {"vits16r224": 22050664, "vitb16r224": 86567656, "vitl16r224": 304326632}
BLOCKS = {"vits16r224": 12, "vitb16r224": 12, "vitl16r224": 24}
NEVER_FROZEN = {"cls_token", "pos_embed", "norm.weight", "norm.bias", "head.weight", "head.bias"}


def build(name: str, num_classes: int, **hyperparameters: Any) -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = vistry.create(
            name, task="multiclass", num_classes=num_classes, hyperparameters=hyperparameters
        )
    return model


def sizes(pixels: int) -> dict[str, int]:
    return {"training_crop_size": pixels, "validation_crop_size": pixels, "validation_resize_size": pixels}


@pytest.mark.parametrize("name", COUNTS)
def test_parameter_counts_are_the_published_ones(name: str) -> None:
    counted = sum(parameter.numel() for parameter in build(name, 1000).parameters())
    assert counted == vistry.model(name).parameters == COUNTS[name]


@pytest.mark.parametrize("pixels", [224, 64])
@pytest.mark.parametrize("name", COUNTS)
def test_the_state_is_named_as_timms(name: str, pixels: int) -> None:
    with torch.device("meta"):
        theirs = TIMM[name](num_classes=7, img_size=pixels).state_dict()
    ours = build(name, 7, **sizes(pixels)).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


@pytest.mark.parametrize("name", COUNTS)
def test_the_layers_cover_the_patches_and_every_block_once(name: str) -> None:
    groups = vistry.layers_to_freeze(name, "multiclass")
    assert groups == (("patch_embed",), *((f"blocks.{number}.",) for number in range(BLOCKS[name])))
    model = build(name, 10)
    for key, _ in model.named_parameters():
        assert sum(key.startswith(group) for group in groups) == (key not in NEVER_FROZEN), key
    freeze(model, FreezingMap(groups), len(groups))
    assert {key for key, parameter in model.named_parameters() if parameter.requires_grad} == NEVER_FROZEN


@pytest.mark.parametrize("name", COUNTS)
def test_everything_is_trained_and_weights_alone_decay(name: str) -> None:
    model = build(name, 10)
    names = {parameter: key for key, parameter in model.named_parameters()}
    decayed, plain = ({names[value] for value in group["params"]} for group in parameter_groups(model, 0.1))
    assert decayed == {key for key in names.values() if key.endswith(".weight")}
    assert plain == {key for key in names.values() if key.endswith(".bias")} | {"cls_token", "pos_embed"}


def test_gradients_are_clipped_by_their_norm_and_pixels_scaled_to_one() -> None:
    card = vistry.model("vits16r224")
    assert (card.gradient_clipping.by, card.gradient_clipping.at) == ("norm", 1.0)
    theirs = vision_transformer.default_cfgs["vit_small_patch16_224"].default
    assert (card.preprocessing.mean, card.preprocessing.std) == (theirs.mean, theirs.std)


def test_the_networks_compute_what_timms_compute() -> None:
    ours = vistry.create("vits16r224", task="multiclass", num_classes=4, hyperparameters=sizes(32)).eval()
    theirs = vision_transformer.vit_small_patch16_224(num_classes=4, img_size=32).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_unequal_crops_are_an_error_with_a_remedy() -> None:
    with pytest.raises(
        HyperparameterError,
        match="training_crop_size: 192 differs from validation_crop_size = 224, .* give both the same value",
    ):
        build("vits16r224", 3, training_crop_size=192)


def test_less_than_a_patch_is_an_error() -> None:
    with pytest.raises(HyperparameterError, match="must be an integer of at least 16 .a patch is 16 pixels wide"):
        build("vits16r224", 3, **sizes(15))


def test_pixels_in_no_patch_are_warned_of() -> None:
    catalogue = Catalogue.read()
    context = ModelContext.of(catalogue, catalogue.model("vits16r224"), task="image_classification", backend="torch")
    for pixels, expected in (
        (36, ["36 is not a multiple of the patch size 16, so 4 pixels at the right and bottom edges are ignored"]),
        (48, []),
    ):
        warnings = context.resolved([Source.of(sizes(pixels), "the test")]).hyperparameters.warnings
        assert [problem.message for problem in warnings if "patch size" in problem.message] == expected


@pytest.mark.parametrize(("there", "side"), [(14, 7), (14, 24), (3, 5), (2, 1), (1, 2)])
def test_positions_are_resampled_as_by_timm(there: int, side: int) -> None:
    positions = torch.randn(1, 1 + there * there, 6, generator=torch.Generator().manual_seed(there))
    theirs = resample_abs_pos_embed(positions, [side, side])
    np.testing.assert_allclose(resample_positions(positions.numpy(), side), theirs.numpy(), atol=1e-5)


def test_positions_of_the_same_size_are_left_alone() -> None:
    positions = np.zeros((1, 5, 3), np.float32)
    assert resample_positions(positions, 2) is positions


@pytest.mark.parametrize("shape", [(1, 7, 3), (5, 3), (1, 0, 3), (1, 1, 3)])
def test_what_are_no_positions_of_a_square_is_left_for_the_error(shape: tuple[int, ...]) -> None:
    positions = np.zeros(shape, np.float32)
    assert resample_positions(positions, 2) is positions


def test_weights_of_another_size_are_taken_with_their_positions_resample_positions(tmp_path: Path) -> None:
    large = vistry.create("vits16r224", task="multiclass", num_classes=3, hyperparameters=sizes(64))
    path = tmp_path / "large.safetensors"
    save_file(large.state_dict(), path)
    small = vistry.create("vits16r224", task="multiclass", num_classes=5, weights=str(path), hyperparameters=sizes(32))
    expected = resample_abs_pos_embed(large.pos_embed.detach(), [2, 2])
    torch.testing.assert_close(small.pos_embed.detach(), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(small.blocks[11].mlp.fc2.weight, large.blocks[11].mlp.fc2.weight)
    assert small.head.weight.shape == (5, 384)


def test_weights_without_positions_say_so(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"head.weight": torch.zeros(3, 384)}, path)
    with pytest.raises(WeightsError, match="pos_embed is missing"):
        vistry.create("vits16r224", task="multiclass", num_classes=3, weights=str(path), hyperparameters=sizes(32))


def test_a_run_of_another_size_is_built_upon_with_its_positions_resample_positions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    for number in range(8):
        folder = tmp_path / "data" / f"kind{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((20, 20), 10 + 20 * number).save(folder / f"{number}.png")
    short = {"weights": "none", "number_of_epochs": 1}
    short |= {"warmup_cosine_lr_warmup_epochs": 1, "learning_rate": 0.0, "precision": "fp32"}
    first = vistry.train(tmp_path / "data", task="multiclass", model="vits16r224", **short, **sizes(48))
    second = vistry.train(
        tmp_path / "data",
        task="multiclass",
        model="vits16r224",
        checkpoint_run_id=str(first.run.folder),
        **short,
        **sizes(32),
    )
    before, after = (load_file(run.run.best_weights)["pos_embed"] for run in (first, second))
    torch.testing.assert_close(after, resample_abs_pos_embed(before, [2, 2]), atol=1e-5, rtol=0)
