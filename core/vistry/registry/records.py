"""The forms of the registry's answers as JSON: what `to_dict` gives, and what `--json` prints.

`vistry.registry_schema` makes a JSON Schema of them. SCHEMA is their version: it changes when a key is removed or
changes its meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

SCHEMA: Literal[1] = 1


State = Literal["ok", "disabled", "incompatible", "invalid", "conflict", "broken"]


class TaskRecord(TypedDict):
    """A task that models can be trained for."""

    name: str
    alias: Annotated[str, "a shorter name, which works wherever the name does"]
    summary: str
    primary_metrics: Annotated[list[str], "the metrics that may decide which epoch is the best; the default first"]


class PluginRecord(TypedDict):
    """An installed plugin, whether it can be used or not."""

    name: str
    distribution: str
    version: str
    state: State
    reason: Annotated[str, "why it is in that state; empty where it is ok"]
    remedy: Annotated[str, "what to do about it"]
    path: Annotated[str | None, "its plugin.toml"]
    api: Annotated[str | None, "the plugin API it was written for"]
    license: Annotated[str | None, "an SPDX expression"]
    summary: str | None
    models: Annotated[list[str], "the names of the models that its manifest declares"]
    parts: Annotated[dict[str, list[str]], "the names of what it declares beside models, by kind"]
    notes: Annotated[list[str], "what else to know of its installation"]


class WrappedHookRecord(TypedDict):
    """A hook of all plugins that a plugin takes part in."""

    hook: str
    order: Annotated[list[str], "the plugins that do, of which the last has the last word"]


class ShownPluginRecord(PluginRecord):
    """An installed plugin, with the hooks that its manifest speaks of."""

    implements: list[str]
    wraps: list[WrappedHookRecord]


class InputSizesRecord(TypedDict):
    """The sides in pixels that a network's input may have, as far as its manifest says."""

    smallest: int
    largest: int | None
    multiple_of: int
    sizes: Annotated[list[int] | None, "the only ones allowed, where there are few"]


class PreprocessingRecord(TypedDict):
    """How an image becomes the network's input: (value / 255 - mean) / std, after it was resized and cropped."""

    mean: Annotated[list[float], "for red, green and blue"]
    std: Annotated[list[float], "for red, green and blue"]
    interpolation: Literal["bilinear"]
    resize: Annotated[int | None, "pixels of the shorter side before the crop, where the manifest sets them"]
    crop: Annotated[int | None, "pixels of the square centre crop, where the manifest sets them"]


class FeatureMapsRecord(TypedDict):
    """What a model offers detectors, from fine to coarse."""

    channels: list[int]
    strides: Annotated[list[int], "of how many pixels across each place of a map stands for"]
    parameters: Annotated[int, "of the network without its head and its batch norms"]


class WeightsRecord(TypedDict):
    """Weights that a model's plugin publishes."""

    source: str
    sha256: Annotated[str, "the SHA-256 of the file, or how it begins"]
    license: Annotated[str, "of the weights, which may differ from the code's"]
    classes: Annotated[int | None, "how many classes their head tells apart"]
    metrics: Annotated[dict[str, dict[str, float]], "figures as published, by data set"]
    backbone: Annotated[str | None, "full name of the backbone whose they are; null: of the whole model"]


class ModelRecord(TypedDict):
    """A model of an installed plugin."""

    name: str
    full_name: Annotated[str, "family/model, unique among the plugins in use"]
    family: Annotated[str, "the plugin's name"]
    summary: str
    tasks: list[str]
    backends: list[str]
    parameters: Annotated[int, "with `classes` classes"]
    classes: Annotated[int | None, "null: what its published weights say, or 1000"]
    license: Annotated[str, "of the code, an SPDX expression"]
    default_for: Annotated[list[str], "the tasks whose model it is where none is named"]
    tags: list[str]
    weights: Annotated[dict[str, WeightsRecord], "published weights by their names"]
    layers_to_freeze: Annotated[list[list[str]], "groups of prefixes of parameters' names, from the input on"]
    backbone: Annotated[str | None, "full name of the model that a composed one is built on"]
    feature_maps: Annotated[FeatureMapsRecord | None, "null: it is no backbone"]
    input_sizes: InputSizesRecord
    preprocessing: PreprocessingRecord
    metadata: Annotated[dict[str, Any], "the author's own; Vistry doesn't read it"]
    paper: Annotated[str | None, "the address of the paper that describes it, or of another page"]
    distribution: str
    version: str
