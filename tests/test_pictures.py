"""A failed check draws what was asked and answered: for those who grade their own work, and for nobody else."""

import functools
import re
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.grading import catalog, grade, pictures, svg
from autograder.grading.checks import checks
from autograder.grading.drawings import Drawings
from autograder.grading.evidence import Call
from autograder.grading.referee import Referee
from autograder.grading.settings import Settings
from autograder.instructor import references
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.intake import submission
from autograder.intake.submission import Submission
from autograder.paths import GRADER
from autograder.report import files, student
from autograder.results import Verdict

EXERCISES = {e.name: e for homework in catalog.homeworks() for e in catalog.exercises(homework)}
DRAWN = [
    (exercise.name, check.__name__)
    for exercise in EXERCISES.values()
    for check in checks(exercise)
    if hasattr(check, "picture")
]
SQUARED = (".square().sum(dim=-1)", ".square().sum(dim=-1).sqrt()")


class Quick(Live):
    """The reference, which names no mistake."""

    def fitting(self, *_):
        return []


@functools.cache
def failed(name, check, mistake, drawn=True):
    """The result of one check for a solution with a mistake of mutants.md, and what it was asked."""
    exercise = EXERCISES[name]
    (mutant,) = (mutant for mutant in mutants.load(exercise) if mutant.name == mistake)
    source = mutant.apply((exercise.folder / "solution.py").read_text(encoding="utf-8"))
    return judged(name, check, source, drawn)


def judged(name, check, source, drawn=True):
    exercise = EXERCISES[name]
    subject = Inside(exercise, source)
    settings = Settings(1, Drawings(None), Quick(), pictures=drawn)
    referee = Referee([exercise], lambda _: subject, settings, {}, chosen=lambda one: one.__name__ == check)
    grade.run_pytest([exercise], referee)
    return referee.results[name][check], list(subject.calls)


def mistakes(name, check):
    """Mistakes that this check explains, or else finds."""
    known = mutants.load(EXERCISES[name])
    found = [mutant.name for mutant in known if mutant.fails[0] == check]
    return found or [mutant.name for mutant in known if check in mutant.fails]


def tree(picture):
    """A picture, parsed: it is well-formed, and self-contained."""
    root = ElementTree.fromstring(picture)
    for part in root.iter():
        tag = part.tag.rpartition("}")[2]
        assert tag in {"figure", "div", "svg", "title", "text", "line", "rect", "circle", "figcaption"}, tag
        assert not [name for name in part.attrib if name.startswith("on") or "href" in name]
        assert not re.search(r"nan|inf|e\+", " ".join(value for name, value in part.attrib.items() if name != "style"))
    assert len(picture.encode()) <= pictures.MOST
    return root


def parts(root, tag):
    return [part for part in root.iter() if part.tag.rpartition("}")[2] == tag]


def texts(root):
    return ["".join(part.itertext()) for part in parts(root, "text")]


@pytest.mark.parametrize(("name", "check"), DRAWN)
def test_every_check_with_a_picture_draws_a_known_mistake(name, check):
    known = mistakes(name, check)
    for mistake in known[:6]:
        result, _ = failed(name, check, mistake)
        if result.picture:
            break
    else:
        pytest.fail(f"none of {known[:6]} is drawn")
    root = tree(result.picture)
    assert result.verdict is Verdict.WRONG and root.tag == "figure"
    assert all(part[0].tag.endswith("title") and part[0].text for part in parts(root, "svg"))
    assert len(root.find("figcaption").text.split()) > 5


