"""The words that authors write checks with.

    @points(4)
    @after(test_one_step)
    @hint("Look at which parameters each inner step starts from.", mend="Assign the result of a step to them.")
    def test_each_step_starts_from_the_last(student, reference, draw):
        '''Each inner step starts where the last one ended.'''
        ...

A check is a pytest function. Its docstring is what must hold, in one sentence that the student reads. Three fixtures
serve it: student and reference answer the functions of probe.py, draw gives inputs (see autograder.grading.draw). An
ordinary assert with a message, or one of the assertions here, says what was seen against what was expected.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from autograder.grading import evidence
from autograder.grading.evidence import assertion
from autograder.grading.scores import ACCURACY, Score
from autograder.results import StudentError, Verdict

STEP = 1e-6  # of central differences, as a share of the norm of the point
TIMES = 100  # what is a small number
FRACTIONS = 100_800  # a multiple of many numbers of drawings
ROWS = 500  # numbers of an array of which rows in another order are looked for
AGREE = 1e-3  # values as near as this are meant to be the reference's, but for noise or for deceit

Check = TypeVar("Check", bound=Callable[..., None])


def points(value: float) -> Callable[[Check], Check]:
    """What the check is worth."""
    return _attribute("points", value)


def hint(text: str, *, mend: str) -> Callable[[Check], Check]:
    """What to think about when the check fails, in the lecture's terms, in two stages.

    Args:
        text: what is wrong, and where to look. It comes with the first report, and gives no line of the solution away.
        mend: how to mend it. It comes when it is asked for, or later, as homework.toml says.
    """

    def decorate(check: Check) -> Check:
        return _attribute("mend", mend)(_attribute("hint", text)(check))

    return decorate


def picture(function: Callable[[Any], str]) -> Callable[[Check], Check]:
    """What draws the check's failure, see autograder.grading.pictures; shown to who grades their own work."""
    return _attribute("picture", function)


def after(*checks: Callable[..., None]) -> Callable[[Check], Check]:
    """The checks that must pass before this one is judged, so that one mistake is one failure."""
    return _attribute("after", checks)


def training(seconds: float, score: Score = ACCURACY) -> Callable[[Check], Check]:
    """A check that trains the student's code, which may take this long, and measures a score; --fast leaves it out."""

    def decorate(check: Check) -> Check:
        return _attribute("training_seconds", seconds)(_attribute("score", score)(check))

    return decorate


def tells(check: Check) -> Check:
    """A check of what is drawn at random: no numbers tell a mistake there, and its own assertions name it."""
    return _attribute("tells", True)(check)


def longer(times: float) -> Callable[[Check], Check]:
    """A check that asks for so many times as much as others do, and may take as many times their time."""
    return _attribute("times_longer", times)


def _attribute(name: str, value: object) -> Callable[[Check], Check]:
    def decorate(check: Check) -> Check:
        setattr(check, name, value)
        return check

    return decorate


@assertion
def assert_shape(got: np.ndarray, shape: tuple[int, ...], what: str, axes: str = "") -> None:
    """Assert that an array has this shape.

    Args:
        got: the student's array.
        shape: that it must have.
        what: a noun for messages, as "logits for N = 5, K = 1".
        axes: the shape in the terms of the lecture, as "(B, K+1, N, N)".
    """
    named = f", that is {axes}" if axes else ""
    assert got.shape == shape, f"{what}: shape {_tuple(got.shape)}, expected {_tuple(shape)}{named}"


@assertion
def assert_close(
    got: Any, want: Any, what: str = "value", *, rtol: float = 1e-4, least: float = 0.0, place: bool = True
) -> None:
    """Assert that arrays, or dicts of arrays, agree.

    Args:
        got: the student's array, or dict of arrays.
        want: the reference's.
        what: a noun for messages, as "prototypes".
        rtol: tolerated difference, as a share of the largest absolute value in all of want. Relative to the scale of
            the whole, so that entries which cancel to noise near zero do not fail, and a tiny answer is not close to
            zero.
        least: what the largest absolute value counts as at least, where zero is right.
        place: whether messages say where in the array the difference is: False where the array is one that the check
            has put together, and no student has seen.
    """
    if isinstance(want, Mapping):
        _assert_names(got, want, what)
        scale = max(least, *(_scale(value) for value in want.values()))
        # The worst first: in the first of all, what differs may be as small as rounding.
        for name in sorted(want, key=lambda name: _gap(got[name], want[name]), reverse=True):
            _assert_close(got[name], want[name], f"{what} {name}", rtol * scale, place)
    else:
        _assert_close(got, want, what, rtol * max(least, _scale(want)), place)


