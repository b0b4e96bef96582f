"""The model that a run trained, found among those that are installed now."""

from __future__ import annotations

from vistry.errors import RegistryError
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.runs.folder import Run


def recorded_model(run: Run, catalogue: Catalogue) -> ModelCard:
    """Return the card of a run's model, on the backbone that it was trained with.

    Raises RegistryError that names the distribution that the model came from.
    """
    model = run.record.model
    try:
        return catalogue.recorded(model.full_name, distribution=model.distribution, backbone=model.backbone)
    except RegistryError as error:
        source = f"run {run.id} was trained with {model.distribution} {model.version}"
        raise RegistryError(f"{error}; {source}; see: vistry plugins") from error
