"""Each hook of API 1.0 with each of its arguments, as methods of an object."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from vistry.plugin import (
    Backbone,
    FittedTensors,
    FreezingMap,
    Input,
    KernelSpec,
    Loss,
    Manifest,
    ModelCard,
    Module,
    Postprocess,
    PreprocessingSpec,
    Problem,
    StateDict,
    Table,
    TrainingData,
    Values,
    hookimpl,
    task_input,
)


class Hooks:
    @hookimpl
    def vistry_build_model(
        self,
        card: ModelCard,
        task: str,
        num_classes: int,
        hyperparameters: Values,
        backend: str,
        backbone: Backbone | None,
    ) -> Module:
        assert task in card.tasks
        assert backend == "torch"
        assert backbone is None
        from vistry_frozen.network import Network

        settings = {name: hyperparameters[name] for name in ("dropout", "extra_channels", "scaled", "activation")}
        return Network(num_classes, note=hyperparameters["note"], **settings, **card.args)

    @hookimpl
    def vistry_build_feature_maps(self, card: ModelCard, hyperparameters: Values, backend: str) -> Module:
        assert backend in card.backends
        from vistry_frozen.network import FeatureMaps

        return FeatureMaps(card.args["channels"] + hyperparameters["extra_channels"])

    @hookimpl
    def vistry_freezing_map(self, card: ModelCard, task: str) -> FreezingMap:
        return FreezingMap(card.freeze, freeze_batch_norm=task == "image_classification")

    @hookimpl
    def vistry_default_hyperparameters(self, card: ModelCard, task: str) -> dict[str, Any]:
        stated = {name: value for name, (value, _) in card.manifest_defaults(task).items()}
        return {**stated, "weight_decay": 0.0005 * card.args["channels"]}

    @hookimpl
    def vistry_check_hyperparameters(self, card: ModelCard, task: str, hyperparameters: Values) -> list[Problem]:
        wanted = hyperparameters["extra_channels"]
        if wanted <= card.args["channels"]:
            return []
        return [Problem("extra_channels", f"{wanted} is more than {card.name} has for {task}", "lower it")]

    @hookimpl
    def vistry_resolve_auto(
        self, card: ModelCard, task: str, hyperparameters: Values, weight_names: Collection[str]
    ) -> dict[str, Any]:
        assert task in card.tasks
        return {"note": "published"} if weight_names and hyperparameters["note"] is None else {}

    @hookimpl
    def vistry_build_loss(
        self, card: ModelCard, task: str, hyperparameters: Values, backend: str, data: TrainingData
    ) -> Loss:
        assert backend in card.backends
        assert len(data.classes) == len(data.class_counts) <= data.images
        from torch.nn import functional

        def loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
            logits = model(images).float()
            penalty = hyperparameters["penalty"] * logits.square().mean()
            if task == "image_classification":
                return {"cross_entropy": functional.cross_entropy(logits, targets), "penalty": penalty}
            return {"entropy": functional.binary_cross_entropy_with_logits(logits, targets), "penalty": penalty}

        return loss

    @hookimpl
    def vistry_build_postprocess(self, card: ModelCard, task: str, hyperparameters: Values) -> Postprocess:
        assert hyperparameters["training_crop_size"] <= card.restrict["training_crop_size"].maximum

        def postprocess(outputs: Any, resize_infos: Any) -> Any:
            assert len(resize_infos) == len(outputs)
            outputs = outputs.float()
            shares = outputs.softmax(dim=1) if task == "image_classification" else outputs.sigmoid()
            return shares.cpu().numpy()

        return postprocess

    @hookimpl
    def vistry_build_input(self, card: ModelCard, task: str, hyperparameters: Values) -> Input:
        assert task in card.tasks
        return task_input(task, hyperparameters)

    @hookimpl
    def vistry_fit_to_data(
        self, card: ModelCard, task: str, hyperparameters: Values, state_dict: StateDict, table: Table
    ) -> FittedTensors:
        assert task in card.tasks
        assert "dropout" in hyperparameters
        assert len(table) > 0
        return FittedTensors({"head.bias": 0 * state_dict["head.bias"]}, ["the head's bias begins at 0"])

    @hookimpl
    def vistry_preprocessing(self, card: ModelCard, task: str, hyperparameters: Values) -> PreprocessingSpec:
        assert task in card.tasks
        assert "dropout" in hyperparameters
        return PreprocessingSpec(mean=card.preprocessing.mean, std=card.preprocessing.std)

    @hookimpl
    def vistry_map_weights(
        self, card: ModelCard, state_dict: StateDict, num_classes: int, hyperparameters: Values
    ) -> StateDict:
        assert num_classes > 0
        assert card.family == "frozen"
        assert "dropout" in hyperparameters
        return {name.removeprefix("module."): value for name, value in state_dict.items()}

    @hookimpl
    def vistry_kernels(self, manifest: Manifest) -> Sequence[KernelSpec]:
        assert manifest.api == "1.0"
        return [
            KernelSpec(
                operation="frozen_square",
                summary="x times x",
                devices=("cpu",),
                implementation="vistry_frozen.network:fast_square",
                reference="vistry_frozen.network:square",
                samples="vistry_frozen.network:samples",
                tolerance={"float32": 1e-6},
            )
        ]


hooks = Hooks()