@assertion
def assert_differ(got: ArrayLike, other: ArrayLike, message: str, *, rtol: float = 1e-6) -> None:
    """Assert that two arrays of one shape differ somewhere, by more than rtol of the larger one's scale."""
    a, b = _numbers(got, "answer"), _numbers(other, "answer")
    assert a.shape == b.shape, f"shape {_tuple(a.shape)} in one case and {_tuple(b.shape)} in the other"
    assert bool(np.any(np.abs(a - b) > rtol * max(_scale(a), _scale(b)))), message


@assertion
def assert_gradient(
    gradient: Any,
    function: Callable[[Any], float],
    at: Any,
    rng: np.random.Generator,
    what: str,
    *,
    known: tuple[Any, Any, Any] | None = None,
    rtol: float = 1e-3,
) -> None:
    """Assert that a gradient is that of a function, by central differences along random directions.

    The function may be the student's own: whether its gradient is right does not depend on whether its values are.
    But a function that is the same everywhere has no gradient to be right about.

    Args:
        gradient: an array, or dict of arrays.
        function: takes a point like at and returns a number, in double precision.
        at: where the gradient was taken, in the same form.
        rng: chooses the directions.
        what: a noun for messages.
        known: the student's values at that point, the reference's, and the reference's gradient. Where the values
            agree no other mistake is involved, and the gradient must be the reference's: small steps cannot tell a
            wrong one from the gradient of a function that computes with rounded inputs.
        rtol: tolerated difference, as a share of the largest slope.
    """
    _assert_names(gradient, at, what)
    _map(lambda place, part: assert_shape(np.asarray(part), np.shape(place), what), at, gradient)
    # Drawn whether they are needed or not: what a check draws later must not depend on what the student answers.
    directions = [_map(lambda array: rng.standard_normal(np.shape(array)), at) for _ in range(3)]
    if known and _agree(*known[:2]):
        assert_close(gradient, known[2], what, rtol=rtol)
        return
    slopes = []
    for direction in directions:
        step = STEP * _norm(at) / _norm(direction)
        ahead, behind = (_map(lambda x, d, s=s: x + s * d, at, direction) for s in (step, -step))
        given = sum(float(np.sum(part)) for part in _parts(_map(np.multiply, gradient, direction)))
        slopes.append((given, (function(ahead) - function(behind)) / (2 * step)))
    given, measured = np.array(slopes).T
    # "with respect to" goes on only where a name follows.
    what = f"{what} {_listed(at)}" if isinstance(at, Mapping) else what.removesuffix(" with respect to")
    assert np.any(measured != 0), (
        f"{what}: no gradient can be measured here, because the values that your code computes stay the same when its "
        f"input changes"
    )
    difference = np.abs(given - measured)
    worst = int(np.argmax(difference))
    assert bool(np.all(difference <= rtol * np.max(np.abs(measured)))), (
        f"{what}: along a random direction the gradient predicts a change of {_number(given[worst])} per unit, "
        f"and small steps measure {_number(measured[worst])}"
    )


def assert_either(attempt: Callable[[bool], None]) -> None:
    """Assert that an attempt succeeds with stand-ins for other functions of the student's, or else without.

    What is judged is then right, whatever mistakes are in those functions, and whether or not it calls them. Where both
    fail, that one is told of which came further: the other fails by what the stand-ins are for.
    """
    _either(attempt)


def _either(attempt: Callable[[bool], None]) -> None:
    """A handout's record puts another in its place, which attempts both: whoever answers, the questions are known."""
    held = evidence.now().held
    try:
        attempt(True)
    except StudentError as error:
        if error.verdict in (Verdict.TIMEOUT, Verdict.MEMORY):  # a second attempt would only cost as much again
            raise
        with evidence.second_attempt(held):
            attempt(False)
    except AssertionError as first:
        reached = evidence.now().held
        with evidence.second_attempt(held):
            try:
                attempt(False)
            except AssertionError as second:
                raise (second if evidence.now().held >= reached else first) from None
    evidence.attempted(held)


def assert_if_it_runs(student: Any, attempt: Callable[[], None]) -> None:
    """Assert that an attempt succeeds, unless the student's code gives no answer: other checks tell of that.

    Code that has ended or blocked Python before is not asked again.
    """
    if student.ended:
        return
    with contextlib.suppress(StudentError):
        attempt()


def assert_or_name(condition: object, message: str, *mistakes: str) -> None:
    """Assert a condition, and name the mistakes that what was seen gives away where it does not hold.

    Args:
        condition: what must hold.
        message: what was seen, and what was expected.
        mistakes: that are there, all of them, each in words that go on after "if"; an empty one is left out. What was
            seen has to leave no other explanation.
    """
    if not condition:
        raise RecognisedError(message, [mistake for mistake in dict.fromkeys(mistakes) if mistake])


