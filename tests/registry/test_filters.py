"""Every filter against a plain search through what the models say of themselves, and what is said of a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any, get_args, get_type_hints

import pytest
from click.testing import CliRunner
from vistry.cli import main
from vistry.errors import RegistryError
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.filters import FILTER_NAMES, FILTERS
from vistry.registry.manifest_file import read_manifest
from vistry.registry.model_filters import Counts, ModelFilters, Texts

Record = Mapping[str, Any]
LICENCES = ("MIT", "Apache-2.0", "BSD-3-Clause", "GPL-3.0-only", "Apache-2.0 AND GPL-3.0-only", "MIT OR GPL-3.0-only")
TAGS = ("mobile", "server", "old")
LIMITS = ("minimum = 16", "maximum = 300", "choices = [224, 384]", "multiple_of = 32")


def write_family(path: Path, name: str, random: Random) -> None:
    """A manifest with a few models of everything that filters look at."""
    lines = [
        'manifest = 1\napi = "1.0"\nhooks = "m.hooks"\nsummary = "s"',
        f'license = "{random.choice(LICENCES)}"',
        f"tags = {random.sample(TAGS, random.randint(0, 1))}",
        f"tasks = {random.choice([['image_classification'], ['image_object_detection', 'image_classification']])}",
        f"backends = {random.choice([['torch'], ['jax'], ['torch', 'jax']])}",
    ]
    for number in range(random.randint(1, 4)):
        lines += [
            f'[models.{name}{number}]\nsummary = "s"\nparameters = {random.choice([5, 50, 500, 5000])}',
            f"tags = {random.sample(TAGS, random.randint(0, 2))}",
        ]
        if random.random() < 0.5:
            figures = f"{{ imagenet1k = {{ top1 = {random.randint(60, 90)} }}, coco2017 = {{ box_ap = 3{number} }} }}"
            lines.append(
                f'weights.first = {{ source = "https://e.org/w{random.randint(1, 2)}", sha256 = "0123abcd", license = '
                f'"{random.choice(LICENCES)}", metrics = {random.choice([figures, "{}"])} }}'
            )
        if random.random() < 0.5:
            lines.append(f'restrict.training_crop_size = {{ reason = "r", {random.choice(LIMITS)} }}')
        if random.random() < 0.5:
            lines.append("feature_maps = { channels = [1, 2], strides = [4, 8], parameters = 3 }")
    path.write_text("\n".join(lines))


@pytest.fixture(autouse=True)
def _one_of_the_files_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTRY_WEIGHTS", str(tmp_path))
    (tmp_path / "w1").touch()


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Made-up plugins, and a detector on each model that has feature maps."""
    folder, random, plugins = tmp_path_factory.mktemp("families"), Random(0), []
    for number in range(30):
        path = folder / f"family{number}.toml"
        write_family(path, f"net{number}_", random)
        plugins.append(Plugin(path.stem, f"vistry-{path.stem}", "1.0", path, manifest=read_manifest(path)))
    path = folder / "boxes.toml"
    path.write_text(
        'manifest = 1\napi = "1.0"\nhooks = "m.hooks"\nsummary = "s"\nlicense = "MIT"\nbackends = ["torch"]\n'
        'tasks = ["image_object_detection"]\n[composition]\nname = "boxes_{backbone}"\nsummary = "s"\n'
        "strides = [8]\nparameters = 500\nclasses = 4\n"
    )
    plugins.append(Plugin("boxes", "vistry-boxes", "1.0", path, manifest=read_manifest(path)))
    return Catalogue.of(plugins, Catalogue.read().policy)


@pytest.fixture(scope="module")
def records(catalogue: Catalogue) -> Mapping[str, Record]:
    return {card.full_name: card.to_dict() for card in catalogue.cards}


def licences(expression: str) -> list[str]:
    return re.sub("[()]", "", expression).replace(" OR ", " AND ").split(" AND ")


def is_allowed(expression: str, accepted: set[str]) -> bool:
    """By Python's own grammar of `and`, `or` and parentheses."""
    words = {"AND": "and", "OR": "or"}
    return bool(eval(re.sub(r"[^\s()]+", lambda word: words.get(word[0], str(word[0] in accepted)), expression)))


