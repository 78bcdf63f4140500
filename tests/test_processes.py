"""Work in processes of their own: each call's arguments come back with what it returned."""

import pytest

from autograder.instructor.quality import processes


def test_each_call_comes_back_with_its_arguments():
    found = list(processes.each(divmod, [(7, 2), (9, 4), (1, 3)], 2))
    assert sorted(found) == [((1, 3), (0, 1)), ((7, 2), (3, 1)), ((9, 4), (2, 1))]


def test_an_error_in_another_process_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        list(processes.each(divmod, [(1, 0)], 1))
