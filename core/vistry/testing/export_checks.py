"""The check of what a detector's plugin builds for exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vistry.evaluation.detection.types import Detections
from vistry.export.detection_matching import match
from vistry.export.onnx_format.network import Interface, detector_interface
from vistry.loading.batches import ImageBatch
from vistry.loading.detection.views import Letterbox
from vistry.plugin import hooks
from vistry.plugin.types import Module, Tensor
from vistry.task.behaviour import Array, as_numpy
from vistry.testing.build_checks import is_detector
from vistry.testing.check import require
from vistry.testing.model_subject import ModelSubject
from vistry.testing.samples import CLASSES

MOST_UNMATCHED = 0.02  # of all: of equal scores another may be among the last ones
ANY_SCORE = -1.0


def absent_exportable(subject: ModelSubject) -> str:
    """Return why nothing is built for exports, "" if something is."""
    if not is_detector(subject):
        return "the task has no boxes"
    if subject.backend != "torch":
        return "torch alone is exported"
    has_hook = subject.context().owner.implementation(hooks.vistry_build_exportable)
    return "" if has_hook else "its plugin has no vistry_build_exportable"


def exportable_finds_the_same(subject: ModelSubject) -> None:
    """What vistry_build_exportable builds finds the same as the model, by tensors of sizes that no image changes."""
    import torch

    context = subject.context(box_score_threshold=0)
    trained = context.module(len(CLASSES)).eval()
    exportable = context.exportable(trained)
    assert exportable is not None  # or the check is skipped
    letterbox: Letterbox | None = getattr(exportable, "letterbox", None)
    interface = detector_interface(None if letterbox is None else letterbox.side)
    random = torch.Generator().manual_seed(0)
    _, sizes = interface.sample
    with torch.inference_mode():
        for count in (2, 1):
            pixels = torch.randn(count, *interface.sample[0].shape[1:], generator=random)
            for image, (height, width) in zip(pixels, sizes.tolist(), strict=False):
                image[:, height:], image[:, :, width:] = 0, 0
            batch = ImageBatch(pixels, [tuple(size) for size in sizes[:count].tolist()])
            _require_equal(trained(batch), exportable(pixels, sizes[:count]))
    _require_followed(exportable, interface)


def _require_followed(exportable: Module, interface: Interface) -> None:
    """Call a module with tensors without values, which is what torch.export does and takes a tenth of its time."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            exportable(*map(mode.from_tensor, interface.sample))
    except Exception as error:  # torch promises no type of error
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        require(
            False,
            f"torch.export can't follow what vistry_build_exportable built ({type(error).__name__} {reason[:200]}); no "
            "size of a tensor may depend on what is in the images",
        )


def _require_equal(outputs: Sequence[Mapping[str, Tensor]], exported: Mapping[str, Tensor]) -> None:
    names = {"boxes", "scores", "labels"}
    require(
        isinstance(exported, Mapping) and names <= set(exported),
        f"what vistry_build_exportable built returned {type(exported).__name__}; return a dictionary of "
        "boxes [N, K, 4], scores [N, K] and labels [N, K]",
    )
    for image, output in enumerate(outputs):
        rows = as_numpy(exported["labels"])[image] >= 0
        ours = {name: as_numpy(exported[name])[image][rows] for name in names}
        theirs = {name: as_numpy(output[name]) for name in names}
        matching = match(_detections(theirs), _detections(ours), ANY_SCORE)
        require(
            matching.unmatched <= MOST_UNMATCHED * matching.expected,
            f"of {matching.expected} boxes that the model or what vistry_build_exportable built finds in an image, "
            f"{matching.unmatched} aren't found by both; it has to answer as the model that it is given",
        )


def _detections(values: Mapping[str, Array]) -> Detections:
    return Detections(values["boxes"], values["scores"], values["labels"])