def own_weights(record: Record) -> list[Record]:
    return [] if record["backbone"] else list(record["weights"].values())  # the detectors have none of their own


def takes(sizes: Record, side: int) -> bool:
    return bool(
        (sizes["sizes"] is None or side in sizes["sizes"])
        and sizes["smallest"] <= side <= (sizes["largest"] or side)
        and side % sizes["multiple_of"] == 0
    )


def figures(record: Record) -> dict[str, float]:
    return {
        f"{data_set}.{name}": value
        for weights in own_weights(record)
        for data_set, values in weights["metrics"].items()
        for name, value in values.items()
    }


# A value of each filter, and which records it is to let through.
PLAIN: dict[str, tuple[Any, Callable[[Record], object]]] = {
    "task": (["detection"], lambda r: "image_object_detection" in r["tasks"]),
    "family": (["family3", "*1"], lambda r: r["family"] == "family3" or r["family"].endswith("1")),
    "backend": ("jax", lambda r: "jax" in r["backends"]),
    "name": (
        ["*2_?", "family5/*"],
        lambda r: fnmatchcase(r["name"], "*2_?") or r["family"] == "family5",
    ),
    "license": ("gpl-*", lambda r: any(name.startswith("GPL-") for name in licences(r["license"]))),
    "allowed_license": (
        ["MIT", "apache-2.0"],
        lambda r: is_allowed(r["license"], {"MIT", "Apache-2.0"}),
    ),
    "weights": (True, lambda r: r["weights"]),
    "cached": (True, lambda r: any(spec["source"].endswith("w1") for spec in r["weights"].values())),
    "has_weights": (True, own_weights),
    "weights_license": (["MIT"], lambda r: any("MIT" in licences(spec["license"]) for spec in own_weights(r))),
    "published": ("imagenet1k.top1 >= 75", lambda r: figures(r).get("imagenet1k.top1", 0) >= 75),
    "backbone": ("net1*", lambda r: (r["backbone"] or "").partition("/")[2].startswith("net1")),
    "tag": (["mobile", "old"], lambda r: {"mobile", "old"} & set(r["tags"])),
    "parameters": (["..5", "0.4k..0.6K"], lambda r: r["parameters"] <= 5 or 400 <= r["parameters"] <= 600),
    "min_parameters": (500, lambda r: r["parameters"] >= 500),
    "max_parameters": (500, lambda r: r["parameters"] <= 500),
    "input_size": ([48, 200], lambda r: takes(r["input_sizes"], 48) or takes(r["input_sizes"], 200)),
    "stride": (4, lambda r: r["feature_maps"] and 4 in r["feature_maps"]["strides"]),
}


def plain(name: str) -> Callable[[Record], bool]:
    base = name.removeprefix("exclude_")
    return lambda record: bool(PLAIN[base][1](record)) == (base == name)


def value(name: str) -> Any:
    return PLAIN[name.removeprefix("exclude_")][0]


@pytest.mark.parametrize("pair", list(combinations(FILTER_NAMES, 2)), ids="+".join)
def test_two_filters_together_let_through_what_both_do(
    catalogue: Catalogue, records: Mapping[str, Record], pair: tuple[str, str]
) -> None:
    found = catalogue.models(**{name: value(name) for name in pair})  # type: ignore[typeddict-item]
    expected = [name for name, record in records.items() if all(plain(filter_name)(record) for filter_name in pair)]
    assert [card.full_name for card in found] == expected


@pytest.mark.parametrize("name", FILTER_NAMES)
def test_each_filter_parts_the_models(catalogue: Catalogue, name: str) -> None:
    found = catalogue.models(**{name: value(name)})  # type: ignore[typeddict-item]
    assert 0 < len(found) < len(catalogue.cards)


