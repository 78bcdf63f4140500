"""Each control is held by a case: with the control switched off, the case comes out otherwise."""

import os
import signal

import controls_xob
import pytest
from controls import CONTROLS
from hostile_case import key, load_cases

from autograder.isolation import levels

CONTROLS = CONTROLS | controls_xob.CONTROLS
CASES = load_cases()
SECONDS = 120
pytestmark = [pytest.mark.hostile, pytest.mark.isolation, pytest.mark.usefixtures("isolated")]


def in_child(function):
    """Run a function in a child process, of which nothing stays; what it says of an AssertionError, "" if none."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        said = ""
        try:
            signal.alarm(SECONDS)
            function()
        except AssertionError as error:
            said = f"{error}" or "AssertionError"
        except BaseException as error:
            said = f"not the case but the test failed: {error!r}"
        finally:
            os.write(writing, said.encode(errors="replace")[:60_000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child ended with status {status}"
    return said


@pytest.mark.parametrize("name", CONTROLS)
def test_without_a_control_a_case_comes_out_otherwise(name, try_case, monkeypatch):
    case = next(case for case in CASES if name in case.holds)

    def run():
        key.cache_clear()  # the reference, too, is without the control
        monkeypatch.setattr(levels, "_many", False)  # the switches are bubblewrap's
        with CONTROLS[name](monkeypatch):
            try_case(case)

    said = in_child(run)
    print(case.id, said)  # for -rP
    assert said, f"{case.id} comes to the same end without the control"
    for other in ("I3:", "I4:", "I6:", "not the case", "the worker does not start"):
        assert other not in said, f"{case.id} fails for another reason: {said}"


def test_every_control_that_a_case_holds_is_known():
    assert {name for case in CASES for name in case.holds} <= CONTROLS.keys()