class RecognisedError(AssertionError):
    """An assertion that failed, and the mistakes that are behind it.

    Attributes:
        mistakes: one, several that are there at once, or none that is known.
    """

    def __init__(self, message: str, mistakes: list[str]):
        super().__init__(message)
        self.mistakes = mistakes


@assertion
def assert_shares(counts: ArrayLike, shares: ArrayLike, message: str) -> None:
    """Assert that independent events fell into cells in these shares.

    Args:
        counts: how many events fell into each cell.
        shares: the probability of each cell, or one number for all.
        message: what to say if they did not.

    Each count has to lie within six standard deviations (and one event) of what is expected of a binomial: for the
    correct shares a cell fails less than once in 10^7, as long as it expects some twenty events.
    """
    observed = _numbers(counts, "counts")
    total = observed.sum()
    assert total > 0, message
    share = np.broadcast_to(_numbers(shares, "shares"), observed.shape)
    expected = total * share
    deviation = np.sqrt(expected * (1 - share))
    assert bool(np.all(np.abs(observed - expected) <= 6 * deviation + 1)), message


@assertion
def assert_uniform(values: ArrayLike, low: float, high: float, message: str) -> None:
    """Assert that independent numbers are uniform from low to high.

    Args:
        values: at least 200 numbers.
        low, high: the interval.
        message: what to say if they are not.

    No number may lie outside, and their counts in ten equal cells are held against their shares as in assert_shares:
    for uniform numbers it fails less than once in 10^6.
    """
    numbers = _numbers(values, "values").ravel()
    if numbers.size < 200:
        raise ValueError(f"assert_uniform needs at least 200 numbers, got {numbers.size}")
    outside = (numbers < low) | (numbers > high)
    assert not outside.any(), f"{message}: {_number(numbers[outside][0])} is not between {low:g} and {high:g}"
    counts, _ = np.histogram(numbers, 10, (low, high))
    assert_shares(counts, 0.1, message)


