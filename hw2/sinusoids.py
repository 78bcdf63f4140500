"""Regression beside classification: sinusoids, and a network for them (Finn et al., 2017, section 5.1).

A task is a sinusoid, amplitude * sin(x - phase), with an amplitude from 0.1 to 5 and a phase from 0 to pi. It is known
at K points with x from -5 to 5, and asked at others. What you have written for drawings is used as it is: `predictions`
takes the place of the network, numbers x and y that of images and labels, and where your code asks for the cross
entropy of such predictions it gets their mean squared error.
"""

import itertools
from typing import Any

import click
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils import _pytree as tree

from autograder.shapes.regression.tasks import sinusoid_batches
from trainer import TEST_TASKS, Learner, Run, Score, setting, test, train

NUM_HIDDEN_UNITS = 40
ERROR = Score("query_error", "mean squared error", best="low")
VALIDATION, TEST, TRAINING = range(3)  # streams of tasks
VAL_BATCHES, VAL_TASKS = 5, 100  # and so many in each


class Predictions(torch.Tensor):
    """Predicted numbers, of which F.cross_entropy is the mean squared error.

    So a loop that was written for classes regresses: an inner loop needs of its loss nothing but a gradient.

    Raises:
        click.ClickException: a loss of classes is asked for by other functions, and nothing here can stand for them.
    """

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute as with plain tensors; what is still a column of numbers stays predictions."""
        if "softmax" in func.__name__ or "logsumexp" in func.__name__:
            raise click.ClickException(
                f"Sinusoids need the loss by its name, F.cross_entropy, for which they have the squared error; here "
                f"it is written out, with {func.__name__}."
            )
        with torch._C.DisableTorchFunctionSubclass():
            plain, named = tree.tree_map_only(cls, lambda part: part.as_subclass(torch.Tensor), (args, kwargs or {}))
            if func is F.cross_entropy:
                return F.mse_loss(*plain[:2], reduction=named.get("reduction", "mean"))
            answer = func(*plain, **named)
            is_predictions = isinstance(answer, torch.Tensor) and answer.is_floating_point() and answer.dim() == 2
            return answer.as_subclass(cls) if is_predictions else answer


def initial_parameters(device="cpu"):
    """Make the parameters of a network of two hidden layers, as they are before training.

    Returns:
        A dict of tensors by name: "w0" (40, 1) and "b0" (40,), "w1" (40, 40) and "b1", "w2" (1, 40) and "b2" (1,).
    """
    sizes = (1, NUM_HIDDEN_UNITS, NUM_HIDDEN_UNITS, 1)
    parameters = {}
    for i in range(3):
        layer = nn.Linear(sizes[i], sizes[i + 1], device=device)
        parameters[f"w{i}"], parameters[f"b{i}"] = layer.weight.detach(), layer.bias.detach()
    return parameters


def predictions(inputs, parameters):
    """Predicted numbers (n, 1) for inputs (n, 1) under the given parameters."""
    x = F.relu(F.linear(inputs, parameters["w0"], parameters["b0"]))
    x = F.relu(F.linear(x, parameters["w1"], parameters["b1"]))
    return F.linear(x, parameters["w2"], parameters["b2"]).as_subclass(Predictions)


def squared_error(method, parameters, inputs, targets):
    """Mean squared error of a method's predictions under some parameters, a float."""
    with torch.no_grad():
        return F.mse_loss(method._forward(inputs, parameters).as_subclass(torch.Tensor), targets).item()


def batches(stream, seed, tasks, shot, query):
    """Batches of tasks without end, of a stream that shares nothing with the others."""
    return sinusoid_batches(tasks, shot, query, 3 * seed + stream, least=shot)


def tensors(batch, device):
    """The tasks of a batch as float32 tensors where the parameters are."""
    return [tuple(torch.as_tensor(part, dtype=torch.float32, device=device) for part in task) for task in batch]


def domain(default):
    """Option of what the tasks are."""
    choice = click.Choice(["omniglot", "sinusoids"])
    return setting("--domain", type=choice, default=default, help="What the tasks are; sinusoids need no drawings.")


def train_on_sinusoids(run: Run, learner: Learner):
    """Train or test a learner on sinusoids: of each, --num-support points are known and --num-query are asked."""
    settings, shot, query = run.settings, run.settings["num_support"], run.settings["num_query"]
    if run.testing:
        tasks = itertools.islice(batches(TEST, 0, 1, shot, query), TEST_TASKS)
        test(run, learner, tasks, f"{shot} support points,")
        return

    def training(done):
        stream = batches(TRAINING, settings["seed"], settings["num_tasks"], shot, query)
        return itertools.islice(stream, done, None)

    def validation():
        return list(itertools.islice(batches(VALIDATION, 0, VAL_TASKS, shot, query), VAL_BATCHES))

    train(run, learner, training, validation)
