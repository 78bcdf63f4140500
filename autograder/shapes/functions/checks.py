"""Families of checks on any question: what a check of these facts asserts, in a line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.grading.check_vocabulary import assert_close, assert_gradient
from autograder.grading.subjects import Asking

UNTOUCHED = 1e-9  # share of the largest number by which an argument may differ afterwards
ROUNDED, ROUNDED_SINGLE = 1e-9, 1e-5  # share of the largest loss that rounding is, in double precision and in single


def assert_same(student: Asking, reference: Asking, what: str, *args: Any, **given: Any) -> Any:
    """Assert that an answer's first field is the reference's, and that what was given is as it was.

    Args:
        student, reference: one question to each.
        what: a noun for messages, as "prototypes".
        args, given: of the question. An argument that is also a field of the answer is what the solution left of it.

    Returns:
        The student's answer.
    """
    got, want = student(*args, **given), reference(*args, **given)
    assert_close(getattr(got, student.field), getattr(want, student.field), what)
    assert_untouched(student, got, what, *args, **given)
    return got


def assert_untouched(student: Asking, answer: Any, what: str, *args: Any, **given: Any) -> None:
    """Assert that the arguments that come back with an answer are as they were."""
    for name, argument in student.arguments(*args, **given).items():
        if name in student.fields:
            assert_close(
                getattr(answer, name), argument, f"{what}: your code changed its argument {name}", rtol=UNTOUCHED
            )


def assert_flows(
    student: Asking,
    reference: Asking,
    names: Sequence[str],
    rng: np.random.Generator,
    what: str,
    *args: Any,
    less: Any = None,
    **given: Any,
) -> None:
    """Assert that the gradient of an answer's first field flows to some arguments, and is right.

    Args:
        student, reference: one question to each.
        names: of the arguments.
        rng: draws weights of the field's numbers, and directions.
        what: a noun for messages.
        args, given: of the question; what is named is given by name.
        less: what is subtracted from the field where values are compared: parameters before their step, say.
    """
    want = getattr(reference(*args, **given), reference.field)
    weights = _mapped(lambda array: 1.0 if array.ndim == 0 else rng.standard_normal(array.shape), want)

    def value(at: Any) -> float:
        answer = getattr(student(*args, **{**given, **_nested(at, names)}), student.field)
        pairs = [(answer[key], weights[key]) for key in weights] if isinstance(want, Mapping) else [(answer, weights)]
        return sum(float(np.sum(np.asarray(part) * weight)) for part, weight in pairs)

    got = getattr(student(*args, **given), student.field)
    answers = [subject.gradient(weights, *args, **given) for subject in (student, reference)]
    gradients = [_flat({name: getattr(answer, name) for name in names}) for answer in answers]
    values = [part if less is None else {key: part[key] - less[key] for key in less} for part in (got, want)]
    at = _flat({name: given[name] for name in names})
    assert_gradient(gradients[0], value, at, rng, what, known=(*values, gradients[1]))


def assert_order_is_nothing(
    ask: Callable[..., Any], parts: Sequence[np.ndarray], rng: np.random.Generator, what: str, *, least: float = 0.0
) -> None:
    """Assert that the order of rows makes no difference.

    Args:
        ask: takes the parts, returns an array or a dict of arrays.
        parts: arrays whose rows belong together, as a support's images and labels.
        rng: chooses another order.
        what: a noun for messages, as "prototypes".
        least: see assert_close.
    """
    order = np.roll(rng.permutation(len(parts[0])), 1)
    while len(order) > 1 and (order == np.arange(len(order))).any():  # no row where it was: neither first nor last
        order = rng.permutation(len(order))
    got, want = ask(*(part[order] for part in parts)), ask(*parts)
    assert_close(got, want, f"in another order of the rows, {what}", least=least)


def assert_classes_permute(
    ask: Callable[[np.ndarray], np.ndarray], labels: np.ndarray, way: int, rng: np.random.Generator, what: str
) -> None:
    """Assert that with the classes renamed the scores (Q, N) are the same in other columns.

    Args:
        ask: takes the support's labels, returns scores.
        labels: integers (n,) below N.
        way: N.
        rng: chooses the new names.
        what: a noun for messages, as "logits".
    """
    names = np.roll(np.arange(way), int(rng.integers(1, way)))
    assert_close(ask(names[labels])[:, names], ask(labels), f"with other numbers for the classes, {what}")


def assert_changes(ask: Callable[..., Any], base: Any, others: Mapping[str, Any], what: str) -> None:
    """Assert that each change of the input makes a difference to a number.

    Args:
        ask: takes the input.
        base: it.
        others: other inputs by what is other about them: "support drawings".
        what: a noun for messages, as "loss".
    """
    before = ask(base)
    for name, other in others.items():
        assert bool(np.any(ask(other) != before)), f"the {what} stays the same when the {name} are others"


def assert_answers_stay_apart(
    losses: Callable[[list[list[Any]]], Any],
    tasks: Sequence[Any],
    answers: str,
    message: str,
    other_mistake: Callable[[list[list[Any]]], Any] | None = None,
) -> None:
    """Assert that what is told of one query's answer makes no difference to the loss of another query.

    A loss is a sum over the queries, right or wrong. So the difference that one answer makes to it does not depend on
    another answer, unless an answer is known where a query is predicted. Nothing is said of a loss that does not go by
    which query has which answer, nor of one that is another the second time: these are other mistakes.

    Args:
        losses: takes batches, returns their losses (B,).
        tasks: a batch, of named tuples.
        answers: the field of a task that holds the answers of its queries, not all alike.
        message: what to say if it does.
        other_mistake: the losses of a mistake by which it does, and of which another check tells.
    """
    told = [
        [_told(task, answers, first, other) for task in tasks]
        for first, other in ((False, False), (True, False), (False, True), (True, True), (False, False))
    ]
    got = np.asarray(losses(told))
    mistaken = None if other_mistake is None else other_mistake(told)  # always asked: a handout's record has it then
    if got.shape[:1] != (len(told),):
        return
    neither, first, other, both, again = got
    single = bool(np.all(got.astype(np.float32) == got))  # whoever computes in single precision rounds more
    largest = np.max(np.abs(got), initial=0.0)
    noise = (ROUNDED_SINGLE if single else ROUNDED) * largest
    if any(bool(np.all(np.abs(same - neither) <= noise)) is wrong for same, wrong in ((again, False), (both, True))):
        return
    if mistaken is not None and bool(np.all(np.abs(got - mistaken) <= ROUNDED_SINGLE * largest)):
        return
    assert bool(np.all(np.abs(neither + both - first - other) <= noise)), message


def _told(task: Any, answers: str, first: bool, other: bool) -> Any:
    """A task in which one query has another one's answer, or that other one has the first's, or both."""
    given = np.asarray(getattr(task, answers))
    rows = given.reshape(len(given), -1)
    # Of class 0 only where there is no other pair: who leaves that class out of the loss averages over fewer queries.
    order = np.argsort(~rows.any(axis=1), kind="stable")
    start = order[0]
    place = next(at for at in order if (rows[at] != rows[start]).any())
    changed = given.copy()
    if first:
        changed[start] = given[place]
    if other:
        changed[place] = given[start]
    return task._replace(**{answers: changed})


def _mapped(function: Callable[[np.ndarray], Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: function(np.asarray(part)) for name, part in value.items()}
    return function(np.asarray(value))


def _flat(arrays: Mapping[str, Any]) -> Any:
    """One array, or one dict of arrays, as it is; several in one dict by "name/key"."""
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    flat = {}
    for name, part in arrays.items():
        flat |= {f"{name}/{key}": array for key, array in part.items()} if isinstance(part, Mapping) else {name: part}
    return flat


def _nested(at: Any, names: Sequence[str]) -> dict[str, Any]:
    """The opposite of _flat."""
    if len(names) == 1:
        return {names[0]: at}
    nested: dict[str, Any] = {}
    for place, array in at.items():
        name, slash, key = place.partition("/")
        if slash:
            nested.setdefault(name, {})[key] = array
        else:
            nested[name] = array
    return nested