def assert_finite(ask: Callable[[], Any], where: str) -> Any:
    """Assert that an answer is finite for inputs that are large, but not larger than they can be.

    Args:
        ask: asks the question; with smaller inputs its answer has been finite.
        where: what is large, in words that go on after "where".

    Returns:
        The answer.
    """
    try:
        return ask()
    except StudentError as error:
        if error.verdict is not Verdict.FORMAT:
            raise
        raise AssertionError(
            f"where {where}, {str(error).partition(chr(10))[0]}: exp() of such numbers overflows or becomes 0, and the "
            "logarithm of 0 is infinite"
        ) from None


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows whose one largest score is at their label; a tie is no answer.

    Args:
        scores: (n, N).
        labels: integers (n,).
    """
    assert len(labels) > 0, "scores: nothing to judge"
    way = int(labels.max()) + 1
    assert scores.ndim == 2 and len(scores) == len(labels) and scores.shape[1] >= way, (
        f"scores: shape {_tuple(scores.shape)}, expected ({len(labels)}, {way})"
    )
    at_label = scores[np.arange(len(labels)), labels]
    others = np.where(np.arange(scores.shape[1]) == labels[:, None], -np.inf, scores)
    return float(np.mean(at_label > others.max(axis=1)))


def _agree(got: Any, want: Any) -> bool:
    try:
        assert_close(got, want, rtol=AGREE)
    except AssertionError:
        return False
    return True


def _assert_close(got: ArrayLike, want: ArrayLike, what: str, tolerance: float, place: bool) -> None:
    b = _numbers(want, f"{what}: nothing to compare with")
    assert b.size > 0, f"{what}: nothing to compare with"
    a = _numbers(got, what)
    if b.ndim == 0 and a.size == 1:
        a = a.reshape(())  # a scalar in brackets is a scalar
    assert_shape(a, b.shape, what)
    difference = np.abs(a - b)
    if bool(np.all(difference <= tolerance)):
        return
    worst = np.unravel_index(int(difference.argmax()), difference.shape)
    where = f" at {[int(i) for i in worst]}" if worst and place else ""
    count = (
        f" ({int((difference > tolerance).sum())} of {a.size} differ{_pattern(a, b, tolerance, place)})"
        if a.size > 1
        else ""
    )
    times = _times(float(a), float(b)) if a.size == 1 and b.ndim == 0 else ""
    raise AssertionError(f"{what}{where}: got {_number(a[worst])}, expected {_number(b[worst])}{count}{times}")


def _times(got: float, want: float) -> str:
    """How often a wrong number is the right one, or the right one the wrong, where that is a small whole number.

    Not of fractions of few, as accuracies are: those are often multiples of each other by chance.
    """
    if not got or not want or any(abs(x * FRACTIONS - round(x * FRACTIONS)) < 1e-3 for x in (got, want)):
        return ""
    for factor, words in ((got / want, "{} times what is expected"), (want / got, "1/{} of what is expected")):
        if abs(factor - round(factor)) < 1e-5 and 2 <= round(factor) <= TIMES:
            return f" ({words.format(round(factor))})"
    return ""


def _gap(got: ArrayLike, want: ArrayLike) -> float:
    """Return the largest difference of two arrays, infinity where there is none to be had."""
    try:
        a, b = _numbers(got, "got"), _numbers(want, "want")
    except AssertionError:
        return float("inf")
    return float(np.max(np.abs(a - b), initial=0.0)) if a.shape == b.shape else float("inf")


def _pattern(a: np.ndarray, b: np.ndarray, tolerance: float, place: bool) -> str:
    """How wrong numbers go with right ones, where it is the same for all of a few or more."""
    if a.size < 4 or float(np.ptp(b)) <= tolerance:
        return ""
    if not a.any():
        return ": all are 0"
    if float(np.ptp(a)) <= tolerance:
        return ": all are the same number"
    if place and (unwritten := _unwritten(a, b, tolerance)):
        return unwritten
    factor = float(np.vdot(a, b) / np.vdot(b, b))
    if bool(np.all(np.abs(a - factor * b) <= max(tolerance, 1e-4 * np.abs(a).max()))):
        return f": all are {_number(factor)} times what is expected"
    more = float(np.mean(a - b))
    if bool(np.all(np.abs(a - b - more) <= tolerance)):
        return f": all are {_number(abs(more))} {'more' if more > 0 else 'less'} than expected"
    rows = a.reshape(len(a), -1), b.reshape(len(b), -1)
    nearest = (
        np.abs(rows[0][:, None] - rows[1]).max(axis=-1).argmin(axis=1) if a.size <= ROWS else np.zeros(len(a), int)
    )
    if len(set(nearest)) == len(a) and bool(np.all(np.abs(rows[0] - rows[1][nearest]) <= tolerance)):
        return ": they are the right numbers in another order"
    return ""


def _unwritten(a: np.ndarray, b: np.ndarray, tolerance: float) -> str:
    """Which rows are all 0, of an array where nothing else is wrong: places that nothing was written to."""
    wrong = (np.abs(a - b) > tolerance).any(axis=-1) if a.ndim > 1 else np.zeros(0, bool)
    if not wrong.any() or a[wrong].any():
        return ""
    first, *others = [str([int(i) for i in row]) for row in np.argwhere(wrong)]
    if not others:
        return f": row {first} is all 0"
    listed = f"{first} and {others[0]}" if len(others) == 1 else f"{first}, {others[0]} and others"
    return f": rows {listed} are all 0"


def _assert_names(got: Any, want: Any, what: str) -> None:
    """Both are arrays, or both are dicts with the same names."""
    if isinstance(want, Mapping):
        assert isinstance(got, Mapping) and set(got) == set(want), (
            f"{what}: names {sorted(got) if isinstance(got, Mapping) else type(got).__name__}, expected {sorted(want)}"
        )
    else:
        assert not isinstance(got, Mapping), f"{what}: names {sorted(got)}, expected one array"


def _numbers(values: ArrayLike, what: str) -> np.ndarray:
    """Finite real numbers as float64, in an array of NumPy's own class."""
    array = np.array(values, subok=False)
    assert array.dtype.kind in "biuf", f"{what}: not numbers but {array.dtype}"
    array = array.astype(np.float64)
    assert bool(np.all(np.isfinite(array))), f"{what}: not all numbers are finite"
    return array


def _listed(names: Any) -> str:
    """All of a dict's names, the first ones of many."""
    first, rest = list(names)[:2], len(names) - 2
    return " and ".join(first) if rest <= 0 else f"{', '.join(first)} and {rest} others together"


def _map(function: Callable[..., Any], *values: Any) -> Any:
    """Apply a function to arrays, or to the arrays of dicts name by name."""
    if isinstance(values[0], Mapping):
        return {name: _map(function, *(value[name] for value in values)) for name in values[0]}
    return np.asarray(function(*values))


def _norm(value: Any) -> float:
    return float(np.sqrt(sum(float(np.sum(np.square(part))) for part in _parts(value))))


def _parts(value: Any) -> list[np.ndarray]:
    return list(value.values()) if isinstance(value, Mapping) else [value]


def _scale(values: ArrayLike) -> float:
    """Largest absolute value, or the smallest normal number where all is zero."""
    return max(
        float(np.max(np.abs(np.asarray(values, dtype=np.float64)), initial=0.0)), float(np.finfo(np.float64).tiny)
    )


def _number(value: float) -> str:
    return f"{float(value):.5g}"


def _tuple(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