def test_the_type_the_table_and_the_values_above_have_the_same_filters() -> None:
    hints = get_type_hints(ModelFilters)
    assert set(hints) == {*FILTER_NAMES, "sort"}
    assert set(PLAIN) == set(FILTERS)
    kinds = {"texts": Texts, "counts": Counts, "count": int | None, "flag": bool | None}
    assert {name: hints[name] for name in FILTERS} == {name: kinds[entry.kind] for name, entry in FILTERS.items()}
    assert get_args(Texts)[0] is str


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("top1", lambda top1: True),
        ("imagenet1k", lambda top1: True),
        ("imagenet1k.top1", lambda top1: True),
        ("top1>=75", lambda top1: top1 >= 75),
        ("imagenet1k.top1 < 75", lambda top1: top1 < 75),
    ],
)
def test_figures_by_data_set_by_name_and_by_both(
    catalogue: Catalogue, text: str, passes: Callable[[float], bool]
) -> None:
    having = {card.full_name: figures(card.to_dict()) for card in catalogue.cards}
    expected = {name for name, values in having.items() if values and passes(values["imagenet1k.top1"])}
    assert {card.full_name for card in catalogue.models(published=text)} == expected


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("5..500", 5, 500), ("..50", 0, 50), ("51..", 51, 10**9), (" 0.05k..5K ", 50, 5000), ("1B..", 10**9, 10**12)],
)
def test_ranges_of_parameters_have_both_their_ends(catalogue: Catalogue, text: str, low: int, high: int) -> None:
    expected = [card for card in catalogue.cards if low <= card.parameters <= high]
    assert catalogue.models(parameters=text) == expected


@pytest.mark.parametrize("falls", [False, True])
def test_sorted_by_a_figure_then_by_name(catalogue: Catalogue, falls: bool) -> None:
    keys = ["-imagenet1k.top1" if falls else "imagenet1k.top1", "-parameters", "name"]
    records = [card.to_dict() for card in catalogue.models(sort=keys)]
    assert len(records) == len(catalogue.cards)

    def place(record: Record) -> tuple[bool, float, int, str]:
        figure = figures(record).get("imagenet1k.top1")
        return figure is None, (figure or 0) * (-1 if falls else 1), -record["parameters"], record["name"]

    assert [place(record) for record in records] == sorted(map(place, records))


def test_models_that_are_equal_in_what_they_are_sorted_by_stay_in_order(catalogue: Catalogue) -> None:
    for key in ("parameters", "-parameters"):
        found = catalogue.models(sort=key, max_parameters=5, min_parameters=5)
        assert found == [card for card in catalogue.cards if card.parameters == 5]


def test_a_list_may_be_any_collection(catalogue: Catalogue) -> None:
    expected = catalogue.models(family=["family1", "family2"])
    for values in (("family1", "family2"), {"family2", "family1"}, {"family1": 0, "family2": 0}.keys()):
        assert catalogue.models(family=values) == expected


def test_names_that_nothing_has() -> None:
    empty = Catalogue.of([], Catalogue.read().policy)
    for filters, message in (
        ({"tag": "a"}, "there is no tag 'a'; no installed model has any"),
        ({"published": "a.b"}, "there is no published figure 'a.b'; no installed model has any"),
    ):
        with pytest.raises(RegistryError) as caught:
            empty.models(**filters)  # type: ignore[typeddict-item]
        assert str(caught.value) == message
    assert empty.models(sort="name", exclude_name="a", tag="*") == []


