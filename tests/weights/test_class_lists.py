"""Names of published classes, held against the libraries' own lists."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import vistry
from torchvision.models._meta import _COCO_CATEGORIES, _IMAGENET_CATEGORIES
from vistry.errors import WeightsError
from vistry.registry.manifest import CLASS_LISTS
from vistry.weights.class_lists import class_list, spelled_as


def test_imagenet_is_torchvisions() -> None:
    assert class_list("imagenet1k") == tuple(_IMAGENET_CATEGORIES)


@pytest.mark.parametrize(("name", "first"), [("coco90", 1), ("coco91", 0)])
def test_coco_is_numbered_as_torchvision_numbers_it(name: str, first: int) -> None:
    names = class_list(name)
    assert len(names) == 91 - first
    for number, category in list(enumerate(_COCO_CATEGORIES))[first:]:
        is_unused = category in ("N/A", "__background__")
        assert names[number - first] == (f"(unused {number})" if is_unused else category)


def test_the_short_list_of_coco_has_its_classes_in_their_order() -> None:
    assert class_list("coco") == tuple(name for name in class_list("coco90") if not name.startswith("("))
    assert len(class_list("coco")) == 80


@pytest.mark.parametrize("name", CLASS_LISTS)
def test_no_list_has_a_name_twice_or_a_blank_line(name: str) -> None:
    names = class_list(name)
    assert len(set(names)) == len(names)
    assert all(name == name.strip() != "" for name in names)


def test_each_published_head_has_as_many_classes_as_its_list() -> None:
    for card in vistry.models():
        for spec in card.own_weights.values():
            if spec.class_names:
                assert len(class_list(spec.class_names)) == (spec.classes or card.classes), card.full_name


def test_a_plugins_own_list_is_a_file_with_a_name_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_lists").mkdir()
    (tmp_path / "acme_lists" / "birds.txt").write_text("great tit\nŽluna zelená\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert class_list("package:acme_lists/birds.txt") == ("great tit", "Žluna zelená")
    with pytest.raises(WeightsError, match=r"class_names = .*fish\.txt.*which doesn't exist"):
        class_list("package:acme_lists/fish.txt")


def test_names_that_differ_in_case_and_spaces_alone_are_spelled_as_wanted() -> None:
    names = ("Daisy", "golden retriever", "crane", "crane bird")
    assert spelled_as(names, ("daisy", "Golden_Retriever", "tulip")) == (
        "daisy", "Golden_Retriever", "crane", "crane bird",
    )  # fmt: skip


def test_where_two_names_could_be_meant_none_is() -> None:
    assert spelled_as(("Cardigan", "cardigan"), ("CARDIGAN",)) == ("Cardigan", "cardigan")
    assert spelled_as(("tree",), ("Tree", "TREE")) == ("tree",)


def test_spelling_never_makes_two_names_one() -> None:
    forms = ("ice bear", "Ice Bear", "ice-bear", "icebear", "polar bear")
    random = np.random.default_rng(0)
    for names, wanted in itertools.product(
        [tuple(random.permutation(forms)[: 1 + k % 4]) for k in range(12)],
        [tuple(random.permutation(forms)[: 1 + k % 4]) for k in range(12)],
    ):
        spelled = spelled_as(names, wanted)
        assert len(set(spelled)) == len(names), (names, wanted)
        assert all(old == new or new in wanted for old, new in zip(names, spelled, strict=True))
