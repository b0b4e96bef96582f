"""Every check there is, in the order they are run."""

from __future__ import annotations

from vistry.testing.build_checks import (
    builds_for_real,
    builds_on_the_meta_device,
    parameter_count_is_as_declared,
    seeds_decide_the_numbers,
)
from vistry.testing.check import Check
from vistry.testing.feature_map_checks import feature_maps_are_as_declared
from vistry.testing.freezing_checks import freezing_prefixes_match, frozen_batch_norm_stays, frozen_parameters_stay
from vistry.testing.hyperparameter_checks import (
    declared_hyperparameters_are_read,
    defaults_are_in_range,
    unknown_arguments_are_refused,
)
from vistry.testing.kernel_checks import kernels_agree_with_their_references
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
from vistry.testing.weights_checks import backends_agree, weights_survive_safetensors

OF_A_PLUGIN = (
    Check(manifest_is_valid),
    Check(manifest_is_in_the_wheel),
    Check(hooks_are_known),
)
OF_ITS_CODE = (
    Check(queries_import_no_tensor_library),
    Check(kernels_agree_with_their_references, required=False),
)
OF_A_MODEL = (
    Check(defaults_are_in_range),
    Check(declared_hyperparameters_are_read, required=False),
    Check(unknown_arguments_are_refused),
    Check(builds_on_the_meta_device),
    Check(builds_for_real),
    Check(parameter_count_is_as_declared),
    Check(feature_maps_are_as_declared, required=False),
    Check(seeds_decide_the_numbers),
    Check(freezing_prefixes_match, required=False),
    Check(frozen_parameters_stay, required=False),
    Check(frozen_batch_norm_stays, required=False),
    Check(loss_is_finite),
    Check(loss_reaches_every_parameter),
    Check(one_step_lowers_the_loss),
    Check(predicts_where_nothing_is_found),
    Check(weights_survive_safetensors),
    Check(backends_agree, required=False),
)
EVERY_CHECK = (*OF_A_PLUGIN, *OF_ITS_CODE, *OF_A_MODEL)
