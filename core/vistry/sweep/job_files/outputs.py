"""The section `outputs`: the folder that gets the best run."""

from __future__ import annotations

from pathlib import Path

from vistry.sweep.job_files.data_paths import is_remote
from vistry.sweep.job_files.document import Node, Remarks, mapping, refuse_unknown, shown, snake_case
from vistry.sweep.job_files.scalars import word

BEST = "best_model"
_EXAMPLE = "outputs: {best_model: {type: mlflow_model, path: ./best}}"


def best_to(document: Node, remarks: Remarks) -> Path | None:
    """The folder that gets the best run, relative to the file; it must not exist, or be empty."""
    section = mapping(document.get("outputs"), remarks, _EXAMPLE)
    if section is None:
        return None
    for node in section.items():
        if node.key != BEST:
            remarks.refuse(node, "is no output of this job", "the only one is best_model")
    best = mapping(section.get(BEST), remarks, _EXAMPLE)
    if best is None:
        return None
    refuse_unknown(best, ("type", "path", "mode"), remarks)
    kind = best.get("type")
    if kind is not None and snake_case(str(kind.value)) not in ("mlflow_model", "custom_model"):
        remarks.refuse(kind, f"must be mlflow_model, got {shown(kind.value)}")
    if (mode := best.get("mode")) is not None:
        remarks.say(mode, "has no effect: the run is copied")
    path = best.get("path")
    if path is None:
        remarks.say(best, "has no path: the best run stays where it was trained")
        return None
    return _folder(path, document.path.parent, remarks)


def _folder(node: Node, base: Path, remarks: Remarks) -> Path | None:
    text = word(node, remarks)
    if text is None:
        return None
    if is_remote(text):
        remarks.refuse(node, f"'{text}' is not on this machine", "name a folder, relative to this file")
        return None
    folder = base / text
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        remarks.refuse(node, f"{folder} exists already and isn't empty", "name another, or take it away")
        return None
    remarks.say(node, f"the best run is copied to {folder}: a run folder, which is no MLflow model")
    return folder
