"""A penalty on sure predictions: Pereyra et al., Regularizing Neural Networks, arXiv:1701.06548."""

from __future__ import annotations

from vistry.plugin import Tensor, Values


def torch_confidence(logits: Tensor, targets: Tensor, hyperparameters: Values) -> Tensor:  # noqa: ARG001
    """The negative entropy of each prediction: it is largest where the model is surest."""
    log_probabilities = logits.log_softmax(dim=1)
    return (log_probabilities.exp() * log_probabilities).sum(dim=1)


def jax_confidence(logits: Tensor, targets: Tensor, hyperparameters: Values) -> Tensor:  # noqa: ARG001
    """The same in JAX."""
    import jax

    log_probabilities = jax.nn.log_softmax(logits)
    return (jax.numpy.exp(log_probabilities) * log_probabilities).sum(axis=1)
