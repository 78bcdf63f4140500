"""An answer is measured by what its question declares, before anything is computed with it."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_inputs import tries

from autograder.grading import catalog, questions, undeclared
from autograder.grading.check_vocabulary import assert_close, assert_shape
from autograder.grading.definitions import Module
from autograder.results import StudentError, Verdict

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
PROBE = """
Arrays = dict[str, Array]

class Answer(NamedTuple):
    logits: Annotated[Array, "Q, N"]
    steps: Annotated[Array, "count + 1, 2 * Q"]
    loss: Annotated[Array, ""]
    same: Annotated[Array, "features"]
    theta: Annotated[Arrays, "parameters"]
    free: Annotated[Array, "any, Q"]
    more: dict[str, Array]

class Bare(NamedTuple):
    values: Array

def ask(
    module, features: Annotated[Array, "Q, D"], prototypes: Annotated[Array, "N, D"], parameters, count=3
) -> Answer: ...
def other(module) -> Bare: ...
"""
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "probe.py").write_text(PROBE, encoding="utf-8")
    QUESTIONS = questions.read(Module(Path(folder) / "probe.py"))
ARGUMENTS = {
    "features": np.zeros((4, 6)),
    "prototypes": np.zeros((3, 6)),
    "parameters": {"w": np.zeros((2, 5)), "b": np.zeros(2)},
    "count": 7,
}


def right():
    """The arrays of an answer as it is declared."""
    return {
        "logits": np.ones((4, 3)),
        "steps": np.ones((8, 8)),
        "loss": np.ones(()),
        "same": np.ones((4, 6)),
        "theta/w": np.ones((2, 5)),
        "theta/b": np.ones(2),
        "free": np.ones((9, 4)),
        "more/x": np.ones(5),
    }


def answered(**changes):
    return QUESTIONS["ask"].answer(ARGUMENTS, right() | changes)


def test_shapes_are_declared_by_the_names_of_sizes_numbers_and_arguments():
    assert QUESTIONS["ask"].expected(ARGUMENTS) == {
        "logits": (4, 3),
        "steps": (8, 8),
        "loss": (),
        "same": (4, 6),
        "theta": {"w": (2, 5), "b": (2,)},
        "free": (None, 4),
        "more": None,
    }


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_every_exercise_declares_what_is_no_solutions_own(exercise):
    """Trained weights, gradients by name and learned rates are a solution's own; all other fields have a shape."""
    for name, question in exercise.questions.items():
        undeclared = {field for field, declared in question.fields.items() if declared.shape is None}
        assert undeclared <= {"weights", "largest", "inner_lrs"}, name


def test_an_answer_as_declared_is_made_of_ordinary_arrays():
    answer = answered()
    assert type(answer.logits) is type(answer.theta["w"]) is np.ndarray and answer.logits.shape == (4, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"logits/x": np.ones(1)},
        {"theta": np.ones(1)},
        {"extra": np.ones(1)},
        {"more/x": None, "more": np.ones(1)},
        {"logits": None},
        {"more/x": None},
    ],
    ids=["a dict for an array", "an array and a dict", "one more", "an array for a dict", "one less", "an empty dict"],
)
def test_an_answer_of_other_fields_is_refused(changes):
    arrays = {name: array for name, array in (right() | changes).items() if array is not None}
    with pytest.raises(questions.FieldsError):
        QUESTIONS["ask"].answer(ARGUMENTS, arrays)


def test_a_wrong_shape_reaches_the_check_which_says_so_in_its_words():
    logits = answered(logits=np.ones((4, 3, 2))).logits
    assert logits.shape == (4, 3, 2) and logits.size == 24 and logits.reshape(24).shape == (24,)
    with pytest.raises(AssertionError, match=r"logits for N = 3: shape \(4, 3, 2\), expected \(4, 3\)"):
        assert_shape(logits, (4, 3), "logits for N = 3")
    with pytest.raises(AssertionError, match=r"logits: shape \(4, 3, 2\), expected \(4, 3\)"):
        assert_close(logits, np.ones((4, 3)), "logits")
    assert_close(answered(loss=np.ones((1, 1))).loss, np.ones(()), "loss")  # a scalar in brackets is a scalar


