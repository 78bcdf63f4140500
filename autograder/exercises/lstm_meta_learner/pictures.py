"""Picture for the notebook: what the learned gates make of each number of the network, step by step."""

from unittest import mock

import numpy as np
from matplotlib.figure import Figure

from trainer.pictures import COLOURS, Picture, quiet

SHOWN = 3000  # numbers of the network, of nearly 30,000
SMALLEST = 1e-7  # sizes of gradients below are shown there


def learned_gates(module, method, task, begun):
    """Show the input gate and the forget gate of many numbers by the size of their gradients, step by step.

    Args:
        module: that of the method, whose function gate is watched.
        method: an LSTMMetaLearner.
        task: adapted to, (images_support, labels_support, images_query, labels_query).
        begun: about what the input gate was before training.

    Raises:
        ValueError: the inner loop does not call gate.
    """
    slopes, values = _watched(module, method, task)
    kept = 1 / (1 + np.exp(-module.FORGET_BIAS))
    figure = Figure(figsize=(3.6 * len(values) + 0.6, 6.2), layout="constrained")
    rows = figure.subplots(2, len(values), sharex=True, sharey="row", squeeze=False)
    for step, (across, gates) in enumerate(zip(slopes, values, strict=True)):
        for axes, up, name, start in zip(rows[:, step], gates, ("input", "forget"), (begun, kept), strict=True):
            for sign, colour, words in ((1, COLOURS[0], "above 0"), (-1, COLOURS[1], "below 0")):
                shown = sign * across > 0
                size = np.maximum(np.abs(across[shown]), SMALLEST)
                axes.plot(size, up[shown], ".", color=colour, markersize=2, alpha=0.4, label=f"gradient {words}")
            axes.axhline(start, color="black", linestyle="--", linewidth=1)
            axes.set_ylabel(f"{name} gate" if step == 0 else "")
            quiet(axes)
        rows[0, step].set(title=f"Step {step + 1}", xscale="log")
        rows[1, step].set_xlabel("size of the gradient")
    rows[1, 0].legend(frameon=False, fontsize=8, markerscale=4)
    middle = [[float(np.median(gate)) for gate in gates] for gates in values]
    words = "; ".join(f"step {step + 1}: {i:.2f} and {f:.3f}" for step, (i, f) in enumerate(middle))
    return Picture(figure, f"input and forget gates of {SHOWN} numbers by the size of their gradients, medians {words}")


def _watched(module, method, task):
    """Gradients (steps, n), and both gates (steps, 2, n), of numbers that are chosen once."""
    calls, own = [], module.gate

    def gate(gradient, loss, theta, last, weight, bias):
        value = own(gradient, loss, theta, last, weight, bias)
        which = 0 if (weight == method._gates["w_i"]).all() else 1
        calls.append((which, gradient.detach().flatten(), value.detach().flatten()))
        return value

    images, labels = (part.to(method.device) for part in task[:2])
    with mock.patch.object(module, "gate", gate):
        method._inner_loop(images, labels, train=False)
    if not calls:
        raise ValueError("Your _inner_loop does not call gate, so that there are no gates to show.")
    parts, steps = len(method._meta_parameters), method._num_inner_steps
    total = sum(tensor.numel() for tensor in method._meta_parameters.values())
    chosen = np.random.default_rng(0).permutation(total)[:SHOWN]

    def numbers(which, place):
        """What was given to one gate, or came from it: (steps, n)."""
        arrays = [call[place].cpu().numpy() for call in calls if call[0] == which]
        return np.stack([np.concatenate(arrays[step * parts : (step + 1) * parts])[chosen] for step in range(steps)])

    return numbers(0, 1), np.stack([numbers(0, 2), numbers(1, 2)], axis=1)
