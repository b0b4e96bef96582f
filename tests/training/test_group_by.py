"""Trainings whose split keeps together what belongs together, and what they say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image
from vistry.errors import DataError
from vistry.runs.folder import Run
from vistry.training.plan import Plan, Request, make_plan

SETTINGS: dict[str, Any] = {"number_of_epochs": 1, "precision": "fp32"}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Ten patients with four scans each, in a folder a class; every patient has one diagnosis."""
    random = np.random.default_rng(0)
    for patient in range(10):
        folder = tmp_path / "scans" / ("ill" if patient % 2 else "well")
        folder.mkdir(parents=True, exist_ok=True)
        for scan in range(4):
            pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"p{patient}_{scan}.png")
    return tmp_path / "scans"


@pytest.fixture
def listed(scans: Path) -> Path:
    """The same, in a file with a column."""
    path = scans.parent / "scans.csv"
    rows = [
        f"scans/{image.parent.name}/{image.name},{image.parent.name},{image.stem[:2]}" for image in scans.glob("*/*")
    ]
    path.write_text("\n".join(["image,label,patient", *sorted(rows)]) + "\n")
    return path


def plan_of(data: Path, by: str | None, validation: Path | None = None) -> Plan:
    return make_plan(Request(data=data, task="multiclass", model="tiny", group_by=by, validation=validation), [])


def patients(images: Any) -> set[str]:
    return {Path(image).name[:2] for image in images}


def test_by_a_pattern_on_the_path(scans: Path, runs: Path) -> None:
    plan = plan_of(scans, "{group}_*")
    assert not patients(plan.training.images) & patients(plan.validation.images)
    assert len(plan.validation) == 8
    assert set(plan.validation.labels) == {0, 1}
    assert str(plan.split) == "drawn, by {group}_*: 10 groups, 2 of them for validation"


def test_by_a_column(listed: Path, runs: Path) -> None:
    plan = plan_of(listed, "patient")
    assert not patients(plan.training.images) & patients(plan.validation.images)
    assert str(plan.split) == "drawn, by patient: 10 groups, 2 of them for validation"


def test_the_same_image_connects_groups(scans: Path, runs: Path) -> None:
    (scans / "well" / "p2_9.png").write_bytes((scans / "well" / "p0_0.png").read_bytes())
    for size in (0.2, 0.3, 0.4):
        request = Request(data=scans, task="multiclass", model="tiny", group_by="{group}_*", validation_size=size)
        plan = make_plan(request, [])
        sides = [patients(table.images) for table in (plan.training, plan.validation)]
        assert len({at for at, side in enumerate(sides) if side & {"p0", "p2"}}) == 1


def test_without_groups_nothing_changes(scans: Path, runs: Path) -> None:
    assert str(plan_of(scans, None).split) == "drawn, by class"


def test_own_splits_that_part_groups_are_told(scans: Path, runs: Path) -> None:
    for label in ("ill", "well"):
        for split in ("train", "val"):
            (scans / split / label).mkdir(parents=True)
        for image in sorted((scans / label).iterdir()):
            image.rename(scans / ("val" if image.stem.endswith("3") else "train") / label / image.name)
        (scans / label).rmdir()
    plan = plan_of(scans, "{group}_*")
    [finding] = [one for one in plan.diagnoses[0].findings if one.check == "group-straddles"]
    assert finding.reason.startswith("10 of 10 groups by {group}_* are in more than one of train and validation: p0")
    assert str(plan.split) == "the data's own splits, by {group}_*: 10 groups, 10 of them for validation"


def test_validation_data_apart_that_parts_groups_is_told(scans: Path, runs: Path, tmp_path: Path) -> None:
    for label in ("ill", "well"):
        (tmp_path / "apart" / label).mkdir(parents=True)
        for image in sorted((scans / label).iterdir())[:4]:
            image.rename(tmp_path / "apart" / label / image.name)
    first = scans / "ill" / "p1_9.png"
    Image.new("RGB", (16, 16)).save(first)
    plan = plan_of(scans, "{group}_*", tmp_path / "apart")
    [finding] = [one for one in plan.diagnoses[0].findings if one.check == "group-straddles"]
    assert finding.reason == "1 of 10 groups by {group}_* are in more than one of train and validation: p1"


def test_a_group_for_all_is_refused(scans: Path, runs: Path) -> None:
    with pytest.raises(DataError, match="all 40 images belong together"):
        plan_of(scans, "{group}*_*")
    with pytest.raises(DataError, match=r"'\{group\}-\*' matches none of the 40 images"):
        plan_of(scans, "{group}-*")


def test_the_run_and_its_report_say_how_it_was_split(scans: Path, runs: Path, vistry: Any) -> None:
    arguments = ("--data", scans, "--task", "multiclass", "--model", "tiny", "--group-by", "{group}_*")
    options = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
    shown = vistry("train", *arguments, *options, "--output", runs / "run")
    assert "drawn, by {group}_*: 10 groups, 2 of them for validation" in shown.stdout
    split = Run(runs / "run").record.data.split
    assert split is not None
    assert (split.way, split.group_by, split.groups, split.validation_groups, split.ungrouped) == (
        "drawn", "{group}_*", 10, 2, 0,
    )  # fmt: skip
    assert "by {group}_*: 10 groups, 2 of them for validation" in (runs / "run" / "report.html").read_text()
    assert json.loads((runs / "run" / "run.json").read_text())["data"]["split"]["groups"] == 10


def test_python_takes_it_too(listed: Path, runs: Path) -> None:
    run = vistry.train(listed, task="multiclass", model="tiny", group_by="patient", **SETTINGS).run
    assert run.record.data.split is not None
    assert run.record.data.split.group_by == "patient"
