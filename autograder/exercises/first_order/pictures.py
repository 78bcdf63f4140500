"""Pictures for the notebook: how the outer gradients of first and of second order differ, and what they cost."""

import numpy as np
import torch
from matplotlib.figure import Figure

from autograder.shapes.memory import TensorMemory
from trainer.pictures import COLOURS, Picture, quiet

FIRST, SECOND = COLOURS[0], COLOURS[1]


def _row(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def cosine(first_order, maml, tasks):
    """Return the cosine between both outer gradients, at first_order's theta.

    Args:
        first_order: a FirstOrderMAML.
        maml: a MAML with as many inner steps, at the same rate; it is given the other's theta.
        tasks: a batch.
    """
    theta = first_order._meta_parameters
    maml._meta_parameters = {name: tensor.detach().clone().requires_grad_() for name, tensor in theta.items()}
    gradient = first_order._outer_gradient(tasks)[0]
    first = _row(gradient[name] for name in theta)
    second = _row(torch.autograd.grad(maml._outer_step(tasks, True)[0], list(maml._meta_parameters.values())))
    return float(torch.nn.functional.cosine_similarity(first, second, dim=0))


def memory(step, tasks, steps, method):
    """Return how many bytes of tensors are held at once, for each number of inner steps.

    Args:
        step: what is done with a batch of tasks.
        tasks: a batch.
        steps: numbers of inner steps.
        method: whose number of inner steps is set; it is as before afterwards.
    """
    before, peaks = method._num_inner_steps, []
    for method._num_inner_steps in steps:
        with TensorMemory() as counted:
            step(tasks)
        peaks.append(counted.peak)
    method._num_inner_steps = before
    return peaks


def two_orders(first_order, maml, tasks, iterations, cosines, steps=(1, 2, 4, 8, 16)):
    """Show the cosine between the outer gradients of both orders over training, and the memory that each takes.

    Args:
        first_order: a FirstOrderMAML.
        maml: a MAML with the same theta.
        tasks: a batch for which memory is counted.
        iterations: of the training, at which the cosine was taken.
        cosines: there.
        steps: numbers of inner steps.
    """
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    angle, bytes_held = figure.subplots(1, 2)
    angle.plot(iterations, cosines, "o-", color=FIRST, markersize=4)
    angle.axhline(1, color="grey", linewidth=0.8)
    angle.set(title="Do both orders point the same way?", xlabel="iteration", ylabel="cosine of the two gradients")
    angle.set_ylim(min(0.0, *cosines), 1.05)
    first = memory(first_order._outer_gradient, tasks, steps, first_order)
    second = memory(lambda batch: maml._outer_step(batch, True), tasks, steps, maml)
    for peaks, colour, words in ((second, SECOND, "second order"), (first, FIRST, "first order")):
        bytes_held.plot(steps, np.array(peaks) / 1e6, "o-", color=colour, markersize=4, label=words)
    bytes_held.set(title="What they cost", xlabel="inner steps", ylabel="tensors held at once, MB", ylim=(0, None))
    bytes_held.legend(frameon=False)
    for axes in (angle, bytes_held):
        quiet(axes)
    words = (
        f"cosine of first- and second-order outer gradient from {cosines[0]:.2f} to {cosines[-1]:.2f} over training; "
        f"memory with {steps[-1]} inner steps {second[-1] / first[-1]:.0f} times as much for second order"
    )
    return Picture(figure, words)
