"""Homeworks and exercises as lists in files: read, chosen from, written, and points divided among checks."""

import math
import zipfile
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.grading import catalog
from autograder.grading.catalog import Homework
from autograder.grading.checks import shares
from autograder.intake import submission
from autograder.results import number, total

WORTHS = st.integers(1, 30_000).map(lambda hundredths: hundredths / 100)
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)


@given(st.lists(st.sampled_from([0.5, 1, 1.5, 2, 3, 4, 7]), min_size=1, max_size=40), WORTHS)
def test_shares_add_up_exactly_and_none_is_a_hundredth_off(weights, worth):
    divided = shares(weights, worth)
    assert total(divided) == worth
    assert all(abs(part - worth * weight / sum(weights)) < 0.01 for part, weight in zip(divided, weights, strict=True))
    assert total(float(number(part)) for part in divided) == worth  # as they are shown


def test_points_that_add_up_to_the_worth_stay_as_they_are():
    assert shares([4, 2.5, 3.5], 10) == [4, 2.5, 3.5]
    assert shares([4, 2.5, 3.5], 5) == [2, 1.25, 1.75]
    assert shares([4, 2.5], 0) == [4, 2.5]  # no list says what it is worth
    assert shares([], 10) == []


def test_points_are_shown_short():
    assert [number(points) for points in (5.0, 0.1 + 0.2, 3.333, 1234.5, 0)] == ["5", "0.3", "3.33", "1234.5", "0"]


def test_homework_10_comes_after_homework_9(tmp_path, monkeypatch):
    for name in ("hw10", "hw9", "hw1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "homework.toml").touch()
    (tmp_path / "hw2").mkdir()  # nothing in it
    monkeypatch.setattr(catalog, "COURSE", tmp_path)
    assert catalog.homeworks() == ["hw1", "hw9", "hw10"]


@given(st.text(max_size=20), st.dictionaries(NAMES, WORTHS, max_size=4), st.dictionaries(NAMES, WORTHS, max_size=4))
def test_a_list_that_is_written_is_read_as_it_was(title, required, optional):
    title = title.replace("\x7f", "").encode(errors="ignore").decode()
    listed = Homework(title, required, optional, "Autumn", catalog.DUE)
    assert msgspec.toml.decode(catalog.write(listed), type=Homework) == listed


def test_a_choice_of_exercises_keeps_order_and_points(monkeypatch):
    listed = Homework("x", {"a": 1.0, "b": 2.0}, {"c": 3.0, "d": 4.0})
    with catalog.replaced("hw1", listed):
        chosen = catalog.select("hw1", ["d", "a"], ["b"])
        assert (list(chosen.required.items()), chosen.optional) == ([("a", 1.0), ("d", 4.0)], {"c": 3.0})
        assert chosen.points == 5 and listed.points == 3
        for counted, dropped in ((["x"], []), ([], ["x"]), (["c"], ["c"]), ([], ["a", "b", "c", "d"])):
            with pytest.raises(catalog.SelectionError):
                catalog.select("hw1", counted, dropped)
    assert catalog.homework("hw1") is not listed


def test_a_due_date_has_its_zone():
    due = Homework("x", {}, due="2026-12-01 23:59 -08:00").deadline
    assert due.utcoffset() == timedelta(hours=-8) and math.isclose(due.timestamp(), 1796198340)
    assert Homework("x", {}).deadline is None
    for text in ("2026-12-01 23:59", "2026-12-01", "soon", "2026-13-01 23:59 -08:00", "2026-12-01 24:59 -08:00"):
        with pytest.raises(ValueError, match="is no time with its zone"):
            catalog.deadline(text)


def test_an_optional_file_is_found_wherever_it_lies_or_simply_absent(tmp_path):
    first, second = catalog.exercises("hw2")[:2]
    with catalog.replaced("hw2", Homework("x", {first.name: 1.0}, {second.name: 1.0})):
        _, optional = catalog.exercises("hw2")
        (tmp_path / f"{first.name}.py").write_text("first")
        found = submission.collect(tmp_path, "hw2")
        assert found.lacks(optional) and not found.problems and not found.notes
        with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
            archive.writestr(f"{second.name}.py", "second")
        found = submission.collect(tmp_path, "hw2")
        assert found.files[optional.file] == b"second" and not found.problems and not found.lacks(optional)
        (tmp_path / "more.zip").rename(tmp_path / f"{second.name}.py.txt")  # what is misnamed is meant, and told
        found = submission.collect(tmp_path, "hw2")
        assert "rename it" in found.problems[optional.name] and not found.lacks(optional)
        (tmp_path / f"{first.name}.py").unlink()
        (tmp_path / f"{second.name}.py.txt").unlink()
        with pytest.raises(submission.SubmissionError) as error:
            submission.collect(tmp_path, "hw2")
        assert first.name in str(error.value) and second.name not in str(error.value)
