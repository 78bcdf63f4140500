"""Picture for the notebook: where tasks lie in the plane of two context parameters."""

import numpy as np
import torch
from matplotlib.figure import Figure

from trainer.pictures import COLOURS, Picture, quiet

TASKS, SHOT = 300, 10
SEED = 0  # of tasks that no training sees: a stream of their own


def context_plane(cavia):
    """Show a sinusoid before and after adaptation, and the contexts of many, by amplitude and by phase.

    Args:
        cavia: a CAVIARegressor with two context parameters.
    """
    rng = np.random.default_rng([SEED, TASKS])
    amplitudes, phases = rng.uniform(0.1, 5, TASKS), rng.uniform(0, np.pi, TASKS)
    contexts = np.array([_adapted(cavia, *task, rng)[0] for task in zip(amplitudes, phases, strict=True)])
    figure = Figure(figsize=(12.6, 3.7), layout="constrained")
    before_and_after, *planes = figure.subplots(1, 3)
    _one_task(before_and_after, cavia, rng)
    for axes, values, words in zip(planes, (amplitudes, phases), ("amplitude", "phase"), strict=True):
        dots = axes.scatter(*contexts.T, c=values, s=14, cmap="viridis")
        axes.plot(0, 0, "x", color=COLOURS[1], markersize=9, markeredgewidth=2)
        axes.annotate("start", (0, 0), (6, 6), textcoords="offset points", color=COLOURS[1])
        axes.set(title=f"{TASKS} contexts, by {words}", xlabel="first context parameter")
        figure.colorbar(dots, ax=axes, label=words)
        quiet(axes)
    planes[0].set_ylabel("second context parameter")
    spread = np.ptp(contexts, axis=0)
    words = (
        f"two context parameters after adaptation to {TASKS} sinusoids, spread over {spread[0]:.2g} x {spread[1]:.2g}"
    )
    return Picture(figure, words)


def _adapted(cavia, amplitude, phase, rng):
    """The context of a sinusoid (2,), and the points x (K, 1) and y (K, 1) that it was adapted to."""
    x = rng.uniform(-5, 5, (SHOT, 1))
    y = amplitude * np.sin(x - phase)
    support = (torch.tensor(part, dtype=torch.float32, device=cavia.device) for part in (x, y))
    context = cavia._inner_loop(*support, train=False)
    return context.detach().cpu().numpy(), x, y


def _one_task(axes, cavia, rng):
    """Draw a sinusoid, and what is predicted under a context of zero and under the adapted one."""
    amplitude, phase = 3.5, 1.0
    context, x, y = _adapted(cavia, amplitude, phase, rng)
    line = np.linspace(-5, 5, 200)
    axes.plot(line, amplitude * np.sin(line - phase), color="black", linewidth=1, label="the sinusoid")
    asked = torch.tensor(line[:, None], dtype=torch.float32, device=cavia.device)
    for phi, words, look in ((0 * context, "context 0", "--"), (context, "adapted context", "-")):
        given = torch.tensor(phi, device=cavia.device)
        with torch.no_grad():
            predicted = cavia._forward(asked, given, cavia._meta_parameters).squeeze(1).cpu().numpy()
        axes.plot(line, predicted, look, color=COLOURS[look == "-"], label=words)
    axes.plot(x[:, 0], y[:, 0], "o", color="black", markersize=4)
    axes.set(title="One task, known at ten points", xlabel="x", ylabel="y", ylim=(-6, 6))
    axes.legend(fontsize=8, loc="upper right", frameon=False)
    quiet(axes)
