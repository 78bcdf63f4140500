"""Questions about a short training of a method that learns more than its initialisation: rates, say, or gates.

A probe that imports them has a function build, as that of autograder.shapes.gradient.probe says, which gives the
student's object `probed_parts`: {"theta": "_meta_parameters", "alpha": "_inner_lrs"}, names of what is learned, and the
object's attributes, dicts of tensors.
"""

import itertools
from typing import Any

import numpy as np
import torch

from autograder.shapes.gradient.probe import Build, Logits, adapted_logits, leaves
from autograder.shapes.training import Weights, character_tasks, minimise

Array = np.ndarray
Arrays = dict[str, Array]

INNER_LR = 0.5  # of the constructor, before the weights are put in


def train(
    build: Build,
    drawings: Array,
    way: int,
    shot: int,
    query: int,
    tasks: int,
    batches: int,
    inner_lr: float,
    outer_lr: float,
    seed: int,
    steps: int = 1,
) -> Weights:
    """Train all parts on tasks of drawings (characters, drawings, height, width). See the shape's train.

    Returns:
        Weights by part and name, as "theta.w4".
    """
    torch.manual_seed(seed)
    method = build(way, steps, inner_lr)
    stream = itertools.islice(character_tasks(drawings, way, shot, query, tasks, seed), batches)
    learned = [tensor for tensor in _weights(method).values() if tensor.requires_grad]
    minimise(learned, stream, lambda batch: method._outer_step(batch, True)[0], outer_lr)
    return Weights(_weights(method))


def _weights(method: Any) -> dict[str, torch.Tensor]:
    parts = {part: getattr(method, attribute) for part, attribute in method.probed_parts.items()}
    return {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def predict(build: Build, weights: Arrays, supports: list[list[Array]], queries: list[Array], steps: int = 1) -> Logits:
    """Logits (tasks * Q, N) of query images after adaptation; no query label is needed.

    Args:
        build: makes the student's object.
        weights: what train returned.
        supports, queries, steps: see the shape's predict.
    """
    way = max(np.size(array) for name, array in weights.items() if name.endswith(".b4"))
    method = build(way, steps, INNER_LR, learn=True)
    for part, attribute in method.probed_parts.items():
        given = {name.removeprefix(f"{part}."): array for name, array in weights.items() if name.startswith(f"{part}.")}
        setattr(method, attribute, leaves(given, getattr(method, attribute), torch.float32))
    return adapted_logits(method, supports, queries)
