"""A linear layer without torch, whose gradients are known in closed form: W (N, D + 1) is weights and bias in one.

Drawings are (n, 1, 1, D), labels (n,). The probe's counterpart is autograder.shapes.gradient.probe.linear.
"""

import numpy as np

Array = np.ndarray


def rows(images: Array) -> Array:
    """Drawings as rows (n, D + 1), with a 1 for the bias."""
    return np.concatenate([images.reshape(len(images), -1), np.ones((len(images), 1))], axis=1)


def chances(images: Array, W: Array) -> Array:
    """Softmax of the logits: (n, N)."""
    logits = rows(images) @ W.T
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: Array = powers / powers.sum(axis=1, keepdims=True)
    return softmax


def cross_entropy(images: Array, labels: Array, W: Array) -> float:
    """The mean cross entropy."""
    return float(-np.mean(np.log(chances(images, W)[np.arange(len(labels)), labels])))


def gradient(images: Array, labels: Array, W: Array) -> Array:
    """The gradient of the mean cross entropy: (N, D + 1)."""
    wrong = chances(images, W) - np.eye(len(W))[labels]
    slope: Array = wrong.T @ rows(images) / len(images)
    return slope


def hessian(images: Array, W: Array) -> Array:
    """The Hessian of the mean cross entropy with respect to W as one row: (N * (D + 1), N * (D + 1))."""
    inputs, softmax = rows(images), chances(images, W)
    between = np.einsum("na,ab->nab", softmax, np.eye(len(W))) - np.einsum("na,nb->nab", softmax, softmax)
    curvature: Array = np.einsum("nab,ni,nj->aibj", between, inputs, inputs).reshape(W.size, W.size) / len(inputs)
    return curvature
