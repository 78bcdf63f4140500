"""Picture for the notebook: the memory of many inner steps, and how well the linear system is solved."""

from unittest import mock

import click
import numpy as np
import torch
from matplotlib.figure import Figure

from autograder.shapes.memory import TensorMemory
from trainer.pictures import COLOURS, Picture, quiet

IMPLICIT, THROUGH = COLOURS[0], COLOURS[1]


def memory(step, steps, method):
    """Return how many bytes of tensors are held at once, for each number of inner steps.

    Args:
        step: takes an outer gradient.
        steps: numbers of inner steps.
        method: whose number of inner steps is set; it is as before afterwards.
    """
    before, peaks = method._num_inner_steps, []
    for method._num_inner_steps in steps:
        with TensorMemory() as counted:
            step()
        peaks.append(counted.peak)
    method._num_inner_steps = before
    return peaks


def residuals(module, method, tasks, steps, strengths):
    """Return how long the linear system's residual is beside its right-hand side: (lambdas, steps), a mean over tasks.

    The systems are those that the method hands to conjugate_gradient, all of them where its own inner loop ended.

    Args:
        module: of the method, with its conjugate_gradient.
        method: an IMAML.
        tasks: a batch.
        steps: numbers of steps of conjugate gradient.
        strengths: lambdas of the systems.
    """
    solve, implicit, own, found = module.conjugate_gradient, method._implicit_gradient, method._regularization, []

    def watched(product, b, num_steps):
        found.append([float((b - product(solve(product, b, count))).norm() / b.norm()) for count in steps])
        return b

    def for_each_strength(*arguments):
        for method._regularization in strengths:
            answer = implicit(*arguments)
        method._regularization = own
        return answer

    with (
        mock.patch.object(module, "conjugate_gradient", watched),
        mock.patch.object(method, "_implicit_gradient", for_each_strength),
    ):
        method._outer_gradient(tasks)
    if not found:
        raise click.ClickException("_implicit_gradient does not call conjugate_gradient: there is no residual to show.")
    return np.reshape(found, (len(tasks), len(strengths), -1)).mean(axis=0)


def memory_and_residual(module, imaml, maml, tasks, steps=(1, 2, 4, 8, 16), cg_steps=range(9), strengths=(0.5, 5, 50)):
    """Show the memory by inner steps of both methods, and the residual of the linear system by steps and lambda.

    Args:
        module: of iMAML.
        imaml: an IMAML.
        maml: a MAML.
        tasks: a batch.
        steps: numbers of inner steps.
        cg_steps: numbers of steps of conjugate gradient.
        strengths: lambdas of the linear systems.
    """
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    held, left = figure.subplots(1, 2)
    implicit = memory(lambda: imaml._outer_gradient(tasks), steps, imaml)
    theta = list(maml._meta_parameters.values())
    through = memory(lambda: torch.autograd.grad(maml._outer_step(tasks, True)[0], theta), steps, maml)
    for peaks, colour, words in ((through, THROUGH, "MAML"), (implicit, IMPLICIT, "iMAML")):
        held.plot(steps, np.array(peaks) / 1e6, "o-", color=colour, markersize=4, label=words)
    held.set(title="What inner steps cost", xlabel="inner steps", ylabel="tensors held at once, MB", ylim=(0, None))
    lengths = residuals(module, imaml, tasks, cg_steps, strengths)
    for strength, row, colour in zip(strengths, lengths, COLOURS[2:], strict=False):
        left.semilogy(cg_steps, row, "o-", color=colour, markersize=4, label=f"lambda = {strength:g}")
    left.set(title="How well the system is solved", xlabel="steps of conjugate gradient", ylabel="residual / gradient")
    for axes in (held, left):
        axes.legend(frameon=False, fontsize=8)
        quiet(axes)
    words = (
        f"memory from {steps[0]} to {steps[-1]} inner steps grows {implicit[-1] / implicit[0]:.1f} times for iMAML and "
        f"{through[-1] / through[0]:.1f} times for MAML; the residual falls with the steps of conjugate gradient"
    )
    return Picture(figure, words)
