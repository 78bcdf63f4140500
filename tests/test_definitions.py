"""Questions and checks are found through imports, and what cannot be read is told with file and line."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import pytest
import torch

from autograder.grading import author_mistakes, catalog, grade
from autograder.grading.checks import described
from autograder.grading.definitions import DefinitionError, Module
from autograder.grading.subjects import QuestionError, Subject, UnknownQuestionError
from autograder.worker import asking, packing, values

SHARED = """
from typing import Annotated, NamedTuple

SIZE = 3
Arrays = dict[str, Array]

class Answer(NamedTuple):
    values: Annotated[Array, "n"]
    more: Arrays

class Other(NamedTuple):
    value: Annotated[Array, ""]

def shared(module, values, size=SIZE) -> Answer: ...
def built(build, values) -> Other: ...
def helper(x) -> float: ...
"""
PROBE = """
from autograder.exercises.toy.shared import Answer, SIZE as LENGTH, built, helper, shared as renamed

def build(module, size): ...
def own(module, values: Annotated[Array, "n"], *, size=LENGTH, deep=-1) -> Answer: ...
def _private(x) -> Answer: ...
"""
CHECKS = """
from autograder.exercises.toy.shared import test_shared

@points(1)
def test_own(student, draw): student.own(draw.normal(3)).values

