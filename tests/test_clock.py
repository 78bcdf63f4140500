"""Which time counts against a student's code: by a clock that these tests set, and processes that they make up."""

import pytest

from autograder.isolation import clock
from autograder.isolation.clock import GLANCE, LATE, UNKNOWN, Clock
from autograder.worker.client import TOO_LONG, _late


@pytest.fixture
def after(monkeypatch):
    """A clock after stretches of time: seconds that passed, seconds computed, and whether more would have been."""

    def run(*stretches, known=True):
        told = {"now": 100.0, "computed": 7.0 if known else None, "busy": None}
        monkeypatch.setattr(clock.time, "monotonic", lambda: told["now"])

        class Processes:
            def computed(self):
                return told["computed"]

            def busy(self):
                return told["busy"]

        counting = Clock(Processes())
        for passed, computed, busy in stretches:
            told["now"] += passed
            told["busy"] = busy
            if known:
                told["computed"] += computed
            counting.look()
        return counting

    return run


QUARTERS = 40  # of a second


@pytest.mark.parametrize(
    ("stretch", "computed", "waited"),
    [
        ((0.25, 0.25, True), 10, 0),
        ((0.25, 0.04, True), 1.6, 0),  # a sixth of a core: in line for it all the time
        ((0.25, 0.0, True), 0, 0),
        ((0.25, 0.0, False), 0, 10),
        ((0.25, 0.05, False), 2, 8),  # it looks again and again whether something is there
        ((0.25, 1.0, True), 10, 0),  # four processes
        ((0.25, 0.04, None), 1.6, 0),  # Windows does not say whether it waits
        ((0.25, 0.0, None), 0, 10),
    ],
)
def test_time_is_computed_or_waited_or_does_not_count(after, stretch, computed, waited):
    counted = after(*[stretch] * QUARTERS)
    assert (counted.computed, counted.waited) == (pytest.approx(computed), pytest.approx(waited))
    assert counted.passed == pytest.approx(10)


def test_a_look_that_comes_late_is_no_wait(after):
    assert after((60, 0.0, False)).waited == LATE


def test_the_time_of_a_process_that_is_gone_is_not_given_back(after):
    counted = after((0.25, 0.25, True), (0.25, -3.0, True), (0.25, 0.25, True))
    assert counted.computed == 0.25


def test_where_the_system_does_not_say_a_part_of_the_time_counts(after):
    counted = after(*[(0.25, 0, None)] * QUARTERS, known=False)
    assert not counted.known and counted.counted == pytest.approx(10 * UNKNOWN)
    assert _late(counted) == "No answer after 10 seconds."


def test_nothing_is_looked_at_more_often_than_needed(after):
    counted = after()
    assert not counted.look() and GLANCE > 0.1


@pytest.mark.parametrize(
    ("stretch", "said"),
    [
        ((0.25, 0.25, True), f"No answer after 10 seconds of computing; an endless loop? {TOO_LONG}"),
        ((0.25, 0.0, False), "No answer after 10 seconds of waiting: for a sleep, an input, or a lock?"),
        ((0.25, 0.125, False), "No answer after 5 seconds of computing and 5 of waiting."),
        (
            (0.25, 0.05, True),
            f"No answer after 2 seconds of computing; an endless loop? {TOO_LONG} (The machine was busy: this took 10 "
            "seconds, of which only these count.)",
        ),
    ],
)
def test_a_student_reads_what_the_time_went_into(after, stretch, said):
    assert _late(after(*[stretch] * QUARTERS)) == said
