"""Which tests run by default, and which may be skipped: hooks of pytest, which conftest.py imports.

`python -m pytest` leaves out what is slow or hostile, unless a file is named; --all runs everything, and with
--not-again everything but what the run before has passed and comes out the same at every level of isolation. With
--strict-skips, as in CI, a test that is skipped for a reason that does not hold on this machine fails the run.
"""

import importlib.util
import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from autograder import paths
from autograder.isolation import confine, python, totals

QUICK = "not slow and not hostile"
PASSED = "quick/passed"  # in pytest's cache
# Files whose tests start workers, at the level of isolation that there is: worth a run at each.
AT_EACH_LEVEL = {
    f"test_{name}.py" for name in ("confirm", "fault", "grading", "imports", "isolation", "levels", "worker")
}
OFFICIAL = Path(__file__).resolve().parents[2] / "shared" / "omniglot"


def closed_to_others():
    """A folder that other users would need to run the grader, and may not read; None if there is none."""
    needed = (paths.COURSE, Path(sys.executable).parent, python.executable().parent, *python.mounts())
    return next((folder for folder in needed if not python.readable_by_all(folder)), None)


REASONS = {
    r"^(no isolation: )?bubblewrap is not installed": lambda: not shutil.which("bwrap"),
    "this kernel has no Landlock": lambda: not confine.version(),
    "for an ordinary user": lambda: True,
    "no control group can be made": lambda: os.getuid() or next(totals.candidates(), None) is None,
    "needs root|root makes the stand-in": lambda: os.getuid() != 0 or closed_to_others(),
    "of root$|^root may": lambda: os.getuid() == 0,
    "other users may not read": closed_to_others,
    "everyone may read the course": lambda: python.readable_by_all(paths.COURSE),
    r"\.\./shared/omniglot": lambda: not OFFICIAL.is_dir(),
    "there is no chromium": lambda: not (shutil.which("chromium") or shutil.which("chromium-browser")),
    "no git checkout": lambda: not (paths.COURSE / ".git").exists(),
    "extra `class` is not installed|'yaml'": lambda: not importlib.util.find_spec("yaml"),
    "extra `similarity`": lambda: not importlib.util.find_spec("copydetect"),
    "extra `cluster`": lambda: not importlib.util.find_spec("distributed"),
    "extra `notebooks`": lambda: not importlib.util.find_spec("nbconvert"),
    "extra `review`": lambda: not importlib.util.find_spec("flask"),
    "playwright is not installed": lambda: not importlib.util.find_spec("playwright"),
    "extra `docs`": lambda: not importlib.util.find_spec("material"),
    "long doubles are doubles here": lambda: sys.platform != "linux",
}


def explained(reason):
    """Whether this machine explains why a test is skipped."""
    return any(re.search(pattern, reason) and holds() for pattern, holds in REASONS.items())


def pytest_addoption(parser):
    """Add --all, --not-again and --strict-skips."""
    parser.addoption("--all", action="store_true", help="slow and hostile tests, too")
    parser.addoption("--not-again", action="store_true", help="leave out what passed before, at whatever level")
    parser.addoption("--strict-skips", action="store_true", help="fail if a test is skipped that could run here")


def pytest_configure(config):
    """Choose the quick tests, where nothing else is chosen."""
    named = any(Path(argument.partition("::")[0]).is_file() for argument in config.args)
    if not config.option.markexpr and not config.option.all and not named:
        config.option.markexpr = QUICK


def pytest_collection_modifyitems(config, items):
    """Leave out what passed before, where that is asked for."""
    if config.option.not_again and hasattr(config, "cache"):
        passed = set(config.cache.get(PASSED, []))
        done = {item for item in items if item.nodeid in passed and item.path.name not in AT_EACH_LEVEL}
        config.hook.pytest_deselected(items=list(done))
        items[:] = [item for item in items if item not in done]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each process tests that stand beside each other: what the fixtures of a file make is made once."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


def _reasons(config):
    """Why tests were skipped, and how many for each reason."""
    skipped = config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", ())
    return Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """Fail a strict run in which too much was skipped."""
    config = session.config
    if config.option.markexpr == QUICK and not hasattr(config, "workerinput") and hasattr(config, "cache"):
        reports = config.pluginmanager.get_plugin("terminalreporter").stats.get("passed", ())
        config.cache.set(PASSED, [report.nodeid for report in reports])
    strict = config.option.strict_skips and not hasattr(config, "workerinput")  # in the parent of xdist's processes
    if strict and exitstatus == pytest.ExitCode.OK and not all(map(explained, _reasons(config))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """Say what was skipped and why, and how to run what was left out."""
    for reason, count in _reasons(config).most_common():
        known = explained(reason) or not config.option.strict_skips
        terminalreporter.write_line(f"{count} skipped: {reason}" + ("" if known else "  NOT EXPLAINED HERE"))
    if config.option.markexpr == QUICK:
        terminalreporter.write_line("Left out: slow and hostile tests. To run them: python -m pytest -n auto --all")
