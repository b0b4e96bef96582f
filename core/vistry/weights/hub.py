"""Files of repositories on the Hugging Face Hub, whose own library fetches and keeps them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR
from pathlib import Path

from vistry.registry.manifest import HubFile
from vistry.registry.weights_cache import MAIN, CachedFile, hub_cache
from vistry.weights.fetch import PASSING, FetchError, Patience

PUBLIC_HUB = "https://huggingface.co"


def endpoint() -> str:
    """Return the address of the hub: HF_ENDPOINT where that names a mirror."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")


def address_of(file: HubFile) -> str:
    """Return where the file can be downloaded by hand."""
    return f"{endpoint()}/{file.repository}/resolve/{file.revision or MAIN}/{file.file}"


def fetch_from_hub(file: HubFile, patience: Patience | None = None) -> CachedFile:
    """Download a file into the hub's cache, and return it with the commit that it is of. Raises FetchError.

    The library tries again, locks and shows a bar on a terminal. It reads variables when it is imported, which may be
    long ago, so those that matter are given to it.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise FetchError(
            "files of a hub need huggingface_hub, which isn't installed: pip install 'vistry[hub]'"
        ) from None
    try:
        with _quiet_library():
            _knock(file, patience or Patience())
            path = hf_hub_download(
                file.repository,
                file.file,
                revision=file.revision,
                cache_dir=hub_cache(),
                endpoint=endpoint(),
            )
    except Exception as error:  # its network library's own errors are no part of its interface
        raise FetchError(_reason(file, error)) from None
    place = Path(path)
    return CachedFile(place, place.parents[file.file.count("/")].name)


def _knock(file: HubFile, patience: Patience) -> None:
    """Ask for the file's metadata, or raise what the library raises: by itself it tries for half a minute."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    address = hf_hub_url(file.repository, file.file, revision=file.revision, endpoint=endpoint())
    for attempt in range(patience.attempts):
        try:
            get_hf_file_metadata(address, timeout=patience.timeout, endpoint=endpoint())
        except Exception as error:
            passing = not isinstance(error, HfHubHTTPError) or error.response.status_code in PASSING
            if not passing or attempt + 1 == patience.attempts:
                raise
            patience.sleep(2.0**attempt)
        else:
            return


@contextmanager
def _quiet_library() -> Iterator[None]:
    """Keep huggingface_hub from logging, from warning, and from telling the hub who asks."""
    from huggingface_hub import constants
    from huggingface_hub.utils import logging

    telemetry, verbosity = constants.HF_HUB_DISABLE_TELEMETRY, logging.get_verbosity()
    constants.HF_HUB_DISABLE_TELEMETRY = True
    logging.set_verbosity(ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = telemetry
        logging.set_verbosity(verbosity)


def _reason(file: HubFile, error: Exception) -> str:
    from huggingface_hub import errors

    where = f"{file.repository} on {endpoint()}"
    if isinstance(error, errors.GatedRepoError):
        return f"{where} wants you to accept its terms there, and an access token in HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"there is no {where}, or it wants an access token in HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{where} has no revision '{file.revision}'"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return f"{where} has no file {file.file}"
    if isinstance(error, errors.HfHubHTTPError):
        return f"{endpoint()} answers {error.response.status_code} {error.response.reason_phrase}".rstrip()
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = str(cause).strip() or type(cause).__name__
    return f"{endpoint()} can't be reached or didn't answer as a hub does: {text.splitlines()[0]}"
