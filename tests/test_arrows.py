"""Imports point one way: each room imports what lies below it, and no module its own importers, lazily or not."""

import ast
import graphlib
from pathlib import Path

import pytest

from autograder.paths import COURSE

# Rooms, the highest first; those of one line know nothing of each other.
LAYERS = (
    ("__main__",),
    ("commands", "instructor.commands", "student.commands", "student.pytest_plugin"),
    ("answer_key",),
    ("instructor",),
    ("student", "arguments", "options"),
    ("exercises",),
    ("shapes",),
    ("grading", "report"),
    ("worker",),
    ("isolation", "intake"),
    ("grading.catalog",),  # which exercises there are
    ("grading.questions",),  # what their probes declare
    ("grading.undeclared",),  # and arrays that are not as declared
    ("grading.definitions",),  # read off their text
)
BASE = ("exit_status", "fault", "level_words", "locks", "manifest", "paths", "results", "safe_path", "untrusted")
BASE += ("writing", "")  # the last: the version, in autograder/__init__.py


def modules(package="autograder", course=COURSE):
    """The modules of a package, by their dotted names."""
    found = {}
    for path in sorted((course / package).rglob("*.py")):
        parts = path.relative_to(course).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name, path, known):
    """The modules among those known that a module imports, anywhere in its text."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*above, node.module] if node.module else above)
            for alias in node.names:
                found.add(f"{source}.{alias.name}" if f"{source}.{alias.name}" in known else source)
    return {target for target in found if target in known and target != name}


def graph(course=COURSE):
    """What each module of the grader imports of it."""
    known = modules(course=course)
    return {name: imports(name, path, known) for name, path in known.items()}


def room(name):
    """The room in which a module lies, and how high it is: 0 for the base."""
    inside = name.removeprefix("autograder").removeprefix(".")
    heights = {room: height for height, line in enumerate(reversed((*LAYERS, BASE))) for room in line}
    fitting = [room for room in heights if inside == room or (room and inside.startswith(f"{room}."))]
    assert fitting, f"{name} lies in no room that tests/test_arrows.py knows"
    nearest = max(fitting, key=len)
    return nearest, heights[nearest]


def wrong_way(arrows):
    """Imports that lead to a higher room, or to another one of the same height."""
    for name, targets in arrows.items():
        own, height = room(name)
        for target in sorted(targets):
            other, there = room(target)
            if other != own and (there > height or (there == height and height)):
                yield f"{name} -> {target}"


def test_every_import_of_the_grader_leads_to_a_room_below():
    assert list(wrong_way(graph())) == []


def test_no_module_imports_its_own_importers():
    graphlib.TopologicalSorter(graph()).prepare()  # names the circle, if there is one


def test_reports_are_made_of_results_alone():
    for name, targets in graph().items():
        if room(name)[0] == "report":
            assert {room(target)[0] for target in targets} <= {"report", *BASE}, name


def test_only_an_exercise_is_imported_by_name_in_its_own_folder():
    for name, targets in graph().items():
        for target in targets:
            if target.startswith("autograder.exercises."):
                assert name.split(".")[:3] == target.split(".")[:3], f"{name} imports {target}"


@pytest.mark.parametrize("package", ["data", "trainer"])
def test_data_and_training_know_nothing_of_the_grader(package):
    grader = modules()
    for name, path in modules(package).items():
        assert not imports(name, path, grader), name


@pytest.mark.parametrize(
    ("file", "text", "arrow"),
    [
        ("grading/grade.py", "def late():\n    from autograder.commands import grade\n", "grading.grade -> commands"),
        ("worker/client.py", "import autograder.grading.grade\n", "worker.client -> grading.grade"),
        ("isolation/levels.py", "from ..intake import submission\n", "isolation.levels -> intake.submission"),
        ("results.py", "from autograder.report import terminal\n", "results -> report.terminal"),
    ],
)
def test_an_arrow_that_points_up_is_found(tmp_path, file, text, arrow):
    for name in ("commands.py", "grading/grade.py", "intake/submission.py", "report/terminal.py", file):
        path: Path = tmp_path / "autograder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if name == file else "")
    assert list(wrong_way(graph(tmp_path))) == [" -> ".join(f"autograder.{end}" for end in arrow.split(" -> "))]


def test_a_circle_through_a_lazy_import_is_found(tmp_path):
    (tmp_path / "autograder").mkdir()
    (tmp_path / "autograder" / "paths.py").write_text("from autograder import locks\n")
    (tmp_path / "autograder" / "locks.py").write_text("def late():\n    from autograder import paths\n")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph(tmp_path)).prepare()
