"""Every check, in the order of a run."""

from __future__ import annotations

from vistry.testing.build_checks import (
    builds_on_the_meta_device,
    is_detector,
    model_is_built,
    parameter_count_is_as_declared,
    predictions_have_the_right_shape,
    random_seed_is_reproducible,
)
from vistry.testing.check import Check, always
from vistry.testing.composition_checks import (
    absent_backbone,
    absent_composition,
    composition_fits_a_backbone,
    detectors_are_built_on_it,
)
from vistry.testing.detection_checks import detections_are_in_range
from vistry.testing.export_checks import absent_exportable, exportable_finds_the_same
from vistry.testing.feature_map_checks import absent_feature_maps, feature_maps_are_as_declared
from vistry.testing.freezing_checks import (
    absent_layers_to_freeze,
    absent_statistics,
    freezing_prefixes_match,
    frozen_batch_norm_stays,
    frozen_parameters_stay,
)
from vistry.testing.hyperparameter_checks import (
    absent_hyperparameters,
    declared_hyperparameters_are_read,
    defaults_are_in_range,
    unknown_arguments_are_refused,
)
from vistry.testing.kernel_checks import absent_kernels, kernels_agree_with_their_references, kernels_can_be_traced
from vistry.testing.manifest_checks import (
    code_is_in_the_wheel,
    hooks_are_known,
    manifest_is_in_the_wheel,
    manifest_is_valid,
    queries_import_no_tensor_library,
)
from vistry.testing.part_checks import absent_parts, parts_work
from vistry.testing.precision_checks import absent_boxes, boxes_are_exact_in_low_precision
from vistry.testing.training_checks import (
    loss_is_finite,
    loss_reaches_every_parameter,
    one_step_lowers_the_loss,
    predicts_on_blank_images,
)
from vistry.testing.weights_checks import absent_second_backend, backends_agree, weights_round_trip_safetensors
from vistry.testing.wrapper_checks import absent_wrappers, others_work_under_its_wrappers

PLUGIN_CHECKS = (
    Check(manifest_is_valid),
    Check(manifest_is_in_the_wheel),
    Check(code_is_in_the_wheel),
    Check(hooks_are_known),
)
CODE_CHECKS = (
    Check(queries_import_no_tensor_library),
    Check(kernels_agree_with_their_references, absence=absent_kernels),
    Check(kernels_can_be_traced, absence=absent_kernels),
    Check(composition_fits_a_backbone, absence=absent_composition),
    Check(detectors_are_built_on_it, absence=absent_backbone),
    Check(others_work_under_its_wrappers, absence=absent_wrappers),
    Check(parts_work, absence=absent_parts),
)
MODEL_CHECKS = (
    Check(defaults_are_in_range),
    Check(declared_hyperparameters_are_read, absence=absent_hyperparameters, computes=always),
    Check(unknown_arguments_are_refused),
    Check(model_is_built),
    Check(builds_on_the_meta_device),
    Check(predictions_have_the_right_shape, computes=is_detector),
    Check(detections_are_in_range, absence=absent_boxes, computes=always),
    Check(parameter_count_is_as_declared),
    Check(feature_maps_are_as_declared, absence=absent_feature_maps),
    Check(random_seed_is_reproducible, computes=always),
    Check(freezing_prefixes_match, absence=absent_layers_to_freeze),
    Check(frozen_parameters_stay, absence=absent_layers_to_freeze, computes=always),
    Check(frozen_batch_norm_stays, absence=absent_statistics, computes=always),
    Check(loss_is_finite, computes=always),
    Check(loss_reaches_every_parameter, computes=always),
    Check(one_step_lowers_the_loss, computes=always),
    Check(predicts_on_blank_images, computes=always),
    Check(boxes_are_exact_in_low_precision, absence=absent_boxes, computes=always),
    Check(exportable_finds_the_same, absence=absent_exportable, computes=always),
    Check(weights_round_trip_safetensors, computes=always),
    Check(backends_agree, absence=absent_second_backend, computes=always),
)
EVERY_CHECK = (*PLUGIN_CHECKS, *CODE_CHECKS, *MODEL_CHECKS)
