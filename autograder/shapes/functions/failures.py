"""Pictures of failed checks on any question: a gradient beside the one that is expected."""

from collections.abc import Callable

import numpy as np

from autograder.grading import svg
from autograder.grading.pictures import Failure

SHOWN = 24  # rows and columns of an array


def gradients(function: str, rows: dict[str, str]) -> Callable[[Failure], str]:
    """Make a picture of the last gradient that was asked of a function.

    Args:
        function: of the probe.
        rows: what a row is of each array (n, D) that is shown, by the array's name: {"features": "support drawing"}.
    """

    def picture(failure: Failure) -> str:
        asked = failure.asked(f"{function}.gradient")[-1]
        got, right = vars(asked.got), vars(asked.right())
        panels: list[svg.Panel] = []
        for name in rows:
            want, given = right[name], got[name]
            if given.shape != want.shape:
                return ""
            largest = float(np.abs(want).max())
            yours = "yours" if given.any() else "yours: all 0"
            for words, array in (("expected", want), (yours, given)):
                head = f"{words}" if len(rows) == 1 else f"{name}, {words}"
                panels.append(svg.table(f"Gradient, {head}", head, array[:SHOWN, :SHOWN], largest))
        shown = " and ".join(f"{name} (a row is a {row})" for name, row in rows.items())
        look_at = (
            f"The gradient with respect to {shown}: orange above 0, blue below, pale near 0. Both should look alike."
        )
        return svg.figure(panels, look_at)

    return picture