SPREADING = {
    "times": lambda a, b: a * b,
    "from the right": lambda a, b: b - a,
    "in place": lambda a, b: np.add(b, a, out=np.empty((12000, 1, 1, 4, 3))),
    "outer": lambda a, b: np.multiply.outer(a, b),
    "compared": lambda a, b: a == b,
    "a view": lambda a, b: a[:, 0].copy().reshape(-1, 1, 1) * b,
    "what came of it": lambda a, b: (a + 1) * b,
    "dot": lambda a, b: np.dot(a.reshape(12000, 1), np.ones((1, 1200))),
    "its own dot": lambda a, b: a.reshape(12000, 1).dot(np.ones((1, 1200))),
    "dot of more dimensions": lambda a, b: np.dot(a, np.ones((1, 1200))),
    "sums of products": lambda a, b: np.einsum("iabcd,jk->ijk", a, b),
    "sums of products with itself": lambda a, b: np.einsum("iabcd,jabcd->ij", a, a),
    "outer product": lambda a, b: np.outer(a, b),
    "Kronecker product": lambda a, b: np.kron(a, b),
    "tensor product": lambda a, b: np.tensordot(a, b, axes=0),
    "a list of arrays": lambda a, b: np.linalg.multi_dot([a.reshape(12000, 1), np.ones((1, 1200))]),
    "chosen": lambda a, b: np.where(a > 0, b, 0),
    "limited": lambda a, b: np.clip(b, 0, a),
    "near": lambda a, b: np.isclose(a, b),
    "a diagonal": lambda a, b: np.diag(a.ravel()),
    "repeated": lambda a, b: np.broadcast_to(a, (12000, 1, 1, 100, 30)).copy(),
    "covariances": lambda a, b: np.cov(a.reshape(12000, 1)),
    "singular vectors": lambda a, b: np.linalg.svd(a.reshape(12000, 1)),
    "matrix product": lambda a, b: a.reshape(12000, 1) @ np.ones((1, 1200)),
}


@pytest.mark.parametrize("compute", SPREADING.values(), ids=SPREADING)
def test_a_wrong_shape_is_never_spread_over_more_numbers(compute):
    logits = answered(logits=np.ones((12000, 1, 1, 1, 1))).logits
    with pytest.raises(StudentError, match=r"logits: shape \(12000, 1, 1, 1, 1\), expected \(4, 3\)") as caught:
        compute(logits, np.ones((100, 30)))
    assert caught.value.verdict is Verdict.WRONG


def test_what_is_not_declared_cannot_be_spread_either():
    for array in (QUESTIONS["other"].answer({}, {"values": np.ones((3000, 1))}).values, answered().free):
        assert isinstance(array, undeclared.Undeclared) and (array[:, :1] + np.ones((1, 7))).shape[1] == 7
    with pytest.raises(StudentError, match="do not belong together"):
        QUESTIONS["other"].answer({}, {"values": np.ones((3000, 1))}).values * np.ones((1, 3000))


LOOKING = {
    "shape": np.shape,
    "sum": np.sum,
    "norm": np.linalg.norm,
    "extent": np.ptp,
    "order": np.sort,
    "places": lambda a: np.where(a.ravel() > 0, 1, 0),
    "in one": lambda a: np.concatenate([a, a]),
    "matrix product": lambda a: np.dot(a.reshape(1, 12000), np.ones((12000, 3))),
    "words": np.array2string,
    "of a few": lambda a: np.outer(a[:30, 0, 0, 0, 0], np.ones(30)),
}


@pytest.mark.parametrize("compute", LOOKING.values(), ids=LOOKING)
def test_an_array_of_a_wrong_shape_may_be_looked_at(compute):
    compute(answered(logits=np.ones((12000, 1, 1, 1, 1))).logits)


