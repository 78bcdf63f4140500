"""The texts of authors: how they are read, and what README and notebook are put together from."""

import dataclasses
import shutil

import pytest
from click.testing import CliRunner

from autograder.grading import catalog
from autograder.grading.catalog import Exercise
from autograder.instructor import commands, generated
from autograder.instructor.handout import command as handout
from autograder.instructor.texts import assignment, notebook, source, task
from autograder.instructor.texts.source import SourceError
from autograder.paths import COURSE

INTRODUCTION = """# {title}

You edit {edited}: {files}. {points} points. {targets} Try {example}.

<!-- files -->

<!-- in the README -->

| | |
|---|---|
<!-- commands -->

<!-- in the notebook -->

<!-- setup -->

```python first
x = "{homework}"
```

<!-- in both -->

<!-- problems -->

<!-- in the README -->

<!-- points -->

<!-- in both -->

## Questions

<!-- questions -->

## End
"""
TASK = """# You write

`NAME.f`

# Problem

It is NAME in {homework}.

```math
x
```

# Commands

| `train NAME` | train it |

# Target

**NAME at 90%**

# Questions

1. First of NAME,
   in two lines?
<!-- with ant -->
7. NAME or ant?
2. Last of NAME?
"""
CELLS = """### Look at NAME

```python look-NAME
y = 1
```
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with the homework toy: a function that writes an exercise's folder, and one that lists the exercises."""
    for module in (catalog, source, assignment, generated):
        monkeypatch.setattr(module, "COURSE", tmp_path)
    for module in (catalog, task):
        monkeypatch.setattr(module, "EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(assignment.points, "tables", lambda listed: iter([f"({len(listed)} tables)"]))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "introduction.md").write_text(INTRODUCTION)
    with catalog.replaced("toy", catalog.Homework("Toys", {})):
        yield tmp_path


def exercise(name, number=1, required=True):
    """A toy exercise, its folder written."""
    toy = Exercise("toy", name, number, 10.0, required)
    toy.folder.mkdir(parents=True, exist_ok=True)
    (toy.folder / "exercise.toml").write_text(
        f'title = "{name.title()}"\npaper = ""\nshape = "functions"\nhomework = "toy"\n'
    )
    (toy.folder / "task.md").write_text(TASK.replace("NAME", name))
    (toy.folder / "cells.md").write_text(CELLS.replace("NAME", name))
    return toy


# Put together


def test_the_readme_is_the_introduction_with_the_tasks_in_it(course):
    text = assignment.readme("toy", [exercise("ant"), exercise("bee", 2), exercise("cat", 3, required=False)])
    assert text == (
        "# Toys\n\n"
        "You edit two files: `toy/ant.py`, `toy/bee.py`, `toy/cat.py` (optional). 20 points. At full length on all "
        "of Omniglot, your\ntargets are **ant at 90%**, **bee at 90%** and **cat at 90%**. Try bee.\n\n"
        "| file | you write |\n|---|---|\n| `toy/ant.py` | `ant.f` |\n| `toy/bee.py` | `bee.f` |\n"
        "| `toy/cat.py` (optional) | `cat.f` |\n\n"
        "| | |\n|---|---|\n| `train ant` | train it |\n| `train bee` | train it |\n| `train cat` | train it |\n\n"
        "## Problem 1: Ant\n\nIt is ant in toy.\n\n```math\nx\n```\n\n"
        "## Problem 2: Bee\n\nIt is bee in toy.\n\n```math\nx\n```\n\n"
        "## Problem 3: Cat (optional)\n\nIt is cat in toy.\n\n```math\nx\n```\n\n"
        "(3 tables)\n\n"
        "## Questions\n\n"
        "1. First of ant,\n   in two lines?\n2. ant or ant?\n3. Last of ant?\n"
        "4. First of bee,\n   in two lines?\n5. bee or ant?\n6. Last of bee?\n"
        "7. First of cat,\n   in two lines?\n8. cat or ant?\n9. Last of cat?\n\n"
        "## End\n"
    )


def test_the_notebook_has_the_same_text_with_the_cells_of_each_problem(course):
    cells = notebook.cells("toy", [exercise("ant"), exercise("bee", 2)])
    names = ["look-ant-text", "look-ant", "look-bee-text", "look-bee", "questions-text"]
    asked = [f"{kind}-{number}" for number in range(1, 7) for kind in ("question", "answer")]
    assert [cell.id for cell in cells][4:] == ["first", *names, *asked, "end-text"]
    by_id = {cell.id: cell for cell in cells}
    assert by_id["first"].text == 'x = "toy"' and by_id["look-bee"].text == "y = 1"
    assert by_id["look-bee-text"].text == (
        "## Problem 2: Bee\n\nIt is bee in toy.\n\n$$\nx\n$$\n\n### Look at bee"  # as notebooks write mathematics
    )
    assert by_id["question-4"].text == "4. First of bee,\n   in two lines?" and by_id["answer-4"].tags == ("answer",)
    assert "(2 tables)" not in "".join(cell.text for cell in cells)


def test_a_question_that_compares_is_asked_where_both_exercises_are(course):
    exercise("ant")
    alone = assignment.readme("toy", [exercise("bee")])
    assert "1. First of bee,\n   in two lines?\n2. Last of bee?\n" in alone and "or ant?" not in alone


def test_problem_ten_comes_after_problem_nine_and_questions_have_room_for_two_digits(course):
    text = assignment.readme(
        "toy", [exercise(f"toy{number}", number) for number in range(1, 11)] + [exercise("ant", 11)]
    )
    assert text.index("## Problem 9: Toy9") < text.index("## Problem 10: Toy10") < text.index("## Problem 11: Ant")
    assert "\n10. First of toy4,\n    in two lines?\n" in text and "eleven" not in text and "You edit 11 files" in text


# What is wrong with them


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("task.md", "# Target", "# Aim", ", line 17: a task has no section 'Aim': they are You write, Problem, Comm"),
        ("task.md", "`ant.f`", "", ": the section # You write is missing, or empty."),
        ("task.md", "# Problem", "# You write", ", line 5: there is a section 'You write' already."),
        ("task.md", "# You write\n", "Words.\n", ", line 1: a task begins with the heading of a section, # You write."),
        ("task.md", "```math\nx\n```", "```math\nx", ", line 9: the block that begins here has no end."),
        ("task.md", "```math", "```python x", ", line 9: cells stand in cells.md, beside this text."),
        ("task.md", "with ant", "with dog", ", line 25: <!-- with dog --> is no instruction for a question"),
        ("task.md", "   in two", "in two", ", line 24: a question begins with its number, and its further lines with"),
        ("task.md", "It is", "<!-- it -->\nIt is", ", line 7: this is no instruction for a task: <!-- it -->"),
        ("cells.md", "look-ant", "", ", line 3: a cell has a name of letters, digits and hyphens: ```python my-name"),
        ("cells.md", "look-ant", "first", ", line 3: toy/introduction.md, line 17 has a cell first too; rename one."),
        ("cells.md", "y = 1", "\n" + "y" * 121, ", line 5: this line of code has 121 characters; 120 are the most."),
        ("cells.md", "### Look", "<!-- look -->\nLook", ", line 1: this is no instruction for cells: <!-- look -->"),
    ],
)
def test_what_is_wrong_in_an_exercises_text_is_named_with_its_file_and_line(course, file, old, new, said):
    path = exercise("ant").folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(SourceError) as error:
        notebook.cells("toy", [Exercise("toy", "ant", 1, 10.0)])
        assignment.readme("toy", [Exercise("toy", "ant", 1, 10.0)])
    assert str(error.value).startswith(f"exercises/ant/{file}{said}")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "<!-- points -->",
            "<!-- marks -->",
            "toy/introduction.md, line 27: this is no instruction for an introduction",
        ),
        ("<!-- points -->", "", "toy/introduction.md: there is no line <!-- points -->, which says where these go."),
    ],
)
def test_what_is_wrong_in_an_introduction_is_named(course, old, new, said):
    path = course / "toy" / "introduction.md"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SourceError, match=said):
        assignment.readme("toy", [exercise("ant")])


