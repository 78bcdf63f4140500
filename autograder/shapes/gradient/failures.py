"""Pictures of failed checks: where steps lead, accuracies by step, gradients as arrows."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from autograder.grading import svg
from autograder.grading.check_vocabulary import accuracy
from autograder.grading.pictures import Asked, Failure
from autograder.shapes.gradient import network

Arrays = Mapping[str, np.ndarray]

PLANE = "parameters, seen in a plane"


def path(failure: Failure) -> str:
    """The inner loop's way from theta, and the support's loss along it: the student's, and as it should be."""
    asked = _from_one_theta(failure)
    theta = asked[0].arguments["parameters"]
    images, labels = asked[0].arguments["images"], asked[0].arguments["labels"]
    ways, losses = [], []
    for answers in ([one.right().parameters for one in asked], [one.got.parameters for one in asked]):
        ways.append([_flat(parameters, theta) for parameters in (theta, *answers)])
        losses.append([network.cross_entropy(parameters, images, labels) for parameters in (theta, *answers)])
    steps = [0, *(one.arguments["steps"] for one in asked)]
    panels: list[svg.Panel] = []
    for place, (begin, end) in enumerate(pairwise(steps)):
        title = f"How inner steps {begin + 1} to {end} change the parameters" if end > 1 else "The first inner step"
        panels.append(_arrows(title, [way[place : place + 2] for way in ways], [begin, end], PLANE))
    panels.append(_by_step("The support's loss by inner step", "support loss", losses, [steps, steps]))
    look_at = (
        "An arrow leads from the parameters before some inner steps, from 0 for theta, to those after them. Yours "
        "should lie on the expected one, and the support's loss should fall alike."
    )
    return svg.figure(panels, look_at)


def move(failure: Failure) -> str:
    """How far and where an outer step moves theta."""
    asked = failure.asked("outer_step")[-1]
    theta = asked.arguments["parameters"]
    ways = [[_flat(part, theta) for part in (theta, answer.meta_parameters)] for answer in (asked.right(), asked.got)]
    panel = _arrows("Where an outer step moves theta, seen in a plane", ways, [0, 1], PLANE)
    return svg.figure(
        [panel], "From theta (0) to theta after one outer step (1): your arrow should lie on the expected one."
    )


def meta_gradient(failure: Failure) -> str:
    """The meta-gradient as an arrow, beside that of first order."""
    asked = failure.asked("inner_loop.gradient")[-1]
    weights, right = asked.arguments["weights"], asked.right().parameters
    first = _flat(
        weights, right
    )  # phi = theta - a constant: then the gradient is what the parameters are weighted with
    zero = np.zeros_like(first)
    ways = [[zero, _flat(right, right) - first], [zero, _flat(asked.got.parameters, right) - first]]
    panel = _arrows(
        "What second order adds to the meta-gradient, seen in a plane", ways, [], "gradients, seen in a plane"
    )
    return svg.figure(
        [panel],
        "What the inner gradients' own gradients add to the meta-gradient. Your arrow should lie on the expected one; "
        "a dot in its place says that nothing is added: yours is of first order.",
    )


def rate_gradients(failure: Failure) -> str:
    """The gradient of each inner learning rate."""
    asked = failure.asked("inner_loop.gradient")[-1]
    right, got = asked.right().inner_lrs, asked.got.inner_lrs
    names = sorted(right)
    values = ([float(part[name]) for name in names] for part in (right, got))
    panel = svg.bars("The gradient of each parameter's inner learning rate", names, *values, "gradient")
    return svg.figure([panel], "A pair of bars for each inner learning rate: both should be equally long.")


def inner_accuracies(failure: Failure) -> str:
    """Accuracies of the inner loop, by step."""
    asked = _from_one_theta(failure)
    images, labels = asked[0].arguments["images"], asked[0].arguments["labels"]
    passed = [asked[0].arguments["parameters"], *(one.got.parameters for one in asked)]
    want = [accuracy(network.forward(images, parameters), labels) for parameters in passed]
    return _accuracies(want, asked[-1].got.accuracies, "support accuracy")


def outer_accuracies(failure: Failure) -> str:
    """Accuracies of the outer step, on the supports by inner step, and on the query."""
    asked = failure.asked("outer_step")[-1]
    right = [*asked.right().accuracies_support, asked.right().accuracy_query.item()]
    given = np.zeros(len(right))  # a bar that is missing is a number that is missing
    support = asked.got.accuracies_support.ravel()[: len(right) - 1]
    given[: len(support)], given[-1] = support, asked.got.accuracy_query.item()
    names = [*(f"step {step}" for step in range(len(right) - 1)), "query"]
    panel = svg.bars("Accuracies on the supports, by inner step, and on the query", names, right, given, "accuracy")
    look_at = (
        "The support's accuracy before the first step (0) and after each, and the query's after the last, averaged "
        "over the tasks: both bars of a pair should be equally long."
    )
    return svg.figure([panel], look_at)


