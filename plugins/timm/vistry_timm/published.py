"""timm's published weights, as its own table of them says: where they lie, how pixels are prepared, whose licence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# As SPDX writes them; other licences keep timm's name of them.
_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
}
UNSTATED = "LicenseRef-unstated"
# Of those that timm names: each allows research, and not commerce.
NON_COMMERCIAL = frozenset(
    [
        "CC-BY-NC-4.0",
        "LicenseRef-apple-amlr",
        "LicenseRef-fair-noncommercial-research-license",
        "LicenseRef-seer-license",
    ]
)
Figures = Mapping[str, dict[str, float]]


def weights_of(name: str, is_fixed: bool, side: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each set of weights of a network by its tag, the default first, with the keys of a manifest.

    Sets for another size are left out where the network takes one size alone, and so are files that can't be told by a
    hash, a revision or an address.
    """
    from timm.models import get_pretrained_cfg, list_pretrained

    config: Any = get_pretrained_cfg  # typed as if a listed name could have none
    default = config(name).tag
    tags = [tag for model, _, tag in (full.partition(".") for full in list_pretrained(f"{name}.*")) if model == name]
    for tag in sorted(tags, key=lambda tag: tag != default):
        stated = config(f"{name}.{tag}")
        source = _source(name, tag, stated)
        if source and not (is_fixed and stated.input_size[1] != side):
            yield tag, {**source, **_facts(stated), **({"default": True} if tag == default else {})}


def licence(name: str | None) -> str:
    """Return a licence as SPDX writes it."""
    if name in (None, "unknown", "other"):
        return UNSTATED
    return _LICENCES.get(str(name), f"LicenseRef-{name}")


def preprocessing(stated: Any) -> dict[str, list[float]]:
    """Return mean and deviation of a set."""
    return {"mean": [float(value) for value in stated.mean], "std": [float(value) for value in stated.std]}


def _source(name: str, tag: str, stated: Any) -> dict[str, str]:
    if stated.hf_hub_id:
        file = stated.hf_hub_filename or "model.safetensors"
        named = stated.hf_hub_id.replace(f"{name}.{tag}", "{model}.{weights}")
        return {"source": f"hub:{named}/{file}"} if file.endswith(".safetensors") else {}
    hashed = re.search(r"-([0-9a-f]{8})[0-9a-f]*\.pth$", stated.url or "")
    return {"source": stated.url, "sha256": hashed[1]} if hashed else {}


def _facts(stated: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"license": licence(stated.license), "preprocessing": preprocessing(stated)}
    if stated.num_classes:
        facts["classes"] = stated.num_classes
    if stated.num_classes == 1000:
        facts["class_names"] = "imagenet1k"
    return facts
