"""What was tried is tried again where something changed, and else in part."""

import json

import pytest

from autograder.grading import catalog
from autograder.instructor import version
from autograder.instructor.quality import mutants, tried

EXERCISE = catalog.exercises("hw2")[0]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A folder for the record, so that the exercise's own stays as it is."""
    monkeypatch.setattr(tried, "_path", lambda exercise: tmp_path / version.TRIED)
    monkeypatch.delenv(tried.ONE_IN, raising=False)
    return tmp_path / version.TRIED


def test_without_a_record_all_are_tried(copied):
    known = mutants.load(EXERCISE)
    assert tried.again(EXERCISE, known) == known


def test_with_a_record_a_share_is_tried_and_it_is_never_the_same_after_a_change(copied, monkeypatch):
    known = mutants.load(EXERCISE)
    monkeypatch.setattr(tried, "digest", lambda exercise: "a text")  # each text draws another share
    tried.record(EXERCISE, tried.digest(EXERCISE))
    first = tried.again(EXERCISE, known)
    assert 0 < len(first) < len(known) / 3
    monkeypatch.setattr(tried, "digest", lambda exercise: "another text")
    assert tried.again(EXERCISE, known) == known
    tried.record(EXERCISE, tried.digest(EXERCISE))
    assert tried.again(EXERCISE, known) != first


def test_all_are_tried_where_it_is_asked_for(copied, monkeypatch):
    tried.record(EXERCISE, tried.digest(EXERCISE))
    monkeypatch.setenv(tried.ONE_IN, "1")
    assert tried.again(EXERCISE, mutants.load(EXERCISE)) == mutants.load(EXERCISE)


def test_a_share_is_tried_where_that_is_asked_for_whatever_was_before(copied, monkeypatch):
    monkeypatch.setenv(tried.ONE_IN, "4")
    monkeypatch.setattr(tried, "digest", lambda exercise: "a text")  # each text draws another share
    known = mutants.load(EXERCISE)
    assert len(known) / 8 < len(tried.again(EXERCISE, known)) < len(known) / 2


@pytest.mark.parametrize("content", [b"", b"{}", b'{"digest": 3}', b"\xff"])
def test_a_damaged_record_counts_for_none(copied, content):
    copied.write_bytes(content)
    assert not tried.is_current(EXERCISE)


def test_a_record_says_how_many_there_were(copied):
    tried.record(EXERCISE, tried.digest(EXERCISE))
    assert json.loads(copied.read_text())["mutants"] == len(mutants.load(EXERCISE))


def test_the_digest_is_of_checks_mutants_solution_and_engine_and_not_of_pages():
    paths = {path.name for path in tried.files(EXERCISE)}
    assert {"checks.py", "mutants.md", "alternatives.md", "solution.py", "kill_matrix.py", "referee.py"} <= paths
    assert not {"task.md", "cells.md", version.TRIED, "terminal.py"} & paths