def test_dots_of_logits_lie_on_the_curve_for_the_right_ones_alone():
    result, calls = failed("protonet", "test_logits_are_negative_squared_distances", "distances not squared")
    check = getattr(EXERCISES["protonet"].load("checks"), result.name)
    reference = Quick().reference(EXERCISES["protonet"])

    def farthest(calls):
        root = tree(pictures.drawn(check, calls, reference))
        curve = [line for line in parts(root, "line") if line.get("stroke") == svg.EXPECTED][:-1]
        corners = np.array([[float(line.get("x1")), float(line.get("y1"))] for line in curve])
        dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in parts(root, "circle")[:-1]]
        return max(abs(y - np.interp(x, *corners.T)) for x, y in dots if x < corners[-1, 0])

    right = [call._replace(answer=reference.answer(call.function, call.arguments, call.arrays)) for call in calls]
    assert farthest(calls) > 30 and farthest(right) < 2


def test_the_drawing_that_is_in_support_and_query_is_marked_in_both():
    result, _ = failed(
        "data_generator", "test_query_drawings_are_not_in_the_support", "support and query drawn by two calls"
    )
    said = texts(tree(result.picture))
    shown = [text for text in said if re.fullmatch(r"[A-Z]\d+", text)]
    marked = [said[place - 2] for place, text in enumerate(said) if text == "✗"]
    assert len(marked) >= 2 and all(marked.count(drawing) >= 2 for drawing in marked)
    assert all(shown.count(drawing) == 1 for drawing in set(shown) - set(marked))


def test_the_labels_that_leak_are_marked_and_no_others(edited):
    source = edited(
        "black_box",
        "hidden_labels = torch.zeros_like(input_labels[:, -1:])",
        "hidden_labels = input_labels[:, -1:].clone(); hidden_labels[:, :, -1] = 0",
    )
    result, _ = judged("black_box", "test_query_labels_never_reach_the_network", source)
    root = tree(result.picture)
    rows = [float(text.get("y")) for text in parts(root, "text") if (text.text or "").startswith("label at query")]
    marks = {float(text.get("y")) for text in parts(root, "text") if text.text == "✗"}
    near = [any(abs(mark - row) < 3 for mark in marks) for row in rows]
    assert len(rows) > 2 and near == [True] * (len(rows) - 1) + [False]


def test_a_first_order_gradient_is_a_dot_in_the_place_of_an_arrow():
    result, _ = failed("maml", "test_meta_gradient_is_second_order", "first order: retain_graph")
    (dot,) = parts(tree(result.picture), "circle")
    assert dot.get("fill") == svg.YOURS


