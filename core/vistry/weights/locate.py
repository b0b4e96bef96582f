"""The file that the hyperparameter `weights` refers to: published under a name, at a path, or none."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from vistry.errors import WeightsError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import WeightsSpec
from vistry.registry.package_files import package_file
from vistry.registry.weights_cache import CachedFile, WeightsCache, file_name, place_of, weights_cache
from vistry.weights.fetch import Download, FetchError, fetch
from vistry.weights.fetch_progress import FetchProgress, fetch_progress, size_text
from vistry.weights.hub import address_of, fetch_from_hub
from vistry.weights.offline import forbidding_variable
from vistry.weights.published import expected_size
from vistry.weights.read import sha256_of


@dataclass(frozen=True)
class LocatedWeights:
    """A file of weights on this machine. Of published ones: their name, source and hash, and a repository's commit.

    `is_new` says that the file was just fetched.
    """

    path: Path
    name: str = ""
    source: str = ""
    sha256: str = ""
    revision: str | None = None
    is_new: bool = False


def locate(name: str, card: ModelCard, progress: FetchProgress | None = None) -> LocatedWeights | None:
    """Return the file that `weights` refers to, or None for "none". Raises WeightsError before any tensor is read.

    A name from the manifest refers to a file in an installed package, or in a cache, into which it is fetched if it is
    missing; `progress` is told, by default standard error.
    """
    if name.casefold() == "none":
        return None
    if name in card.weights:
        return _published(name, card, progress or fetch_progress())
    path = Path(name).expanduser()
    if path.is_file():
        return LocatedWeights(path)
    names = ["none", *card.weights]
    raise WeightsError(
        f"invalid weights: expected a file or weights of {card.name}, got '{name}'; {suggestion(name, names)}"
    )


def wrong_file(located: LocatedWeights, spec: WeightsSpec) -> str | None:
    """Say how a file differs from the published one; None where it is that.

    Without a hash in the manifest the hub's own counts, by which its cache calls the file.
    """
    kept_as = located.path.resolve().name
    expected = spec.sha256 or (kept_as if re.fullmatch("[0-9a-f]{64}", kept_as) else "")
    if located.sha256.startswith(expected):
        return None
    named = "that its plugin names" if spec.sha256 else "that the hub sent"
    return f"{located.path} is not the file {named}: expected SHA-256 {expected[:16]}..., got {located.sha256[:16]}..."


def fetch_command(name: str, card: ModelCard) -> str:
    """Return the command that fetches weights."""
    return f"vistry weights fetch {shlex.quote(card.name)} {shlex.quote(name)}"


def _published(name: str, card: ModelCard, progress: FetchProgress) -> LocatedWeights:
    spec = card.weights[name]
    file = WeightsCache.read().find(spec)
    is_new = file is None
    if file is None:
        file = _in_package(name, card, spec) or _fetched(name, card, progress)
    # Both sides are checked: a package may be another version, and a cached file may be cut short or replaced.
    located = LocatedWeights(
        path=file.path,
        name=name,
        source=spec.source,
        sha256=sha256_of(file.path),
        revision=file.revision,
        is_new=is_new,
    )
    if problem := wrong_file(located, spec):
        raise WeightsError(f"{problem}; {_remedy(name, card, is_new=is_new)}")
    if is_new and not spec.sha256:
        progress.note(f"its SHA-256 is {located.sha256}, its revision {located.revision}: runs keep both")
    return located


def _remedy(name: str, card: ModelCard, *, is_new: bool) -> str:
    spec = card.weights[name]
    if spec.package_and_file:
        return f"reinstall '{spec.package_and_file[0]}' in the version that {card.distribution} requires"
    again = f"type: vistry weights remove {shlex.quote(card.name)} {shlex.quote(name)}"
    if spec.hub_file and is_new and spec.sha256:
        return f"its repository has another file by now, so plugin.toml has to name a revision of it; {again}"
    return f"{again}, and it is fetched again when it is needed"


def _in_package(name: str, card: ModelCard, spec: WeightsSpec) -> CachedFile | None:
    """The error about a file that an installed package should carry; None for files from elsewhere."""
    if spec.package_and_file is None:
        return None
    try:
        return CachedFile(package_file(*spec.package_and_file))
    except (ValueError, ImportError) as error:
        raise WeightsError(
            f"weights = '{name}' of {card.name}: plugin.toml names {error}; type: pip install {card.distribution}"
        ) from None


def _fetched(name: str, card: ModelCard, progress: FetchProgress) -> CachedFile:
    spec = card.weights[name]
    try:
        if variable := forbidding_variable():
            raise FetchError(f"{variable} forbids to fetch them")
        progress.note(f"fetching {description(name, card)}")
        if spec.hub_file:
            return fetch_from_hub(spec.hub_file)
        path = weights_cache() / file_name(spec)
        fetch(Download(spec.source, path, spec.sha256, size=spec.size), progress)
        return CachedFile(path)
    except FetchError as error:
        raise WeightsError(_missing(name, card, str(error))) from None


def _missing(name: str, card: ModelCard, reason: str) -> str:
    """The sentence about weights that can't be fetched, with what a person can do."""
    spec = card.weights[name]
    address = address_of(spec.hub_file) if spec.hub_file else spec.source
    place = place_of(spec.hub_file) if spec.hub_file else weights_cache() / file_name(spec)
    return (
        f"the weights '{name}' of {card.name} are not on this machine: {reason}; "
        f"download {address} on another one and put it at {place} "
        f"(or there type: {fetch_command(name, card)} --to FOLDER, and copy what is in FOLDER to {weights_cache()}), "
        "or start from random weights with --weights none"
    )


def description(name: str, card: ModelCard) -> str:
    """Say of published weights what they are, from where, how large and under which licence."""
    spec = card.weights[name]
    backbone = card.backbone if card.backbone_of_weights(name) else None
    size = ("" if spec.size else "about ") + size_text(expected_size(card, name))
    owner = f"{backbone.name}, the backbone of {card.name}," if backbone else card.name
    return f"the weights '{name}' of {owner} from {spec.source} ({size}, {spec.license})"
