"""Write the catalogue from the timm that is installed: `python -m vistry_timm.generate`.

Each network is built once on the meta device, which takes half an hour of one processor for all of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vistry_timm.kinds import defaults_of, kind_of, size_of
from vistry_timm.published import NON_COMMERCIAL, weights_of

CATALOGUE = Path(__file__).with_name("models.json")
LEFT_OUT = Path(__file__).with_name("left_out.json")
_USUAL = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_USUAL_SIZES = {"training_crop_size": 224, "validation_crop_size": 224, "validation_resize_size": 256}
_FROZEN = 2  # layers of a pretrained detector: the stem and the first stage, as in torchvision's
Entry = dict[str, Any]
Facts = Mapping[str, Any]


class Shared:
    """What several models have in common, each under a name of its own."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._names: dict[str, str] = {}

    def name_of(self, stem: str, entry: Entry) -> str:
        """Return the name of an entry; a new one is called after the stem, with a number where that is taken."""
        key = json.dumps(entry, sort_keys=True)
        if key not in self._names:
            number = 2
            name = stem
            while name in self.entries:
                name, number = f"{stem}_{number}", number + 1
            self._names[key] = name
            self.entries[name] = entry
        return self._names[key]


class Catalogue:
    """The content of the file, to which models are added one by one."""

    def __init__(self, figures: Mapping[str, Mapping[str, float]]) -> None:
        self._figures = figures
        self._shared, self._shared_weights = Shared(), Shared()
        self._models: dict[str, Entry] = {}

    def add(self, facts: Facts) -> None:
        """Add a network, by what `describe` found."""
        name, side = facts["name"], facts["size"]
        weights = dict(weights_of(name, facts["is_fixed"], side))
        first: Entry = next(iter(weights.values()), {})
        like = [*self._of_kind(facts), *self._of_size(facts), *self._of_layers(facts)]
        if (pixels := first.get("preprocessing", _USUAL)) != _USUAL:
            like.append(self._shared.name_of("pixels", {"preprocessing": pixels}))
        if first.get("license") in NON_COMMERCIAL:
            tags = [*_tags(facts), "noncommercial-weights"]
            like.append(self._shared.name_of(f"{facts['family']}_noncommercial", {"tags": tags}))
        entry: Entry = {
            "like": like,
            "summary": f"timm's {facts['family']}, made for {side} px",
            "parameters": facts["parameters"],
        }
        if maps := facts["maps"]:
            entry["feature_maps"] = {"channels": maps["channels"], "parameters": maps["parameters"]}
        if weights:
            entry["weights"] = {tag: self._weights(name, tag, found, pixels) for tag, found in weights.items()}
        self._models[name] = entry

    def text(self) -> str:
        """Return the file's text: an entry a line, so that changes can be read."""
        tables = {
            "shared": self._shared.entries,
            "shared_weights": self._shared_weights.entries,
            "models": dict(sorted(self._models.items())),
        }
        lines = ['"catalogue": 1', '"yields": true']
        lines += [f"{json.dumps(name)}: {_lines(table)}" for name, table in tables.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def _of_kind(self, facts: Facts) -> list[str]:
        size = size_of(facts["parameters"], facts["size"])
        entry: Entry = {"tags": _tags(facts)}
        if defaults := defaults_of(kind_of(facts["family"]), size):
            entry["defaults"] = defaults
        return [self._shared.name_of(f"{facts['family']}_{('small', 'base', 'large')[size]}", entry)]

    def _of_size(self, facts: Facts) -> list[str]:
        side = facts["size"]
        resize = int(side / (facts["crop_pct"] or 0.875))
        sizes = {"training_crop_size": side, "validation_crop_size": side, "validation_resize_size": resize}
        names = []
        if sizes != _USUAL_SIZES:
            names.append(self._shared.name_of(f"made_for_{side}", {"defaults": {"*": sizes}}))
        if facts["is_fixed"]:
            reason = f"it is made for {side} pixels; for another size take another model"
            limit: Entry = {"choices": [side], "reason": reason}
        else:
            limit = {"minimum": facts["smallest"]}
            step = facts["multiple_of"]
            limit |= {"multiple_of": step} if step > 1 else {}
            limit["reason"] = "a smaller input has nothing left in its last stage" + (
                f", and its stages need sides that {step} divides" if step > 1 else ""
            )
        restrict = {"training_crop_size": limit, "validation_crop_size": limit}
        stem = f"only_{side}" if facts["is_fixed"] else f"from_{facts['smallest']}"
        return [*names, self._shared.name_of(stem, {"restrict": restrict})]

    def _of_layers(self, facts: Facts) -> list[str]:
        names, groups, maps = [], facts["freeze"], facts["maps"]
        if groups:
            names.append(self._shared.name_of(f"layers_{facts['family']}", {"freeze": groups}))
        if maps:
            shared: Entry = {"strides": maps["strides"], "frozen_layers": min(_FROZEN, len(maps["freeze"]))}
            if maps["freeze"] != groups:
                shared["freeze"] = maps["freeze"]
            entry: Entry = {"feature_maps": shared}
            if maps["options"]:
                entry["args"] = {"maps": maps["options"]}
            names.append(self._shared.name_of(f"maps_{facts['family']}" if len(shared) > 2 else "maps", entry))
        return names

    def _weights(self, model: str, tag: str, found: Entry, pixels: Entry) -> Entry:
        """A set's own entry: what it shares with others has a name, and pixels are said where the model's differ."""
        shared = {key: value for key, value in found.items() if key != "sha256"}
        if shared["preprocessing"] == pixels:
            del shared["preprocessing"]
        own: Entry = {"like": ""}
        if "sha256" in found:
            own |= {"source": shared.pop("source"), "sha256": found["sha256"]}
        if shared.pop("default", False):
            own["default"] = True
        own["like"] = self._shared_weights.name_of("weights", shared)
        if figures := self._figures.get(f"{model}.{tag}"):
            own["metrics"] = {"imagenet1k": dict(figures)}
        return own


def _tags(facts: Facts) -> list[str]:
    """The kind of a network, and timm's module of it."""
    return [kind_of(facts["family"]), facts["family"]]


def _lines(table: Mapping[str, Entry]) -> str:
    lines = [f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def figures_in(path: Path | None) -> dict[str, dict[str, float]]:
    """Return the figures of a table of timm's results, or those of the present catalogue where none is given."""
    if path is None:
        return _present_figures()
    figures: dict[str, dict[str, float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):  # the best size of a set comes first
            figures.setdefault(row["model"], {"top1": float(row["top1"]), "top5": float(row["top5"])})
    return figures


def _present_figures() -> dict[str, dict[str, float]]:
    models = json.loads(CATALOGUE.read_text())["models"] if CATALOGUE.is_file() else {}
    return {
        f"{name}.{tag}": entry["metrics"]["imagenet1k"]
        for name, model in models.items()
        for tag, entry in model.get("weights", {}).items()
        if "metrics" in entry
    }


def described(names: Iterable[str]) -> Iterable[dict[str, Any]]:
    """Describe networks on the meta device; one that can't be described has an `error` in place of facts."""
    from vistry_timm.describe import Trials, describe

    trials = Trials()
    for name in names:
        try:
            yield asdict(describe(name, trials))
        except Exception as error:  # whatever timm raises: the network is left out, and the reason kept
            yield {"name": name, "error": f"{type(error).__name__}: {error}"}


def with_crop(facts: dict[str, Any]) -> dict[str, Any]:
    """Add the share of the resized image that timm crops."""
    from timm.models import get_pretrained_cfg

    stated = get_pretrained_cfg(facts["name"])
    assert stated, "timm lists it"
    return {**facts, "crop_pct": stated.crop_pct}


def write(facts: Iterable[dict[str, Any]], figures: Mapping[str, Mapping[str, float]]) -> None:
    """Write the catalogue, and beside it the networks that are not in it and why."""
    catalogue, left_out = Catalogue(figures), {}
    for found in facts:
        if "error" in found:
            left_out[found["name"]] = found["error"]
        else:
            catalogue.add(with_crop(found))
    _replace(CATALOGUE, catalogue.text())
    _replace(LEFT_OUT, json.dumps(left_out, indent=1, sort_keys=True) + "\n")


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105


def main() -> int:
    """Describe every network and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, help="timm's results-imagenet.csv; else figures stay as they are")
    parser.add_argument("--facts", type=Path, nargs="*", help="lines of JSON that were described before")
    arguments = parser.parse_args()
    import timm

    if arguments.facts:
        known = [json.loads(line) for path in arguments.facts for line in path.read_text().splitlines()]
    else:
        known = list(described(timm.list_models()))
    missing = sorted({*timm.list_models()} - {found["name"] for found in known})
    known += [{"name": name, "error": "it was not described when the catalogue was written"} for name in missing]
    write(known, figures_in(arguments.results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