def _accuracies(want: np.ndarray | list[float], got: np.ndarray, up: str) -> str:
    given = np.asarray(got, dtype=np.float64).ravel()[:20]
    panel = _by_step(
        "Accuracies by inner step", up, [list(want), list(given)], [[*range(len(want))], [*range(len(given))]]
    )
    look_at = (
        f"Before the first step (0), after each, and after the last: {len(want)} accuracies are expected, yours are "
        f"{np.size(got)}. Each of your dots should lie on an expected one."
    )
    return svg.figure([panel], look_at)


def _from_one_theta(failure: Failure) -> list[Asked]:
    """What was asked of the inner loop last, from one theta with one support, by the number of steps."""
    asked = failure.asked("inner_loop")
    starts = [one for one in asked if not any(_is_led_to(one.arguments["parameters"], other) for other in asked)]
    last = starts[-1].arguments["parameters"]
    first = next(one for one in starts if _same(one.arguments["parameters"], last))
    alike = [
        one
        for one in starts
        if all(_same(one.arguments[name], first.arguments[name]) for name in ("parameters", "images", "labels"))
    ]
    found = {one.arguments["steps"]: one for one in alike}  # the last of each number of steps
    return [found[steps] for steps in sorted(found)]


def _is_led_to(parameters: Arrays, other: Asked) -> bool:
    """Whether these parameters are where another inner loop ended, and not where it began."""
    return _same(parameters, other.got.parameters) and not _same(parameters, other.arguments["parameters"])


def _same(first: object, second: object) -> bool:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(_same(first[name], second[name]) for name in first)
    return np.array_equal(np.asarray(first), np.asarray(second))


def _flat(parameters: Arrays, like: Arrays) -> np.ndarray:
    """All parameters in one row.

    Raises:
        ValueError: they have other names or shapes.
    """
    if set(parameters) != set(like) or any(parameters[name].shape != like[name].shape for name in like):
        raise ValueError("other parameters")
    return np.concatenate([np.clip(parameters[name], -1e9, 1e9).ravel().astype(np.float64) for name in sorted(like)])


def _arrows(title: str, ways: list[list[np.ndarray]], numbers: list[int], head: str) -> svg.Axes:
    """Two ways through many dimensions, both from one point: across is where the expected one ends, up what is beside.

    Args:
        title: of the panel.
        ways: the expected one and yours, each some points.
        numbers: written at the points.
        head: what the plane is of.
    """
    length = np.linalg.norm(ways[0][-1] - ways[0][0])
    expected, given = ((np.array(way) - way[0]) / length for way in ways)
    across = expected[-1]
    beside = given - np.outer(given @ across, across)
    farthest = beside[np.linalg.norm(beside, axis=1).argmax()]
    up = farthest / max(float(np.linalg.norm(farthest)), 1e-6)
    flat = [np.stack([way @ across, way @ up], axis=1) for way in (expected, given)]
    sides = svg.span(np.array([0.0, 1.0]), flat[1][:, 0]), svg.span(np.array([-0.3, 0.3]), flat[1][:, 1])
    panel = svg.Axes(title, *sides, height=230, lines=2, equal=True)
    panel.text(14, 24, head, size=11)
    for way, colour, above in ((flat[0], svg.EXPECTED, -8), (flat[1], svg.YOURS, 18)):
        places = [panel.at(*point) for point in way]
        for here, there in pairwise(places):
            panel.arrow(*here, *there, colour)
        for number, (x, y) in zip(numbers, places, strict=False):
            panel.text(x, y + above, str(number), anchor="middle", fill=colour)
    panel.legend(8, panel.below, [("line", svg.EXPECTED, "expected"), ("line", svg.YOURS, "yours")])
    return panel


def _by_step(title: str, up: str, values: list[list[float]], steps: list[list[int]]) -> svg.Axes:
    """Numbers by inner step, expected and yours."""
    most = max(max(part) for part in steps)
    expected, given = (np.array(part, dtype=np.float64) for part in values)
    panel = svg.Axes(
        title, (-0.3, most + 0.3), svg.span(expected, given), across="inner steps taken", whole=True, up=up, lines=2,
    )  # fmt: skip
    for part, taken, colour, size in ((expected, steps[0], svg.EXPECTED, 8.0), (given, steps[1], svg.YOURS, 4.0)):
        places = [panel.at(step, value) for step, value in zip(taken, part, strict=True) if np.isfinite(value)]
        for here, there in pairwise(places):
            panel.line(*here, *there, colour=colour, width=2)
        for place in places:
            panel.dot(*place, size, colour, hollow=size > 4)
    panel.legend(8, panel.below, [("ring", svg.EXPECTED, "expected"), ("dot", svg.YOURS, "yours")])
    return panel


def _listed(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))
