"""Pictures of failed checks: prototypes beside the means of their classes, logits by distance."""

from itertools import pairwise

import numpy as np

from autograder.grading import svg
from autograder.grading.pictures import Failure

SHOWN = 400  # logits


def prototypes(failure: Failure) -> str:
    """Support features, their classes' means and the student's prototypes, in a plane."""
    asked = failure.asked("prototypes")[-1]
    features, labels = asked.arguments["features"], asked.arguments["labels"]
    means, given = asked.right().prototypes, asked.got.prototypes
    if given.shape != means.shape:
        return ""
    features, means, given = _in_plane(features, means, given)
    panel = svg.Axes(
        f"Support features of {len(means)} classes in a plane, with the means of the classes and your prototypes",
        *(svg.span(np.concatenate([features, means])[:, axis], given[:, axis]) for axis in (0, 1)),
        height=300, lines=3, equal=True,
    )  # fmt: skip
    for k, (mean, prototype) in enumerate(zip(means, given, strict=True)):
        colour = svg.CLASSES[k % len(svg.CLASSES)]
        for feature in features[labels == k]:
            panel.line(*panel.at(*feature), *panel.at(*mean), colour=colour, opacity=0.35)
            panel.dot(*panel.at(*feature), 4, colour)
        panel.line(*panel.at(*mean), *panel.at(*prototype), colour=colour, width=2, dashed=True)
        panel.dot(*panel.at(*mean), 9, colour, hollow=True)
        panel.cross(*panel.at(*prototype), 6, colour)
    entries = [
        ("dot", "features of a support drawing"),
        ("ring", "mean of its class: expected"),
        ("cross", "your prototype"),
    ]
    panel.legend(8, panel.below, [(mark, "currentColor", words) for mark, words in entries])
    return svg.figure([panel], "A colour is a class. Each cross, your prototype, should lie in the ring of its colour.")


def logits(failure: Failure) -> str:
    """Each logit over the distance between its query and its prototype."""
    asked = failure.asked("logits")[-1]
    features, points = asked.arguments["features"], asked.arguments["prototypes"]
    far = np.linalg.norm(features[:, None] - points, axis=-1)
    given = asked.got.logits
    if given.shape != far.shape:
        return ""
    curve = np.linspace(0, far.max(), 40)
    panel = svg.Axes(
        "Logits over the distance from query to prototype: the expected curve falls as the distance squared",
        svg.span(curve), svg.span(-np.square(curve), given),
        across="Euclidean distance from query to prototype", up="logit", height=260, lines=2,
    )  # fmt: skip
    places = [panel.at(x, -x * x) for x in curve]
    for here, there in pairwise(places):
        panel.line(*here, *there, colour=svg.EXPECTED, width=2.5)
    for x, y in zip(far.ravel()[:SHOWN], given.ravel()[:SHOWN], strict=True):
        if np.isfinite(y):
            panel.dot(*panel.at(x, y), 3.5, svg.YOURS, opacity=0.8)
    panel.legend(
        8,
        panel.below,
        [("line", svg.EXPECTED, "expected: minus the distance squared"), ("dot", svg.YOURS, "your logits")],
    )
    return svg.figure([panel], "A dot is a pair of query and prototype. All dots should lie on the curve.")


def _in_plane(*parts: np.ndarray) -> list[np.ndarray]:
    """Points (n, D) in the plane of the two main directions of them all, (n, 2)."""
    together = np.concatenate([np.nan_to_num(np.clip(part, -1e6, 1e6)) for part in parts]).astype(np.float64)
    middle = together.mean(axis=0)
    directions = np.linalg.svd(together - middle, full_matrices=False)[2][:2]
    placed: np.ndarray = (together - middle) @ directions.T
    return np.split(placed, np.cumsum([len(part) for part in parts])[:-1])
