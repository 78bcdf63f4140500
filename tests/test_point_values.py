"""Points as people write them: one rule, whoever reads them."""

import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.instructor.classroom import people
from autograder.instructor.classroom.people import TableError
from autograder.instructor.decisions import point_values
from autograder.instructor.decisions.log import DecisionError, Kind, Log
from tests import reviewing
from tests.reviewing import CHECK

pytest.importorskip("flask", reason="the extra `review` is not installed")
from autograder.instructor.review import app, forms
from autograder.instructor.review.reviewed import Class
from tests.test_review import ADA, TOKEN, Assistant, student

pytestmark = pytest.mark.usefixtures("required_alone")
GOOD = {"2": 2, "2.5": 2.5, "2,5": 2.5, " -1.25 ": -1.25, "+3": 3, "0,1": 0.1, ".5": 0.5, "4.": 4, "4.500": 4.5}
GOOD |= {"-0": 0, "1000000": 1e6, "1000,5": 1000.5}
BAD = ["", "x", "1.005", "3.3333", "1,000", "-12,000", "1e3", "nan", "inf", "1_0", "1.2.3", "1,2,3", "1000001", "1 2"]
BAD += ["٣", "0x1", "9" * 90, "=1+1"]


@pytest.mark.parametrize(("text", "value"), GOOD.items())
def test_what_is_a_number_of_points(text, value):
    found = point_values.read(text)
    assert found == value and str(found) != "-0.0"


@pytest.mark.parametrize("text", BAD)
def test_what_is_none(text):
    with pytest.raises(ValueError, match=r"is no number of points, as 2\.5 or 2,5: they have two decimals at most"):
        point_values.read(text)


@pytest.mark.parametrize("text", [*GOOD, *filter(None, BAD)])
def test_a_table_the_command_line_a_form_and_a_rubric_agree(tmp_path, text):
    out = reviewing.graded(tmp_path, [ADA])
    expected = None if text in BAD else GOOD[text]
    assert of_table(tmp_path, text) == expected
    assert of_command(out, text) == expected
    assert of_form(out, text) == expected
    if text == text.strip() and " " not in text:
        assert of_rubric(text) == expected


def of_table(folder, text):
    (folder / "written.csv").write_text(f'id,Q1\n1,"{text}"\n', encoding="utf-8")
    try:
        ((_, written),) = people.manual(folder / "written.csv").items()
    except TableError as error:
        assert "line 2, Q1: " in str(error) and "is no number of points" in str(error)
        return None
    return written.points["Q1"]


def decided(out):
    return [one.value for one in Log(out).current() if one.kind is Kind.ADJUST]


def of_command(out, text):
    before = Log(out).last()
    done = CliRunner().invoke(main, ["score", str(out), "--adjust", ADA, text])
    if Log(out).last() == before:
        assert done.exit_code == 4 and "is no number of points" in " ".join(done.output.split())
        return None
    return decided(out)[-1]


def of_form(out, text):
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    before = Log(out).last()
    form = ta.form(student(out, ADA), "adjust") | {"value": text, "why": "another reason"}
    done = ta.client.post("/decide", data=form, base_url="http://127.0.0.1:1")
    if Log(out).last() == before:
        assert done.status_code == 400 and "is no number of points" in done.text
        return None
    return decided(out)[-1]


def of_rubric(text):
    try:
        ((_, value),) = forms.rubric(f"{text} no proof")
    except DecisionError:
        return None
    return value


def test_a_check_has_points_of_the_same_kind(tmp_path):
    out = reviewing.graded(tmp_path, [ADA])
    for words in (["--points", CHECK.name, "1,5"], ["--override", ADA, CHECK.name, "0,5"]):
        done = CliRunner().invoke(main, ["score", str(out), *words])
        assert done.exit_code == 0, done.output
    assert [one.value for one in Log(out).current()] == [1.5, 0.5]