@pytest.mark.parametrize("compute", [np.matmul, np.dot, np.outer], ids=lambda compute: compute.__name__)
def test_loops_over_no_numbers_are_refused_too(compute):
    """NumPy takes hours for a matrix product of this shape, although none of its sizes matters."""
    with pytest.raises(StudentError, match="logits: shape"):
        compute(answered(logits=np.ones((2000, 2000, 2000, 2000, 0, 4))).logits, np.ones((4, 4)))


def test_a_reply_may_be_a_few_times_as_large_as_what_is_declared():
    declared = dict(QUESTIONS["ask"].fields)
    declared.pop("free"), declared.pop("more")
    question = QUESTIONS["ask"]._replace(fields=declared)
    numbers = 12 + 64 + 1 + 24 + 12
    assert question.most(ARGUMENTS, 2**40) == questions.SPARE + questions.TIMES * 8 * numbers
    assert question.most(ARGUMENTS, 1000) == 1000 and QUESTIONS["ask"].most(ARGUMENTS, 2**40) == 2**40


# Whatever comes: an answer or a refusal, and never more numbers than a million or than came in

NAMES = st.sampled_from(
    ["logits", "steps", "loss", "same", "theta/w", "theta/b", "theta/c", "free", "more/x", "x", "/"]
)
SIZES = st.lists(st.sampled_from([0, 1, 1, 1, 2, 3, 4, 6, 8, 300, 2000]), max_size=6)


@st.composite
def arrays_of_any_shape(draw):
    shape = draw(SIZES)
    while np.prod(shape, dtype=float) > 20_000:
        shape.pop()
    return np.ones(shape, dtype=draw(st.sampled_from([np.float32, np.float64, np.int64])))


def hold(changes):
    """Compute with an answer as checks do, and assert what must hold of each result."""
    try:
        answer = QUESTIONS["ask"].answer(ARGUMENTS, right() | changes)
    except questions.FieldsError:
        return
    for name, array in vars(answer).items():
        for part in array.values() if isinstance(array, dict) else [array]:
            for other in (np.ones((4, 3)), np.ones((32, 32, 3, 3)), np.ones(784), answer.logits):
                for compute in (np.subtract, np.equal, np.matmul, np.dot, np.outer, np.isclose):
                    try:
                        result = compute(part, other)
                    except (StudentError, ValueError):
                        continue
                    assert np.size(result) <= max(undeclared.NUMBERS, np.size(part), np.size(other)), (name, part.shape)
            with_words(part)


def with_words(part):
    try:
        assert_close(part, np.ones((4, 3)), "x")
    except AssertionError as error:
        assert str(error).startswith("x")


@given(st.dictionaries(NAMES, arrays_of_any_shape(), max_size=4))
@tries(300)
def test_some_replies_of_every_shape(changes):
    hold(changes)


@pytest.mark.slow
@given(st.dictionaries(NAMES, arrays_of_any_shape(), max_size=4))
@tries(2000)
def test_many_replies_of_every_shape(changes):
    """2,000 of them; RANDOM_INPUTS=10 makes it 20,000."""
    hold(changes)


MEASURED = """
import resource, numpy as np
from autograder.grading import catalog
from autograder.results import StudentError
question = next(e for e in catalog.exercises("hw2") if e.name == "protonet").questions["logits"]
given = {"features": np.zeros((1200, 6)), "prototypes": np.zeros((500, 6))}
sent = {"logits": np.zeros((12000, 1, 1, 1, 1), np.float32), "features": given["features"]}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
got = question.answer(given, sent | {"prototypes": given["prototypes"]}).logits
for compute in (np.multiply, np.subtract, np.equal):
    try:
        compute(got, np.ones((1200, 500)))
        raise SystemExit("it was computed")
    except StudentError:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in kB there")
def test_an_answer_that_would_be_spread_over_gigabytes_costs_no_memory():
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50_000, "kB"
