"""Files of repositories on the Hugging Face Hub, whose own library downloads and keeps them."""

from __future__ import annotations

from pathlib import Path

from vistry.errors import WeightsError
from vistry.registry.manifest import HubFile


def fetch_from_hub(file: HubFile) -> Path:
    """Return a file of the hub's cache, which is downloaded if it is missing. Raises WeightsError."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise WeightsError(
            "weights on the Hugging Face Hub need huggingface_hub, which isn't installed; "
            "type: pip install huggingface_hub"
        ) from None
    try:
        return Path(hf_hub_download(file.repository, file.file, revision=file.revision))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise WeightsError(f"{file.file} of {file.repository} can't be fetched: {error}") from None
