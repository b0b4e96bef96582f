"""Every check there is, in the order they are run."""

from __future__ import annotations

from vistry.testing.build_checks import (
    builds_for_real,
    builds_on_the_meta_device,
    finds_objects,
    parameter_count_is_as_declared,
    seeds_decide_the_numbers,
)
from vistry.testing.check import Check, always
from vistry.testing.feature_map_checks import feature_maps_are_as_declared, no_feature_maps
from vistry.testing.freezing_checks import (
    freezing_prefixes_match,
    frozen_batch_norm_stays,
    frozen_parameters_stay,
    no_layers_to_freeze,
    no_statistics_to_freeze,
)
from vistry.testing.hyperparameter_checks import (
    declared_hyperparameters_are_read,
    defaults_are_in_range,
    no_hyperparameters,
    unknown_arguments_are_refused,
)
from vistry.testing.kernel_checks import kernels_agree_with_their_references, no_kernels
from vistry.testing.manifest_checks import (
    hooks_are_known,
    manifest_is_in_the_wheel,
    manifest_is_valid,
    queries_import_no_tensor_library,
)
from vistry.testing.training_checks import (
    loss_is_finite,
    loss_reaches_every_parameter,
    one_step_lowers_the_loss,
    predicts_where_nothing_is_found,
)
from vistry.testing.weights_checks import backends_agree, one_backend, weights_survive_safetensors

OF_A_PLUGIN = (
    Check(manifest_is_valid),
    Check(manifest_is_in_the_wheel),
    Check(hooks_are_known),
)
OF_ITS_CODE = (
    Check(queries_import_no_tensor_library),
    Check(kernels_agree_with_their_references, nothing=no_kernels),
)
OF_A_MODEL = (
    Check(defaults_are_in_range),
    Check(declared_hyperparameters_are_read, nothing=no_hyperparameters, computes=always),
    Check(unknown_arguments_are_refused),
    Check(builds_on_the_meta_device),
    Check(builds_for_real, computes=finds_objects),
    Check(parameter_count_is_as_declared),
    Check(feature_maps_are_as_declared, nothing=no_feature_maps),
    Check(seeds_decide_the_numbers, computes=always),
    Check(freezing_prefixes_match, nothing=no_layers_to_freeze),
    Check(frozen_parameters_stay, nothing=no_layers_to_freeze, computes=always),
    Check(frozen_batch_norm_stays, nothing=no_statistics_to_freeze, computes=always),
    Check(loss_is_finite, computes=always),
    Check(loss_reaches_every_parameter, computes=always),
    Check(one_step_lowers_the_loss, computes=always),
    Check(predicts_where_nothing_is_found, computes=always),
    Check(weights_survive_safetensors, computes=always),
    Check(backends_agree, nothing=one_backend, computes=always),
)
EVERY_CHECK = (*OF_A_PLUGIN, *OF_ITS_CODE, *OF_A_MODEL)
