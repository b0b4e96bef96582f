"""The schemas of docs/reference/predictions.md hold for their examples and for what models really answer."""

from __future__ import annotations

import importlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import vistry

TESTS = Path(__file__).parents[1]
FROZEN = TESTS / "frozen"
PAGE = (TESTS.parent / "docs" / "reference" / "predictions.md").read_text()
IMAGES = {"run": "digits", "detection_run": "shapes", "segmentation_run": "shapes"}


def blocks(kind: str) -> dict[str, Any]:
    found = re.findall(rf"<!-- {kind}: (\w+) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


SCHEMAS, EXAMPLES = blocks("schema"), blocks("example")


def validate(entry: Any, schema: str) -> None:
    jsonschema.Draft202012Validator(SCHEMAS[schema]).validate(entry)


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugins of the frozen runs' models."""
    for folder in ("tiny_plugin", "tiny_backbone"):
        monkeypatch.syspath_prepend(str(TESTS / folder))
    importlib.invalidate_caches()


def predictions(run: str, folder: Path, **changed: Any) -> list[dict[str, Any]]:
    """What a frozen run predicts for some of its images, as a program reads it."""
    images = sorted((FROZEN / IMAGES[run]).rglob("*.png"))[:4]
    copied = shutil.copytree(FROZEN / f"{run}_schema_1", folder / run)
    entries: list[dict[str, Any]] = json.loads(json.dumps(vistry.predict(copied, images, **changed)))
    return entries


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_valid_and_has_an_example_that_is(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    validate(EXAMPLES[name], name)


def test_an_example_is_valid_for_its_own_schema_alone() -> None:
    for name, example in EXAMPLES.items():
        for other in set(SCHEMAS) - {name}:
            with pytest.raises(jsonschema.ValidationError):
                validate(example, other)


def test_a_classifiers_answers_are_as_the_page_says(tmp_path: Path) -> None:
    for entry in predictions("run", tmp_path):
        validate(entry, "classification")
        assert len(entry["probs"]) == len(entry["labels"])
        assert sum(entry["probs"]) == pytest.approx(1, abs=1e-5)


def test_a_multilabel_classifiers_answers_are_as_the_page_says(tmp_path: Path) -> None:
    images = sorted((FROZEN / "digits").rglob("*.png"))
    lines = [
        json.dumps({"image_url": str(image), "label": ["any", *["first"] * (image.parent.name == "digit0")]})
        for image in images
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    settings = {"number_of_epochs": 1, "warmup_cosine_lr_warmup_epochs": 1, "training_crop_size": 16}
    settings |= {"validation_crop_size": 16, "validation_resize_size": 16, "precision": "fp32"}
    result = vistry.train(
        tmp_path / "data.jsonl", task="multilabel", model="tiny", output=tmp_path / "made", **settings
    )
    for entry in json.loads(json.dumps(vistry.predict(result.run.folder, images[:4]))):
        validate(entry, "classification")
        assert entry["labels"] == ["any", "first"]


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_a_detectors_answers_are_as_the_page_says(task: str, tmp_path: Path) -> None:
    entries = predictions(f"{task}_run", tmp_path, box_score_threshold=0.05)
    assert any(entry["boxes"] for entry in entries)
    for entry in entries:
        validate(entry, task)
        scores = [box["score"] for box in entry["boxes"]]
        assert scores == sorted(scores, reverse=True)
        assert all(score > 0.05 for score in scores)


def test_an_unreadable_image_is_an_error_as_the_page_says(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not an image")
    copied = shutil.copytree(FROZEN / "run_schema_1", tmp_path / "run")
    [entry] = vistry.predict(copied, [broken])
    validate(entry, "error")
    assert entry["filename"] == str(broken)