def test_exclusion_wins_over_what_is_asked_for(catalogue: Catalogue) -> None:
    assert catalogue.models(family=["family1", "family2"], exclude_family="family1") == catalogue.models(
        family="family2"
    )
    assert catalogue.models(name="*", exclude_name="*") == []


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"family": 3}, "family = 3 must be text, or a list of texts"),
        ({"exclude_name": ["a", 1]}, "exclude_name = ['a', 1] must be text, or a list of texts"),
        ({"name": b"a"}, "name = b'a' must be text, or a list of texts"),
        ({"name": {"a": 1}}, "name = {'a': 1} must be text, or a list of texts"),
        ({"name": iter("a")}, "name = <str_"),
        ({"sort": 1}, "sort = 1 must be text, or a list of texts"),
        ({"license": []}, "license = [] asks for nothing; name a value, or leave license out"),
        ({"stride": ()}, "stride = () asks for nothing; name a value, or leave stride out"),
        ({"stride": "8"}, "stride = '8' must be an integer of at least 1"),
        ({"input_size": [224, 0]}, "input_size = 0 must be an integer of at least 1"),
        ({"min_parameters": 1.5}, "min_parameters = 1.5 must be an integer of at least 1"),
        ({"max_parameters": [5]}, "max_parameters = [5] must be an integer of at least 1"),
        ({"parameters": 5}, "parameters = 5 must be text, or a list of texts"),
        ({"parameters": "5M"}, "parameters = '5M' must be a range such as '5M..30M', '..10M' or '1B..'"),
        ({"parameters": ".."}, "parameters = '..' must be a range such as '5M..30M', '..10M' or '1B..'"),
        ({"parameters": "3M..2M"}, "parameters = '3M..2M' must be a range such as"),
        ({"parameters": ["..1G"]}, "parameters = '..1G' must be a range such as"),
        ({"has_weights": "yes"}, "has_weights = 'yes' must be True or False"),
        ({"has_weights": 1}, "has_weights = 1 must be True or False"),
        ({"exclude_family": "famly3"}, "there is no family 'famly3'; did you mean 'family3'?"),
        ({"backbone": "net1"}, "there is no backbone 'net1'"),
        ({"tag": "mobil"}, "there is no tag 'mobil'; did you mean 'mobile'?"),
        ({"exclude_backend": "numpy"}, "there is no backend 'numpy'; known: torch, jax"),
        ({"exclude_task": ["detektion"]}, "there is no task 'detektion'; did you mean 'detection'?"),
        (
            {"published": "imagenet.top1"},
            "there is no published figure 'imagenet.top1'; did you mean 'imagenet1k.top1'?",
        ),
        (
            {"published": "top1 = 5"},
            "published = 'top1 = 5' must be a figure such as 'imagenet1k.top1' or 'imagenet1k.top1 >= 75'",
        ),
        (
            {"published": "imagenet1k > 5"},
            "published = 'imagenet1k > 5' compares a data set; name one of its figures: 'imagenet1k.FIGURE > 5'",
        ),
        ({"sort": "parameter"}, "there is no sort key 'parameter'; did you mean 'parameters'?"),
        ({"sort": ["name", "-top1"]}, "there is no sort key 'top1'; known: name, full_name, parameters, coco2017"),
        ({"tasks": None}, "there is no filter 'tasks'; did you mean 'task'?"),
        ({"exclude_tags": "a"}, "there is no filter 'exclude_tags'; did you mean 'exclude_tag'?"),
    ],
)
def test_a_filter_that_means_nothing_is_a_sentence(catalogue: Catalogue, filters: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistryError) as caught:
        catalogue.models(**filters)
    assert str(caught.value).startswith(message)


def test_the_command_line_has_each_filter_by_the_same_name() -> None:
    """Each filter with a value that some installed model has: the same models from Python and from the shell."""
    values: dict[str, Any] = {
        **{"task": ["multiclass"], "family": ["resnet", "vit"], "backend": ["jax"], "name": ["*50*", "vit*"]},
        **{"license": ["apache-*"], "allowed_license": ["Apache-2.0", "MIT"], "weights_license": ["BSD-3-Clause"]},
        **{"published": ["imagenet1k.top1 >= 74", "coco2017"], "backbone": ["resnet50"], "tag": ["*"]},
        **{"parameters": ["5M..30m", "0.1b.."]},
        **{"min_parameters": 10_000_000, "max_parameters": 30_000_000, "input_size": [200], "stride": [4]},
        **{"has_weights": False, "weights": False, "cached": False, "sort": ["-parameters", "name"]},
    }
    assert {*values, *(f"exclude_{name}" for name in values)} >= {*FILTER_NAMES}
    for name in (*FILTER_NAMES, "sort"):
        given = values[name.removeprefix("exclude_")]
        option = f"--{name}".replace("_", "-")
        arguments = [text for one in (given if isinstance(given, list) else [given]) for text in (option, str(one))]
        if isinstance(given, bool):
            arguments = [option.replace("--", "--no-")]
        done = CliRunner().invoke(main, ["models", *arguments])
        assert done.exit_code == 0, (name, done.stderr)
        listed = [line.split()[0] for line in done.stdout.splitlines()[1:]]
        catalogue = Catalogue.read()
        assert listed == [catalogue.names_of(card)[-1] for card in catalogue.models(**{name: given})], name
