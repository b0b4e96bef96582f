"""Models side by side: what differs is what their own records differ in."""

from __future__ import annotations

import pytest
import vistry
from vistry.choosing.comparison import NOTHING, Row
from vistry.errors import RegistryError


def rows(*names: str) -> dict[str, Row]:
    return {row.fact: row for row in vistry.compare_models(names).rows}


def test_facts_of_two_classifiers() -> None:
    found = rows("resnet18", "vits16r224")
    cards = [vistry.model(name) for name in ("resnet18", "vits16r224")]
    assert found["parameters"].values == tuple(f"{card.parameters / 1e6:.1f} M" for card in cards)
    assert found["layers to freeze"].values == ("5", "13")
    assert found["imagenet1k.top1"].values[0] == "69.758"
    for task in ("multiclass", "multilabel"):
        values = [vistry.hyperparameters(card.name, task).defaults()["learning_rate"] for card in cards]
        assert found[f"learning_rate, {task}"].values == tuple(f"{value:g}" for value in values)
        assert found[f"learning_rate, {task}"].differs
    assert not found["license"].differs
    assert not found["tasks"].differs
    assert "backbone" not in found  # which neither has


def test_models_of_different_tasks() -> None:
    found = rows("resnet50", "yolov5", "maskrcnn_resnet50_fpn")
    assert found["tasks"].values == ("multiclass, multilabel", "detection", "segmentation")
    assert found["backbone"].values == (NOTHING, NOTHING, "resnet/resnet50")
    assert found["image_size"].values == (NOTHING, "640", NOTHING)
    assert found["training_crop_size"].values == ("224", NOTHING, NOTHING)
    assert found["learning_rate, detection"].values == (NOTHING, "0.01", NOTHING)
    assert found["coco2017.mask_ap"].values == (NOTHING, NOTHING, "34.6")


def test_a_default_that_nobody_changes_but_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows("yolov5", "fasterrcnn_resnet50_fpn")
    usual = vistry.hyperparameters(None, "detection").defaults()["number_of_epochs"]
    assert found["number_of_epochs, detection"].values == ("30", str(usual))


def test_the_record_has_the_rows_and_each_models_own() -> None:
    comparison = vistry.compare_models(["resnet50", "resnet/resnet18"])
    record = comparison.to_dict()
    assert [model["name"] for model in record["models"]] == ["resnet50", "resnet18"]
    assert record["facts"] == [vistry.model_facts(name).to_dict() for name in ("resnet50", "resnet18")]
    assert [row["fact"] for row in record["rows"]] == [row.fact for row in comparison.rows]
    assert {row["fact"] for row in record["rows"] if row["differs"]} >= {"parameters", "imagenet1k.top1"}
    assert record["measured"] == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["resnet50"], "a comparison needs at least two models; to see one, type: vistry models show MODEL"),
        ([], "a comparison needs at least two models"),
        (["resnet50", "resnet/resnet50"], "resnet/resnet50 is named twice; a model isn't compared with itself"),
        (["resnet50", "resnt18"], "there is no model 'resnt18'; did you mean 'resnet18'?"),
    ],
)
def test_what_cant_be_compared(names: list[str], message: str) -> None:
    with pytest.raises(RegistryError) as caught:
        vistry.compare_models(names)
    assert str(caught.value).startswith(message)