def test_a_text_that_is_not_there_or_not_utf_8_is_named(course):
    toy = exercise("ant")
    (toy.folder / "task.md").write_bytes(b"# You write\n\n\xe9")
    with pytest.raises(SourceError, match=r"exercises/ant/task.md is not UTF-8: .* at byte 13\."):
        assignment.readme("toy", [toy])
    (toy.folder / "task.md").unlink()
    with pytest.raises(SourceError, match=r"exercises/ant/task\.md is missing: write it"):
        assignment.readme("toy", [toy])


def test_a_task_may_have_no_target_no_commands_and_no_questions(course):
    toy = exercise("ant")
    (toy.folder / "task.md").write_text("# You write\n\n`f`\n\n# Problem\n\nIt.\n")
    text = assignment.readme("toy", [toy])
    assert "10 points. Try ant." in text and "|---|---|\n\n## Problem 1: Ant" in text
    assert text.endswith("## Questions\n\n## End\n")


# Written


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the homeworks into which `write` writes."""
    for homework in catalog.homeworks():
        shutil.copytree(COURSE / homework, tmp_path / homework)
    monkeypatch.setattr(generated, "COURSE", tmp_path)
    return tmp_path


def test_all_that_is_generated_is_up_to_date():
    stale = [name for homework in catalog.homeworks() for name in generated.stale(homework)]
    assert not stale, "run `python -m autograder write`"


def test_write_writes_what_is_out_of_date_and_check_only_names_it(copy):
    run = lambda *words: CliRunner().invoke(commands.write_command, words, standalone_mode=False)  # noqa: E731
    homework = catalog.homeworks()[0]
    stub = catalog.exercises(homework)[0].file
    files = [f"{homework}/README.md", f"{homework}/{homework}.ipynb", stub]
    for name in files:
        (copy / name).write_text("old")
    (copy / files[1]).unlink()
    checked = run("--check")
    assert checked.return_value == 1 and checked.output.splitlines() == [f"out of date: {name}" for name in files]
    assert (copy / files[0]).read_text() == "old"
    written = run()
    assert written.return_value == 0 and written.output.splitlines() == [f"written: {name}" for name in files]
    assert all((copy / name).read_bytes() == (COURSE / name).read_bytes() for name in files)
    assert run("--check").output == "all that is generated is up to date\n"


def test_lines_that_end_as_on_windows_are_not_out_of_date(copy):
    homework = catalog.homeworks()[0]
    readme = copy / homework / "README.md"
    readme.write_bytes(readme.read_bytes().replace(b"\n", b"\r\n"))
    assert not generated.stale(homework)


def test_a_text_that_cannot_be_used_ends_write_in_one_sentence(copy, monkeypatch):
    def broken(*_):
        raise SourceError("exercises/ant/task.md, line 1: it is wrong.")

    monkeypatch.setattr(assignment, "readme", broken)
    done = CliRunner().invoke(commands.write_command, [], standalone_mode=False)
    assert done.return_value == 3 and done.output == "exercises/ant/task.md, line 1: it is wrong.\n"


def test_no_handout_is_built_of_texts_that_are_out_of_date(copy, capsys, tmp_path):
    homework = catalog.homeworks()[0]
    (copy / homework / "README.md").write_text("old")
    status = handout.handout(homework, tmp_path / "handout", False, handout.Wanted())
    said = capsys.readouterr().err
    assert status == 3 and said == f"{homework}/README.md is out of date: run `python -m autograder write` first.\n"
    assert not (tmp_path / "handout").exists()


def test_a_choice_of_exercises_has_texts_of_its_own():
    for homework in catalog.homeworks():
        first, *others = catalog.exercises(homework)
        made = generated.files(homework, [dataclasses.replace(first, number=1)])
        papers = ("README.md", "answers.md", f"{homework}.ipynb")
        assert set(made) == {*(f"{homework}/{name}" for name in papers), first.file}
        text = made[f"{homework}/README.md"].decode()
        assert "## Problem 1: " in text and "## Problem 2: " not in text
        for other in others:
            assert not [name for name, content in made.items() if f"{other.name}.py" in content.decode()], other.name
