"""Notebooks: what their texts give, valid, fit for a handout, and run from top to bottom."""

import ast
import asyncio
import re
import subprocess
import sys

import pytest

from autograder.grading.catalog import exercises, homeworks
from autograder.paths import COURSE
from autograder.student import upgrade

nbformat = pytest.importorskip("nbformat", reason="the extra `notebooks` is not installed")
pytest.importorskip("nbconvert", reason="the extra `notebooks` is not installed")

from autograder.instructor.texts import notebook, run, task  # noqa: E402


def check_cell(exercise):
    """The id of the cell that checks an exercise."""
    return f"check-{exercise.name.replace('_', '-')}"


each_homework = pytest.mark.parametrize("homework", homeworks())


# What is in the repository


@each_homework
def test_a_notebook_is_valid_has_run_nowhere_and_is_as_nbformat_writes_it(homework):
    path = COURSE / homework / f"{homework}.ipynb"
    made = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(made)
    assert nbformat.writes(made).rstrip("\n") + "\n" == path.read_text(encoding="utf-8")
    assert made.nbformat == 4 and len({cell.id for cell in made.cells}) == len(made.cells)
    for cell in (cell for cell in made.cells if cell.cell_type == "code"):
        assert cell.outputs == [] and cell.execution_count is None
        ast.parse(without_magic(cell.source))


@each_homework
def test_a_notebook_checks_every_exercise_and_asks_every_question(homework):
    listed = exercises(homework)
    cells = {cell.id: cell for cell in notebook.cells(homework, listed)}
    for exercise in listed:
        assert cells[check_cell(exercise)].text.endswith(f'check("{exercise.name}")')
    asked = [question for exercise in listed for question in task.questions(exercise, listed)]
    assert asked and f"question-{len(asked) + 1}" not in cells
    for number, question in enumerate(asked, start=1):
        assert cells[f"question-{number}"].text.startswith(f"{number}. {question.splitlines()[0]}")
        assert cells[f"answer-{number}"].tags == (upgrade.ANSWER,)


@each_homework
def test_the_cells_of_a_problem_need_the_first_cells_alone(homework, tmp_path):
    """Names that they use are bound there or by themselves; no other problem's cells bind them to something else."""
    bound = {}
    for exercise in exercises(homework):
        alone = [cell for cell in notebook.cells(homework, [exercise]) if cell.kind == "code"]
        text = "\n".join(without_magic(cell.text) for cell in alone)
        path = tmp_path / "cells.py"
        path.write_text(f"display = print\n{text}\n", encoding="utf-8")  # a notebook has display
        ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", str(path)]
        found = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout
        own = {part.id for part in task.cells(exercise) if part.kind == "cell"}
        for node in ast.parse("\n".join(without_magic(cell.text) for cell in alone if cell.id in own)).body:
            for name in names(node):
                assert bound.setdefault(name, ast.unparse(node)) == ast.unparse(node), name


def without_magic(code):
    """A cell's code without the lines that are IPython's."""
    return re.sub(r"^( *)%.*$", r"\1pass", code, flags=re.MULTILINE)


def names(statement):
    """What a statement at the top of a cell binds for the cells below."""
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(statement, ast.Assign) and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


# What they show


def run_to_its_end(homework, monkeypatch, stubs=False):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = run.run(homework, stubs)
    assert [out for cell in made.cells for out in cell.get("outputs", []) if out.output_type == "error"] == []
    return made


def shown(made):
    """All that the cells of a notebook put out, by the cell's id: texts and kinds."""
    return {
        cell.id: [
            output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])
        ]
        for cell in made.cells
    }


def kinds(made):
    return [kind for cell in made.cells for output in cell.get("outputs", []) for kind in output.get("data", {})]


@each_homework
def test_a_notebooks_page_draws_its_formulas_and_fetches_and_runs_nothing(homework):
    pytest.importorskip("latex2mathml")
    made = nbformat.reads(notebook.ipynb(homework, exercises(homework)), as_version=nbformat.NO_CONVERT)
    html = run.page(made)
    assert html.count("<math") > 50 and "<script" not in html
    assert not re.search(r"""(?:src|href)=["']?https?:[^"']*\.(?:js|css|mjs)|@import|url\(["']?http""", html)
    assert not re.search(r"\$[^$]+\$", re.sub(r"<math.*?</math>", "", html, flags=re.DOTALL).partition("</head>")[2])


@pytest.mark.parametrize("endless", ["while True: pass", "import time; time.sleep(99)"])
def test_a_cell_that_does_not_end_is_ended_after_its_own_time(tmp_path, monkeypatch, endless):
    monkeypatch.setattr(run, "SECONDS", 2)
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1"), nbformat.v4.new_code_cell(endless)])
    with pytest.raises(run.CellTimeoutError, match="has not ended after 2 seconds of its own time"):
        asyncio.run(run.execute(made, tmp_path))
    assert made.cells[0].outputs[0].data["text/plain"] == "2"


@pytest.mark.slow
@pytest.mark.isolation
@pytest.mark.usefixtures("isolated")
@each_homework
def test_with_the_solutions_a_notebook_runs_to_its_end_and_shows_pictures(homework, monkeypatch):
    made = run_to_its_end(homework, monkeypatch)
    assert kinds(made).count("image/png") >= 4
    for exercise in exercises(homework):
        (report,) = shown(made)[check_cell(exercise)]
        assert (
            "✗" not in report
            and "☐" not in report
            and report.count("✓") == sum(not trains for trains in exercise.outline().values())
        )
    html = run.page(made)
    assert html.count("<img") >= 4 and "✓" in html


@pytest.mark.slow
@pytest.mark.isolation
@pytest.mark.usefixtures("isolated")
@each_homework
def test_with_the_stubs_a_notebook_opens_and_its_checks_show_what_is_to_do(homework, monkeypatch):
    made = run_to_its_end(homework, monkeypatch, stubs=True)
    for exercise in exercises(homework):
        assert "still to do" in "".join(shown(made)[check_cell(exercise)])
