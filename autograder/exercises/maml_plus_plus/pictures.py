"""Picture for the notebook: what counts when in training, and what was learned of each inner step."""

import numpy as np
from matplotlib.figure import Figure

from trainer.pictures import COLOURS, Picture, quiet

MOMENTS = 200  # of the training, at which the schedules are drawn
SHOWN = ("conv0", "conv1", "conv2", "conv3", "w4")  # whose rates are drawn: a convolution's bias has no gradient


def schedules_and_steps(module, method, begun):
    """Show the schedules of a training, and the rates and running means that belong to each step.

    Args:
        module: that of the method, with loss_weights and outer_rate.
        method: a MAMLPlusPlus that was trained.
        begun: what all inner rates were before.
    """
    steps = np.arange(1, method._num_inner_steps + 1)
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    schedules, rates, means = figure.subplots(1, 3)
    _draw_schedules(schedules, module, method)
    for name, colour in zip(SHOWN, _colours(len(SHOWN)), strict=True):
        rates.plot(steps, method._inner_lrs[name].detach().cpu().numpy(), "o-", color=colour, label=name)
    rates.axhline(begun, color="black", linestyle="--", linewidth=1)
    rates.set(title="Learned rates", xlabel="inner step", ylabel="alpha; dashed: where all began")
    apart = [_apart(method, layer) for layer in range(len(method._statistics) // 2)]  # a mean and a variance each
    for layer, colour in zip(range(len(apart)), _colours(len(SHOWN)), strict=False):
        means.plot(steps, apart[layer], "o-", color=colour, label=f"layer {layer}")
    means.set(title="Running means", xlabel="inner step", ylabel="distance to the first step's [deviations]")
    for axes in (rates, means):
        axes.set_xticks(steps)
        axes.legend(frameon=False, fontsize=8)
        quiet(axes)
    learned = ", ".join(f"{name} {method._inner_lrs[name][-1].item():.2f}" for name in SHOWN)
    words = f"schedules of the training; rates of the last step: {learned}; running means by step"
    return Picture(figure, words)


def _draw_schedules(axes, module, method):
    """Shares of the steps' losses as areas, the outer rate as a line, both over the iterations."""
    iterations = np.linspace(0, method._num_iterations, MOMENTS)
    steps = method._num_inner_steps
    shares = [module.loss_weights(steps, done / method._num_multi_step) for done in iterations]
    areas = np.array([np.asarray(share, dtype=float) for share in shares]).T
    names = [f"step {step}" for step in range(1, steps + 1)]
    axes.stackplot(iterations, areas, labels=names, colors=_colours(steps), alpha=0.5)
    fallen = [module.outer_rate(1.0, module.LAST_RATE_SHARE, done / method._num_iterations) for done in iterations]
    axes.plot(iterations, fallen, color="black", label="outer rate")
    axes.axvline(method._num_first_order, color="black", linestyle=":")
    axes.set(title="What counts when", xlabel="iteration", ylabel="share", ylim=(0, 1), xlim=(0, iterations[-1]))
    axes.legend(fontsize=8, loc="upper right")
    quiet(axes)


def _apart(method, layer):
    """How far each step's running means are from the first step's: root mean square, in deviations of the first."""
    mean, var = (method._statistics[f"{name}{layer}"].cpu().numpy() for name in ("mean", "var"))
    return np.sqrt(np.mean((mean - mean[0]) ** 2 / (var[0] + 1e-5), axis=1))


def _colours(count):
    """So many colours, again from the first where there are fewer."""
    return [COLOURS[place % len(COLOURS)] for place in range(count)]
