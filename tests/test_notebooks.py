"""Notebooks: what their texts give, valid, fit for a handout, and run from top to bottom."""

import ast
import asyncio
import re

import pytest

from autograder.grading.catalog import exercises, homeworks
from autograder.paths import COURSE
from autograder.student import upgrade

nbformat = pytest.importorskip("nbformat", reason="the extra `notebooks` is not installed")
pytest.importorskip("nbconvert", reason="the extra `notebooks` is not installed")

from autograder.instructor.notebooks import build, readme, run, source  # noqa: E402


def check_cell(exercise):
    """The id of the cell that checks an exercise."""
    return f"check-{exercise.name.replace('_', '-')}"


each_homework = pytest.mark.parametrize("homework", homeworks())


@pytest.fixture
def text(tmp_path, monkeypatch):
    """Puts a text in the place of hw2.md: the cells that it gives."""
    monkeypatch.setattr(source, "HERE", tmp_path)

    def cells(content):
        (tmp_path / "hw2.md").write_text(content)
        return source.cells("hw2")

    return cells


# What is in the repository


@each_homework
def test_a_notebook_is_what_its_text_gives(homework):
    assert (COURSE / homework / f"{homework}.ipynb").read_text(encoding="utf-8") == build.text(homework)


@each_homework
def test_a_notebook_is_valid_and_has_run_nowhere(homework):
    made = nbformat.read(COURSE / homework / f"{homework}.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(made)
    assert made.nbformat == 4 and len({cell.id for cell in made.cells}) == len(made.cells)
    for cell in (cell for cell in made.cells if cell.cell_type == "code"):
        assert cell.outputs == [] and cell.execution_count is None
        ast.parse(re.sub(r"^( *)%.*$", r"\1pass", cell.source, flags=re.MULTILINE))  # lines with % are IPython's


@each_homework
def test_a_notebook_checks_every_exercise_and_asks_every_question(homework):
    cells = {cell.id: cell for cell in source.cells(homework)}
    for exercise in exercises(homework):
        assert cells[check_cell(exercise)].text.endswith(f'check("{exercise.name}")')
    questions = [cell for name, cell in cells.items() if name.startswith("question-")]
    text = (COURSE / homework / "README.md").read_text(encoding="utf-8")
    asked = [item for part in readme.section(text, "Training, and written questions") for item in readme.items(part)]
    assert [cell.text for cell in questions] == asked and asked
    for number in range(1, len(asked) + 1):
        assert cells[f"answer-{number}"].tags == (upgrade.ANSWER,)


# How a text is read


def test_blocks_of_code_have_names_and_what_is_between_is_text(text):
    made = text("# Title\n\nWords for {homework}.\n\n```python one\nx = 1\n\ny = 2\n```\n```\nno cell\n```\n")
    assert [(cell.id, cell.kind, cell.text) for cell in made] == [
        ("one-text", "markdown", "# Title\n\nWords for hw2."),
        ("one", "code", "x = 1\n\ny = 2"),
        ("end-text", "markdown", "```\nno cell\n```"),
    ]


def test_sections_of_the_readme_are_taken_in_whole_or_in_part(text):
    whole = (COURSE / "hw2" / "README.md").read_text(encoding="utf-8")
    heading, first, second, *_ = readme.section(whole, "Problem 2: MAML")
    (cell,) = text("<!-- readme: Problem 2: MAML, paragraphs 1-2 -->\n")
    assert cell.text == f"{heading}\n\n{first}\n\n{second}" and heading == "## Problem 2: MAML"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("```python\nx\n```\n", "hw2.md, line 1: a block of code has a name of letters"),
        ("words\n```python one\nx\n", "hw2.md, line 2: the block that begins here has no end."),
        ("<!-- readme: Nothing -->\n", "hw2.md, line 1: hw2/README.md: 0 sections are called 'Nothing'."),
        ("<!-- readme: Notation, paragraphs 1-99 -->\n", "hw2.md, line 1: that section has "),
        ("<!-- questions: Notation -->\n", "hw2.md, line 1: that section has no numbered list."),
        ("<!-- text: none.md -->\n", "hw2.md, line 1: there is no text none.md in this folder."),
        ("<!-- hello -->\n", "hw2.md, line 1: this is no instruction: <!-- hello -->"),
        ("```python one\nx\n```\n```python one\ny\n```\n", "there are two cells called one; rename one."),
    ],
)
def test_a_text_that_cannot_be_read_is_named_with_its_place(text, content, said):
    with pytest.raises(source.SourceError) as error:
        text(content)
    assert said in str(error.value)


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
