"""The file that the hyperparameter `weights` refers to: published under a name, at a path, or none."""

from __future__ import annotations

from pathlib import Path

from vistry.errors import WeightsError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import WeightsSpec
from vistry.registry.package_files import package_file
from vistry.weights.cache import weights_cache
from vistry.weights.fetch import fetch
from vistry.weights.hub import fetch_from_hub
from vistry.weights.read import sha256_of


def locate(name: str, card: ModelCard) -> Path | None:
    """Return the file that `weights` refers to, or None for "none". Raises WeightsError before any tensor is read.

    A name from the manifest refers to a file in an installed package, or in the cache, which is downloaded if it is
    missing.
    """
    if name.casefold() == "none":
        return None
    if name in card.weights:
        return _published(name, card, card.weights[name])
    path = Path(name).expanduser()
    if path.is_file():
        return path
    names = ["none", *card.weights]
    raise WeightsError(
        f"invalid weights: expected a file or weights of {card.name}, got '{name}'; {suggestion(name, names)}"
    )


def _published(name: str, card: ModelCard, spec: WeightsSpec) -> Path:
    if spec.package_and_file:
        path = _in_package(name, card, *spec.package_and_file)
        remedy = f"reinstall '{spec.package_and_file[0]}' in the version that {card.distribution} requires"
    elif spec.hub_file:
        path = fetch_from_hub(spec.hub_file)
        remedy = "its repository has another file by now; name a revision in plugin.toml"
    else:
        path = _in_cache(name, card, spec)
        remedy = "delete it, and it is downloaded again"
    # Both sides are checked: a package may be another version, and a cached file may be cut short or replaced.
    digest = sha256_of(path)
    if not digest.startswith(spec.sha256):
        raise WeightsError(
            f"{path} is not the file that its plugin names: expected SHA-256 {spec.sha256[:16]}..., "
            f"got {digest[:16]}...; {remedy}"
        )
    return path


def _in_package(name: str, card: ModelCard, package: str, file: str) -> Path:
    try:
        return package_file(package, file)
    except (ValueError, ImportError) as error:
        raise WeightsError(
            f"weights = '{name}' of {card.name}: plugin.toml names {error}; type: pip install {card.distribution}"
        ) from None


def _in_cache(name: str, card: ModelCard, spec: WeightsSpec) -> Path:
    # The address's own file name, so that a file which a person downloaded is recognised.
    path = weights_cache() / Path(spec.source).name
    if not path.is_file():
        try:
            fetch(spec.source, path)
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            raise WeightsError(
                f"weights = '{name}' of {card.name} are not in {path.parent} and can't be downloaded ({reason}); "
                f"download {spec.source} on another machine and put it at {path}"
            ) from None
    return path
