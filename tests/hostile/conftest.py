"""What must hold for every hostile case, whatever it does."""

import ctypes
import os
import re
import tempfile
import time

import pytest
from hostile_case import SLACK, assert_clean, assert_expected, children, fingerprint, grade

from autograder import paths
from autograder.isolation import forked, levels


@pytest.fixture(autouse=True)
def orphans_come_to_us():
    """Processes whose parents died become children of this one: none can hide. What forks workers is there."""
    levels._forking(levels.find())
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files, of which nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    folder.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def try_case(tmp_path, temporary):
    """Grade a case and hold what came of it against what is expected, and against what must always hold."""

    def run(case):
        folder = tmp_path / "handed in"
        folder.mkdir()
        path = case.hand_in(folder)
        before, others = fingerprint(paths.COURSE), children()
        begun = time.monotonic()
        outcome = grade(case, path)
        seconds = time.monotonic() - begun
        assert fingerprint(paths.COURSE) == before, "I4: files outside were changed"
        assert list(temporary.iterdir()) == [], "I4: temporary files are left"
        kept = {str(template._process.pid) for template in forked._templates.values()}  # of this process: none is left
        left = {pid: line for pid, line in children().items() if pid not in {*others, *kept}}
        assert left == {}, "I3: processes are left"
        busy = max(1.0, os.getloadavg()[0] / os.cpu_count())  # on a busy machine everything takes longer
        assert seconds < (case.expect.get("seconds", 30) + SLACK) * busy, f"I6: it took {seconds:.0f} s"
        if isinstance(outcome, str):
            assert "refused" in case.expect, f"refused: {outcome}"
            assert re.search(case.expect["refused"], outcome), f"refused for another reason: {outcome}"
            assert_clean(outcome, folder)
        else:
            assert "refused" not in case.expect, "it was graded"
            assert_expected(case, *outcome, folder)

    return run
