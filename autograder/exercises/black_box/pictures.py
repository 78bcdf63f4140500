"""Pictures for the notebook: what the LSTM reads and says."""

import numpy as np
import torch
from matplotlib.figure import Figure

from hw1.pictures import rows_and_way
from trainer.pictures import Picture, colour, say, show_drawing

SHOWN_UNITS = 32  # of the hidden state


def view_of_lstm(mann, images, labels, title=""):
    """Show an episode as the LSTM sees it: what goes into it at each step, what it holds, and what it says.

    What goes in is recorded where it goes in, at layer1: if a label of the query reached it, the picture would show it.

    Args:
        mann: a MANN.
        images, labels: one episode, (K+1, N, 784) and (K+1, N, N).
        title: of the picture.

    Raises:
        ValueError: the episode has other shapes, or layer1 does not read (K+1) * N pairs of drawing and label.
    """
    images, labels = (torch.as_tensor(np.asarray(part)).float() for part in (images, labels))
    rows, N = rows_and_way(images, labels)
    drawings, shown, states, says = _record(mann, images, labels)
    steps = rows * N
    answers = labels.reshape(steps, N).argmax(dim=-1).numpy()
    query = slice(steps - N, steps)

    figure = Figure(figsize=(0.95 * steps + 2.4, 5.6), layout="constrained")
    if title:
        figure.suptitle(title)
    heights = [1, 0.3 * N, 1.8, 0.3 * N]
    grid = figure.subplots(4, steps, height_ratios=heights, squeeze=False)
    for step in range(steps):
        show_drawing(grid[0, step], drawings[step], colour(answers[step]), 2.5)
        grid[0, step].set_title("support" if step < query.start else "query", fontsize=9)
        _numbers(grid[1, step], shown[step], "Blues", None)
        grid[2, step].imshow(states[step][:, None], cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
        grid[2, step].set(xticks=[], yticks=[])
        _numbers(grid[3, step], says[step], "Greens", answers[step])
        grid[3, step].set_xlabel(f"step {step + 1}", fontsize=9)
    hidden = f"hidden state,\n{len(states[0])} of its units\n(orange: -1,\npurple: +1)"
    for row, text in enumerate(
        ("drawing\n(frame: its class)", "label shown\nwith it", hidden, "answer\n(box: right class)")
    ):
        say(grid[row, 0], text)
    for row in (1, 3):
        grid[row, 0].set_yticks(range(N), [f"class {n}" for n in range(N)], fontsize=9)
    right = (says[query].argmax(axis=-1) == answers[query]).sum()
    return Picture(figure, f"an episode as the LSTM reads it, {steps} steps; of {N} queries it answers {right} right")


def _record(mann, images, labels):
    """Run one episode and listen at both layers.

    Returns:
        Drawings (steps, 784) and labels (steps, N) as they went in, states (steps, units) and probabilities (steps, N).
    """
    heard = []
    hook = mann.layer1.register_forward_hook(lambda layer, given, returned: heard.append((given[0], returned[0])))
    try:
        with torch.no_grad():
            logits = mann(images[None], labels[None].clone())
    finally:
        hook.remove()
    read, states = (torch.cat([part[0] for part in parts]) for parts in zip(*heard, strict=True))
    N, steps = images.shape[1], images.shape[0] * images.shape[1]
    if read.shape != (steps, 784 + N):
        raise ValueError(f"layer1 reads {tuple(read.shape)} numbers of this episode, not {(steps, 784 + N)}")
    units = states[:, :: max(1, states.shape[1] // SHOWN_UNITS)][:, :SHOWN_UNITS]
    probabilities = logits[0].reshape(steps, N).softmax(dim=-1)
    return tuple(part.numpy() for part in (read[:, :784], read[:, 784:], units, probabilities))


def _numbers(axes, column, cmap, boxed):
    """Show N numbers from 0 to 1 above each other, coloured by their size, one of them perhaps in a box."""
    axes.imshow(column[:, None], cmap=cmap, vmin=0, vmax=1, aspect="auto")
    axes.set(xticks=[], yticks=[])
    for place, value in enumerate(column):
        text = f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"
        box = {"boxstyle": "square,pad=0.25", "fill": False, "edgecolor": colour(boxed)} if place == boxed else None
        axes.text(0, place, text, ha="center", va="center", color="white" if value > 0.6 else "black", bbox=box)
