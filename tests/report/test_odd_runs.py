"""Runs that failed, that are small or large, and names that mean harm."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vistry.data.images.decode import load_image
from vistry.errors import RunError
from vistry.report import write_report
from vistry.runs.folder import PREDICTIONS, Run
from vistry.runs.records import RunStatus

HOSTILE = (
    "<script>alert(1)</script>",
    "\"quoted\" & 'single' onerror=alert(1)",
    "x" * 400,
    "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED} \N{RIGHT-TO-LEFT OVERRIDE}abc",
    "</style></svg></title><img src=x>",
    "javascript:alert(1) http://example.com {{ 7 * 7 }}",
)


def test_hostile_names_are_text(page_of: Callable[..., Any], random_run: Callable[..., Any]) -> None:
    facts = random_run(HOSTILE, 60)
    images = [f'/gone/{row}"><script>alert({row})<img src=y>.jpg' for row in range(60)]
    reason = "failed: <script>alert(2)</script>"
    page = page_of(replace(facts, images=images, status={"status": "<b>odd</b>", "reason": reason}))
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    names = [row[0] for row in page.tables["classes"][0][1:]]
    assert names[:2] == [HOSTILE[0], HOSTILE[1]]
    assert names[2] == "x" * 47 + "\N{HORIZONTAL ELLIPSIS}"
    assert names[3:5] == [HOSTILE[3], HOSTILE[4]]
    assert reason in page.sections["top"]


def test_nothing_is_asked_of_the_network(make_run: Callable[..., Run], random_run: Callable[..., Any]) -> None:
    run = make_run(random_run(HOSTILE[:3], 12))
    html = write_report(run).read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href|action|data|poster)\s*=\s*["']?\s*(?:https?:)?//""", html)
    assert not re.search(r"url\(|@import|<link|<iframe|<base", html)
    assert re.search(r"""Content-Security-Policy" content="default-src &#39;none&#39;; img-src data:""", html)
    assert set(re.findall(r'href="([^"]{0,1})', html)) == {"#"}


def test_a_run_without_an_evaluation(page_of: Callable[..., Any], multiclass: Any) -> None:
    status = {"status": "failed", "reason": "the loss exploded to 1e+03"}
    page = page_of(replace(multiclass, history=[], status=status), evaluated=False)
    assert "tiny failed" in page.sections["top"]
    assert "the loss exploded" in page.sections["top"]
    assert "accuracy\N{EN DASH}" in page.sections["top"]
    assert "No evaluation was finished" in page.sections["evaluation"]
    assert "No epoch was finished" in page.sections["training"]
    assert "metrics" not in page.sections


def test_a_failed_run_shows_its_best_epoch_so_far(page_of: Callable[..., Any], multiclass: Any) -> None:
    page = page_of(replace(multiclass, status={"status": "failed", "reason": "no more disk"}))
    assert "epoch 2 was the best" in page.sections["top"]


def test_damaged_predictions_are_said(make_run: Callable[..., Run], multiclass: Any) -> None:
    run = make_run(multiclass)
    (run.folder / PREDICTIONS).write_bytes(b"half a file")
    run.write(RunStatus(status="completed", reason="", started="", best_epoch=2))
    html = write_report(run).read_text(encoding="utf-8")
    assert "The predictions can&#39;t be shown" in html
    assert "epoch 3 was the best" in html


def test_the_list_of_images_is_gone(make_run: Callable[..., Run], multiclass: Any) -> None:
    run = make_run(multiclass)
    (run.folder / "validation.jsonl").unlink()
    html = write_report(run).read_text(encoding="utf-8")
    assert "image 6" in html
    assert "validation images</button>" not in html


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"it has no run\.json"):
        write_report(Run(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("classes", [2, 3, 40, 100, 130])
def test_any_number_of_classes(page_of: Callable[..., Any], random_run: Callable[..., Any], classes: int) -> None:
    page = page_of(random_run([f"class {number}" for number in range(classes)], 2 * classes))
    assert len(page.tables["classes"][0]) == classes + 1
    drawn = [item for item in page.all("rect") if item.get("class") in ("right", "wrong")]
    assert 0 < len(drawn) <= 2 * classes
    assert ("Drawn are the 100 classes with the most mistakes, of 130." in page.sections["confusion"]) == (
        classes > 100
    )


@pytest.mark.parametrize("target", [0, 1])
def test_one_validation_image(page_of: Callable[..., Any], random_run: Callable[..., Any], target: int) -> None:
    page = page_of(replace(random_run(("a", "b", "c"), 1), targets=np.array([target])))
    assert f"{1 - target} of 1 image right" in page.sections["confusion"]
    assert page.tables["classes"][0][3][1:] == ["0", "0", *["\N{EN DASH}"] * 5]


def test_one_class(page_of: Callable[..., Any], random_run: Callable[..., Any]) -> None:
    page = page_of(random_run(("only",), 3))
    assert "undefined: these images are all of one kind" in page.sections["curves"]
    assert "No class was taken for another." in page.sections["confusion"]


def test_a_run_that_moved_keeps_its_page(make_run: Callable[..., Run], multiclass: Any, tmp_path: Path) -> None:
    run = make_run(multiclass)
    moved = shutil.move(run.folder, tmp_path / "elsewhere")
    assert write_report(Run(Path(moved))) == tmp_path / "elsewhere" / "report.html"


@pytest.mark.parametrize("images", [200, 1000])
def test_the_work_for_pictures_does_not_grow_with_the_images(
    make_run: Callable[..., Run],
    random_run: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    images: int,
) -> None:
    """Only the pictures of the gallery are read, each decoded at a fraction of its size."""
    picture = tmp_path / "large.jpg"
    Image.effect_noise((1600, 1200), 90).convert("RGB").save(picture)
    decoded: list[tuple[int, int]] = []

    def counted(*args: Any, **options: Any) -> Image.Image:
        image = load_image(*args, **options)
        decoded.append(image.size)
        return image

    monkeypatch.setattr("vistry.report.thumbnail.load_image", counted)
    facts = random_run([f"class {number}" for number in range(50)], images)
    path = write_report(make_run(replace(facts, images=[str(picture)] * images)))
    assert (facts.predictions.argmax(axis=1) != facts.targets).sum() > 24
    assert decoded == [(400, 300)] * 24
    assert path.stat().st_size < 2_000_000


def test_no_tensor_library_is_imported(make_run: Callable[..., Run], multiclass: Any) -> None:
    code = (
        "import sys; from pathlib import Path; from vistry.report import write_report; "
        "from vistry.runs.folder import Run; write_report(Run(Path(sys.argv[1]))); "
        "sys.exit(' '.join({'torch', 'jax', 'sklearn'} & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-c", code, str(make_run(multiclass).folder)]
    subprocess.run(command, check=True)