HOSTILE = {
    "NaN": lambda array: np.full(array.shape, np.nan),
    "infinite": lambda array: np.full(array.shape, np.inf),
    "huge": lambda array: np.where(np.arange(array.size).reshape(array.shape) % 2, 1e308, -1e308),
    "tiny": lambda array: np.full(array.shape, 1e-320),
    "a number": lambda array: np.array(3.0),
    "empty": lambda array: np.zeros((0, *array.shape[1:])),
    "transposed": lambda array: array.T,
    "booleans": lambda array: array > 0,
    "a million rows": lambda array: (
        np.broadcast_to(array[:1], (10**6, *array.shape[1:])) if array.ndim and array.size else array
    ),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_answer_breaks_a_picture_or_makes_it_large(hostile):
    drawn = set()
    for name, check in DRAWN:
        function = getattr(EXERCISES[name].load("checks"), check)
        if (name, function.picture) in drawn:
            continue
        drawn.add((name, function.picture))
        _, calls = failed(name, check, mistakes(name, check)[0])
        answers = [{key: HOSTILE[hostile](array) for key, array in call.answer.items()} for call in calls]
        given = [call._replace(answer=answer) for call, answer in zip(calls, answers, strict=True)]
        begun = time.process_time()
        picture = pictures.drawn(function, given, Quick().reference(EXERCISES[name]))
        assert time.process_time() - begun < 10, check
        if picture:
            tree(picture)


def test_a_check_that_asked_nothing_has_no_picture():
    for name, check in DRAWN:
        function = getattr(EXERCISES[name].load("checks"), check)
        assert pictures.drawn(function, [], Quick().reference(EXERCISES[name])) == ""


@pytest.mark.parametrize("error", [ValueError, MemoryError, RecursionError, AssertionError])
def test_a_picture_that_fails_leaves_the_verdict(error, monkeypatch):
    def fails(failure):
        raise error

    before, _ = failed("protonet", "test_logits_are_negative_squared_distances", "distances not squared")
    check = EXERCISES["protonet"].load("checks").test_logits_are_negative_squared_distances
    monkeypatch.setattr(check, "picture", fails)
    now, _ = failed.__wrapped__("protonet", before.name, "distances not squared")
    assert before.picture and not now.picture
    assert (now.verdict, now.message) == (Verdict.WRONG, before.message)


def test_a_picture_that_is_too_large_is_left_out(monkeypatch):
    check = EXERCISES["protonet"].load("checks").test_logits_are_negative_squared_distances
    monkeypatch.setattr(check, "picture", lambda failure: "x" * (pictures.MOST + 1))
    assert pictures.drawn(check, [], Quick().reference(EXERCISES["protonet"])) == ""


def test_nothing_is_drawn_unless_it_is_asked_for_and_only_the_command_line_asks():
    result, _ = failed("protonet", "test_logits_are_negative_squared_distances", "distances not squared", drawn=False)
    assert result.verdict is Verdict.WRONG and result.picture == ""
    asking = [path.name for path in GRADER.rglob("*.py") if "pictures=" in path.read_text(encoding="utf-8")]
    assert asking == ["commands.py"]


def wrong_protonet():
    files = references.solutions("hw2").files
    return {"hw2/protonet.py": files["hw2/protonet.py"].replace(*(part.encode() for part in SQUARED))}


@pytest.fixture
def own_work(monkeypatch):
    """The course folder's work has a mistake."""
    monkeypatch.setattr(submission, "collect", lambda path, homework: Submission(wrong_protonet()))


def test_own_work_is_drawn_on_the_page_and_not_in_what_others_may_read(own_work, tmp_path):
    page, feedback = tmp_path / "report.html", tmp_path / "feedback.html"
    line = ["hw2", "--fast", "--only", "protonet", "--html", str(page), "--feedback", str(feedback)]
    done = CliRunner().invoke(main, line)
    assert done.exit_code == 1, done.output
    assert page.read_text().count("<figure") == 1 and "<svg" not in feedback.read_text()


def test_the_terminal_says_that_there_is_a_picture(own_work):
    done = CliRunner().invoke(main, ["hw2", "--fast", "--only", "protonet"])
    assert "--html FILE writes this as a page, with 1 picture of what failed." in done.output


def test_work_of_others_is_not_drawn(tmp_path):
    folder = tmp_path / "work"
    (folder / "hw2").mkdir(parents=True)
    for name, content in wrong_protonet().items():
        (folder / name).write_bytes(content)
    page = tmp_path / "report.html"
    line = ["hw2", "--fast", "--only", "protonet", "--html", str(page), "--submission", str(folder)]
    done = CliRunner().invoke(main, [*line, "--allow-unsandboxed"])
    assert done.exit_code == 1, done.output
    assert "WRONG" in page.read_text() and "<svg" not in page.read_text()


def test_the_students_view_of_a_report_holds_no_picture():
    result, _ = failed("protonet", "test_logits_are_negative_squared_distances", "distances not squared")
    from tests.test_reports import report_of

    report = report_of(result)
    assert "<svg" in files.html(report) and "<svg" not in files.html(student.view(report))
    assert "<svg" not in files.data(student.view(report))


def test_what_is_written_in_a_picture_is_escaped():
    panel = svg.Panel("<script>", 10, 10)
    panel.text(0, 0, "<script>alert(1)</script>")
    assert "<script" not in svg.figure([panel], "<script>")


def test_a_call_without_an_answer_is_no_picture():
    call = Call("logits", {}, {}, 0, {}, set())
    check = EXERCISES["protonet"].load("checks").test_logits_are_negative_squared_distances
    assert pictures.drawn(check, [call], Quick().reference(EXERCISES["protonet"])) == ""