@training(seconds=3)
def test_trains(student, reference, draw, threshold): ...
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Makes an exercise of these texts."""
    folder = tmp_path / "autograder" / "exercises" / "toy"
    folder.mkdir(parents=True)
    monkeypatch.setattr("autograder.grading.definitions.COURSE", tmp_path)

    class Toy(catalog.Exercise):
        folder = property(lambda self: folder)  # type: ignore[assignment]

    def make(**texts):
        for name, text in {
            "probe": PROBE,
            "checks": CHECKS,
            "shared": f"{SHARED}\ndef test_shared(student): ...\n",
        }.items():
            (folder / f"{name}.py").write_text(texts.get(name, text), encoding="utf-8")
        return Toy("hw9", "toy")

    return make


def test_questions_are_found_through_imports(toy):
    found = toy().questions
    assert list(found) == ["renamed", "built", "own"]  # imported ones in the order of their file
    assert found["renamed"].fields["more"].many and not found["own"].fields["values"].many
    assert found["own"].fields["values"].shape == "n"


def test_a_default_may_be_a_constants_name_and_an_argument_keyword_only(toy):
    found = toy().questions
    assert str(found["renamed"].signature) == "(values, size=3)"
    assert str(found["own"].signature) == "(values, *, size=3, deep=-1)"


def test_checks_are_found_through_imports(toy):
    assert toy().outline() == {"test_shared": False, "test_own": False, "test_trains": True}
    assert author_mistakes.find(toy()) == []


def test_the_files_that_drive_a_solution_are_those_that_the_probe_imports(toy):
    names = [path.name for path in Module(toy().folder / "probe.py").files()]
    assert names == ["__init__.py", "probe.py", "shared.py"]


def test_reading_questions_imports_no_torch():
    text = (
        "import sys; from autograder.grading import catalog; e = catalog.exercises('hw2')[0]; e.questions, e.outline()"
    )
    subprocess.run([sys.executable, "-c", f"{text}; assert 'torch' not in sys.modules"], check=True)


OTHER = catalog.exercises(catalog.homeworks()[-1])[0].name
PROBES = {
    "star": ("def own(module, *rest) -> Answer: ...", "own takes *, ** or / arguments"),
    "keywords": ("def own(module, **rest) -> Answer: ...", "own takes *, ** or / arguments"),
    "an unknown answer": ("def own(module, x) -> Answr: ...", "own returns Answr, which is neither defined nor"),
    "a computed default": ("def own(module, x=len('a')) -> Answer: ...", "the default len('a') is neither a plain"),
    "an unknown default": ("def own(module, x=LENGHT) -> Answer: ...", "the default LENGHT is neither a plain value"),
    "another first argument": ("def own(solution, x) -> Answer: ...", "first argument of own is solution"),
    "what is not there": ("from autograder.exercises.toy.shared import nothing", "imports nothing, which autogr"),
    "no Python": ("def own(:", "cannot be read: invalid syntax"),
    "another exercise": (f"from autograder.exercises.{OTHER} import probe", "belongs in autograder/shapes/"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "words"), PROBES.values(), ids=PROBES)
def test_what_a_probe_cannot_say_is_told_with_its_line(toy, line, words, monkeypatch):
    head = "from autograder.exercises.toy.shared import Answer\n\n\n"
    if OTHER in line:
        monkeypatch.undo()
        head = "\n\n\n"
    exercise = toy(probe=head + line + "\n")
    with pytest.raises(DefinitionError) as caught:
        exercise.questions  # noqa: B018
    assert "probe.py, line 4" in str(caught.value) and words in str(caught.value), caught.value
    assert any(words in mistake for mistake in author_mistakes.find(exercise))


def test_a_question_that_is_built_needs_a_build(toy):
    exercise = toy(probe="from autograder.exercises.toy.shared import built\n")
    with pytest.raises(DefinitionError, match=r"has no function build\(module, ...\), which built needs"):
        exercise.questions  # noqa: B018


def test_a_misspelt_fixture_is_told_with_its_line(toy):
    exercise = toy(checks="\ndef test_own(studnet, draw): ...\n\ndef test_other(student, numbers): ...\n")
    first, second = author_mistakes.find(exercise)
    assert "checks.py, line 2: test_own asks for studnet, which is no fixture: did you mean student?" in first
    assert "checks.py, line 4: test_other asks for numbers, which is no fixture: there are student, refe" in second


def test_an_unknown_question_is_told_with_its_line(toy):
    exercise = toy(checks="def test_own(student, reference):\n    student.seed\n    reference.onw(1).values\n")
    (mistake,) = author_mistakes.find(exercise)
    assert "checks.py, line 3: test_own asks reference.onw" in mistake and mistake.endswith("did you mean own?")


def test_a_question_of_another_name_or_with_other_arguments_is_a_fault_of_its_own(toy):
    subject = Subject(toy())
    with pytest.raises(UnknownQuestionError, match="The probe of toy has no function onw"):
        subject.onw  # noqa: B018
    with pytest.raises(QuestionError, match=r"The probe's own\(values, \*, size=3, deep=-1\): too many positional"):
        subject.own(1, 2)
    with pytest.raises(QuestionError, match="no array of floats is given by name"):
        subject.own.gradient(1.0, np.ones(2))


def test_in_a_report_a_misspelt_fixture_is_named(monkeypatch):
    """And nothing is said of pytest."""
    (exercise,) = (exercise for exercise in catalog.exercises("hw2") if exercise.number == 1)
    monkeypatch.setattr(author_mistakes, "in_check", lambda exercise, name: ["checks.py, line 3: it is misspelt"])
    check = described(exercise)[0]
    told = grade._lost(check, exercise, cast(Any, type("R", (), {"errors": {}})))
    assert told.message == "checks.py, line 3: it is misspelt"


# Gradients of any answer


class Product(NamedTuple):
    """The sum is not differentiated: only the first field is."""

    product: Any
    total: Any


def gradient(function, weights, names, **arguments):
    probe = SimpleNamespace(q=function, build=lambda module, size: (module, size))
    request = {"weights": weights, "names": names, "arguments": arguments}
    return asking.ask(cast(Any, probe), "solution", "q" + packing.GRADIENT, request)


def product(module, a, b):
    a, b = values.as_tensor(a), values.as_tensor(b)
    return Product(a * b, a + b)


A, B, W = np.array([1.0, 2.0]), np.array([3.0, 5.0]), np.array([2.0, -1.0])


def test_a_gradient_is_that_of_the_weighted_first_field():
    got = gradient(product, W, ["a", "b"], a=A, b=B)
    assert got["a"].tolist() == (W * B).tolist() and got["b"].tolist() == (W * A).tolist()
    assert set(gradient(product, W, ["b"], a=A, b=B)) == {"b"}


def test_a_gradient_of_a_dict_has_its_names():
    def question(module, theta):
        adapted = {name: 2 * values.as_tensor(array) for name, array in theta.items()}
        return Product(adapted, 0)

    got = gradient(question, {"w": W, "b": np.array(3.0)}, ["theta"], theta={"w": A, "b": np.array(1.0)})
    assert got["theta/w"].tolist() == [4.0, -2.0] and got["theta/b"] == 6.0


def test_a_gradient_may_be_that_of_a_networks_own_weight():
    def question(module, weight):
        layer = torch.nn.Linear(2, 1, bias=False)
        values.leaf(weight, layer.weight).data = torch.tensor(weight)
        return Product(layer(torch.tensor(B)).sum(), 0)

    assert gradient(values.in_double(question), 1.0, ["weight"], weight=A[None])["weight"].tolist() == [B.tolist()]


def test_what_has_no_graph_has_a_gradient_of_zero():
    for cut in (lambda x: x.detach(), lambda x: x.sum().item()):
        got = gradient(lambda module, a, cut=cut: Product(cut(values.as_tensor(a)), 0), 1.0, ["a"], a=A)
        assert got["a"].tolist() == [0.0, 0.0]


def test_a_list_has_no_gradient():
    with pytest.raises(values.FormatError, match="product: expected a tensor, got a list of 2"):
        gradient(lambda module, a: Product(values.as_tensor(a).tolist(), 0), 1.0, ["a"], a=A)


def test_writing_into_an_argument_does_not_hide_its_gradient():
    def question(module, a):
        given = values.as_tensor(a)
        given *= 3
        return Product(given, 0)

    assert gradient(question, W, ["a"], a=A)["a"].tolist() == (3 * W).tolist()


def test_an_argument_of_which_the_probe_makes_no_tensor_has_no_gradient():
    with pytest.raises(LookupError, match=r"makes no tensor of a by values.as_tensor"):
        gradient(lambda module, a: Product(torch.tensor(a), 0), 1.0, ["a"], a=A)
    assert not values._wanted


def test_a_question_may_be_given_what_builds_of_the_solution():
    class Built(NamedTuple):
        size: Any

    probe = SimpleNamespace(q=lambda build, x: Built(build(x)[1]), build=lambda module, size: (module, size))
    assert asking.ask(cast(Any, probe), "solution", "q", {"x": 4})["size"] == 4
