"""The hooks of the three families; what they share stands in `Hooks`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from vistry.plugin import ModelCard, Module, StateDict, Values, hookimpl, score_floor

from vistry_detr import deimv2, dfine, rfdetr
from vistry_detr.weights import PREFIX, under_own_names

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn
    from vistry.plugin import Input, Postprocess

    from vistry_detr.recipes import Recipe
    from vistry_detr.squares import Sides

SEGMENTATION = "image_instance_segmentation"


class Hooks:
    """The hooks of a family whose sizes and network are in `sizes`, a module of this package."""

    sizes: ModuleType
    unused: tuple[str, ...] = ()

    @hookimpl
    def vistry_build_model(self, card: ModelCard, num_classes: int, hyperparameters: Values) -> Module:
        """Build the library's network of the card's size under the contract of detectors."""
        from vistry_detr.detector import Detector, Limits

        floor = score_floor(hyperparameters["box_score_threshold"])
        limits = Limits(hyperparameters["box_detections_per_image"], floor)
        return Detector(self.network(card, num_classes), limits, **self.details(card))

    @hookimpl
    def vistry_build_input(self, card: ModelCard, task: str, hyperparameters: Values) -> Input:
        """Build the input of squares, changed as the family's recipe says."""
        from vistry_detr.squares import SquareInput

        return SquareInput(hyperparameters, self.recipe(card), self.sides(card), with_masks=task == SEGMENTATION)

    @hookimpl
    def vistry_map_weights(self, card: ModelCard, state_dict: StateDict, num_classes: int) -> StateDict:
        """Rename the tensors of a published file."""
        return under_own_names(state_dict, partial(self.network, card), num_classes)

    @hookimpl
    def vistry_rate_factors(self, card: ModelCard, hyperparameters: Values) -> Mapping[str, float]:
        """Let the backbone learn more slowly."""
        return {self.backbone(card): hyperparameters["backbone_rate_factor"]}

    def network(self, card: ModelCard, num_classes: int) -> nn.Module:
        """Build the library's network."""
        built: nn.Module = self.sizes.network(card.args["size"], num_classes)
        return built

    def details(self, card: ModelCard) -> dict[str, Any]:  # noqa: ARG002
        """Return what `Detector` has to know of the network."""
        return {"backbone": self.sizes.BACKBONE, "unused": self.unused}

    def backbone(self, card: ModelCard) -> str:  # noqa: ARG002
        """Return how the names of the pretrained backbone's parameters begin."""
        return f"{PREFIX}{self.sizes.BACKBONE}.model."

    def recipe(self, card: ModelCard) -> Recipe:
        """Return how training images are changed."""
        raise NotImplementedError

    def sides(self, card: ModelCard) -> Sides:
        """Return the sides of images that the network takes, those of the manifest's `restrict`."""
        from vistry_detr.squares import Sides

        allowed = card.restrict["image_size"]
        return Sides(int(allowed.minimum or 1), int(allowed.multiple_of or 1))


class DFine(Hooks):
    """D-FINE."""

    sizes = dfine

    def recipe(self, card: ModelCard) -> Recipe:  # noqa: ARG002
        """Return the changes of D-FINE's configuration, which ends without them."""
        from vistry_detr.recipes import Recipe, distorted_and_cropped

        return Recipe(distorted_and_cropped, plain_end=0.1)


class Deimv2(Hooks):
    """DEIMv2."""

    sizes = deimv2

    def details(self, card: ModelCard) -> dict[str, Any]:
        """Return what `Detector` has to know of the network."""
        unused = deimv2.UNUSED if self._on_vit(card) else ()
        return {**super().details(card), "unused": unused}

    def backbone(self, card: ModelCard) -> str:
        """Return how the names of the pretrained backbone's parameters begin."""
        return f"{PREFIX}{deimv2.BACKBONE}.backbone." if self._on_vit(card) else super().backbone(card)

    def recipe(self, card: ModelCard) -> Recipe:
        """Return the changes of DEIMv2's configurations, which begin and end without them."""
        from vistry_detr.recipes import Recipe, distorted_and_cropped

        mosaic, mixup = (0.3, 0.0) if card.args["size"] == "atto" else (0.5, 0.0)
        if card.args["size"] not in ("atto", "femto", "pico"):
            mixup = 0.5
        return Recipe(
            distorted_and_cropped, plain_start=0.03, plain_end=0.1, mosaics_until=0.5, mosaic=mosaic, mixup=mixup
        )

    def _on_vit(self, card: ModelCard) -> bool:
        return isinstance(deimv2.SIZES[card.args["size"]][0], deimv2.Vit)


class RfDetr(Hooks):
    """RF-DETR."""

    sizes = rfdetr

    @hookimpl
    def vistry_build_postprocess(self, task: str, hyperparameters: Values) -> Postprocess:
        """Build the function that stretches masks of whole images; boxes alone are core's."""
        if task != SEGMENTATION:
            from vistry.plugin import task_postprocess

            return task_postprocess(task, hyperparameters)
        from vistry_detr.detector import mask_postprocess

        return mask_postprocess(hyperparameters["mask_pixel_score_threshold"])

    @hookimpl
    def vistry_rate_factors(self, card: ModelCard, hyperparameters: Values) -> Mapping[str, float]:
        """Let the decoder learn more slowly, and the backbone the more slowly the nearer to the image."""
        return rfdetr.rate_factors(
            self._prefix(card),
            encoder=hyperparameters["backbone_rate_factor"],
            block_decay=hyperparameters["block_rate_decay"],
            component_decay=hyperparameters["component_rate_decay"],
        )

    def details(self, card: ModelCard) -> dict[str, Any]:
        """Return what `Detector` has to know of the network."""
        inner = self._prefix(card).removeprefix(PREFIX)
        with_masks = rfdetr.SIZES[card.args["size"]].masks
        return {
            "backbone": f"{inner}{rfdetr.BACKBONE}",
            "unused": tuple(f"{inner}{rfdetr.BACKBONE}.backbone.{name}" for name in rfdetr.UNUSED),
            "weights": rfdetr.loss_weights(with_masks),
        }

    def recipe(self, card: ModelCard) -> Recipe:  # noqa: ARG002
        """Return the changes of RF-DETR: a flip, and a window of every second image."""
        from vistry_detr.recipes import Recipe, cut_or_whole

        return Recipe(cut_or_whole)

    def _prefix(self, card: ModelCard) -> str:
        """Return what precedes the detector's names: one for masks has it as a part."""
        return f"{PREFIX}model." if rfdetr.SIZES[card.args["size"]].masks else PREFIX


DFINE, DEIMV2, RFDETR = DFine(), Deimv2(), RfDetr()
