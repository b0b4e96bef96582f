"""Published files: what the library itself saves is read under this package's names, and says the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from vistry.registry.catalogue import Catalogue
from vistry.training.model_context import ModelContext
from vistry_detr.hooks import DEIMV2, DFINE, RFDETR

Context = Callable[..., ModelContext]
HOOKS = {"dfine": DFINE, "deimv2": DEIMV2, "rfdetr": RFDETR}
OLD_NAMES = {  # of D-FINE's files, which an earlier version of the library saved
    "self_attn.o_proj": "self_attn.out_proj",
    "mlp.layers.0": "fc1",
    "mlp.layers.1": "fc2",
    "encoder.aifi.": "encoder.encoder.",
}


def saved(context: ModelContext, num_classes: int, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The library's network, and the tensors of the file that it saves."""
    torch.manual_seed(3)
    network = HOOKS[context.card.family].network(context.card, num_classes).eval()
    network.save_pretrained(folder)
    return network, load_file(folder / "model.safetensors")


def logits(network: Any) -> Any:
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return network.eval()(pixel_values=images).logits.numpy()


@pytest.mark.parametrize("model", ["dfine_n", "deimv2_n", "rfdetr_nano", "rfdetr_seg_nano"])
def test_a_file_of_the_library_fills_the_model(model: str, context_of: Context, tmp_path: Path) -> None:
    context = context_of(model)
    network, tensors = saved(context, 5, tmp_path)
    if model == "dfine_n":
        for new, old in OLD_NAMES.items():
            tensors = {name.replace(new, old): value for name, value in tensors.items()}
        assert any("out_proj" in name for name in tensors)
    module = context.module(5)
    mapped = context.mapped_weights(tensors, 5)
    assert mapped.keys() == module.state_dict().keys()
    context.engine_module.load_arrays(module, dict(mapped))
    np.testing.assert_array_equal(logits(module.network), logits(network))


def test_a_first_row_that_has_no_class_is_left_out(context_of: Context, tmp_path: Path) -> None:
    for model, head, rows in (
        ("rfdetr_nano", "network.class_embed.weight", 91),
        ("dfine_n", "network.model.enc_score_head.weight", 366),
    ):
        context = context_of(model)
        network, tensors = saved(context, rows, tmp_path / model)
        mapped = context.mapped_weights(tensors, rows - 1)
        own = network.state_dict()[head.removeprefix("network.")].numpy()
        np.testing.assert_array_equal(mapped[head], own[1:])
        shapes = context.engine_module.shapes_of(context.module(rows - 1))
        assert {name: value.shape for name, value in mapped.items()} == shapes


def test_a_head_for_other_classes_stays_as_it_is(context_of: Context, tmp_path: Path) -> None:
    context = context_of("dfine_n")
    _, tensors = saved(context, 7, tmp_path)
    mapped = context.mapped_weights(tensors, 3)
    assert len(mapped["network.model.enc_score_head.bias"]) == 7


def test_tensors_of_a_run_pass(context_of: Context) -> None:
    context = context_of("dfine_n")
    own = context.engine_module.arrays_of(context.module(3))
    assert context.mapped_weights(own, 3) is own


def test_each_set_says_where_its_file_is_and_what_its_classes_are(catalogue: Catalogue) -> None:
    for family in HOOKS:
        cards = [card for card in catalogue.cards if card.family == family]
        for card in cards:
            default = [name for name, spec in card.weights.items() if spec.default]
            assert default == ["coco"], card.name
            for spec in card.weights.values():
                assert spec.source.startswith("hub:")
                assert spec.license == "Apache-2.0"
                assert (spec.classes, spec.class_names) in {(80, "coco"), (90, "coco90"), (365, "objects365")}
    assert "objects365" in catalogue.model("dfine_x").weights
