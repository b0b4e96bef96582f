"""The published sizes, built without numbers: parameters, layers to freeze, rates and sides are the manifest's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.testing.model_subject import ModelSubject
from vistry.training.engines.rate_factors import check_prefixes, rate_factors
from vistry.training.model_context import ModelContext
from vistry_detr import deimv2, dfine, rfdetr
from vistry_detr.rfdetr import SIZES

MODELS = [
    *(f"dfine_{size}" for size in dfine.SIZES),
    *(f"deimv2_{size}" for size in deimv2.SIZES),
    *(f"rfdetr_{size}" for size in rfdetr.SIZES),
]
QUICK = ("dfine_n", "deimv2_atto", "deimv2_s", "rfdetr_nano", "rfdetr_seg_nano")
# In millions, as their authors round them; DEIMv2's counts leave out what only training needs.
PUBLISHED = {
    "dfine_n": 4, "dfine_s": 10, "dfine_m": 19.6, "dfine_l": 31, "dfine_x": 62.7,
    "rfdetr_nano": 30.5, "rfdetr_small": 32.1, "rfdetr_medium": 33.7, "rfdetr_large": 33.9,
    "rfdetr_seg_nano": 33.6, "rfdetr_seg_small": 33.7, "rfdetr_seg_medium": 35.7, "rfdetr_seg_large": 36.2,
    "rfdetr_seg_xlarge": 38.1, "rfdetr_seg_xxlarge": 38.6,
    "deimv2_atto": 0.5, "deimv2_femto": 1.0, "deimv2_pico": 1.5, "deimv2_n": 3.6, "deimv2_s": 9.7, "deimv2_m": 18.1,
}  # fmt: skip


@pytest.mark.parametrize(
    "model", [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in MODELS]
)
def test_a_size_is_as_its_manifest_says(model: str, catalogue: Catalogue) -> None:
    card = catalogue.model(model)
    context = ModelContext.of(catalogue, card, task=card.tasks[0], backend="torch")
    context = context.with_hyperparameters(context.schema.resolve())
    with torch.device("meta"):
        module = context.module(card.classes)
    parameters = dict(module.named_parameters())
    assert sum(parameter.numel() for parameter in parameters.values()) == card.parameters
    if model in PUBLISHED:
        assert card.parameters / 1e6 == pytest.approx(PUBLISHED[model], rel=0.06)
    assert all(parameter.requires_grad for parameter in parameters.values())
    for group in card.freeze:
        for prefix in group:
            assert any(name.startswith(prefix) for name in parameters), prefix
    factors = context.rate_factors(module)
    check_prefixes(factors, parameters)
    assert min(rate_factors(factors, parameters).values()) < 1


@pytest.mark.parametrize("model", ["dfine_n", "rfdetr_base", "rfdetr_seg_nano"])
def test_checks_take_the_smallest_side_that_is_allowed(model: str, catalogue: Catalogue) -> None:
    card = catalogue.model(model)
    values = ModelSubject(catalogue, card, card.tasks[0], "torch").context().hyperparameters
    assert values["image_size"] == card.restrict["image_size"].minimum


def test_rf_detr_learns_the_more_slowly_the_nearer_to_the_image() -> None:
    factors = rfdetr.rate_factors("network.", encoder=1.5, block_decay=0.8, component_decay=0.7)
    inner = "network.model.backbone.backbone."
    # The recipe's own formula: 1.5e-4 / 1e-4 * 0.7 ** 2 * 0.8 ** (13 - layer), of which the embedding is layer 0.
    assert factors[f"{inner}embeddings."] == pytest.approx(1.5 * 0.49 * 0.8**13)
    assert factors[f"{inner}encoder.layer.0."] == pytest.approx(1.5 * 0.49 * 0.8**12)
    assert factors[f"{inner}encoder.layer.11."] == pytest.approx(1.5 * 0.49 * 0.8)
    assert factors["network.model.decoder."] == 0.7


@pytest.mark.parametrize("model", MODELS)
def test_a_side_that_the_network_cannot_take_is_refused(model: str, catalogue: Catalogue) -> None:
    card = catalogue.model(model)
    schema = ModelContext.of(catalogue, card, task=card.tasks[0], backend="torch").schema
    allowed = card.restrict["image_size"]
    least, step = int(allowed.minimum or 0), int(allowed.multiple_of or 0)

    def resolved(side: int) -> Any:
        return schema.resolve([Source.of({"image_size": side}, "the test")])["image_size"]

    assert resolved(least) == least
    for side in (least - step, least + step // 2):
        with pytest.raises(HyperparameterError, match=str(step if side > least else least)):
            resolved(side)
    if (size := SIZES.get(model.removeprefix("rfdetr_"))) is not None:
        assert step == size.patch * size.windows
        assert (least // size.patch) ** 2 >= size.queries > ((least - step) // size.patch) ** 2
