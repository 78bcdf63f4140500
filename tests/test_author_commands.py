"""`check`, `mutants` and `calibrate`, on a course with one small exercise."""

import pytest
from toy_course import FITTED


def words(done):
    """What was printed, wrapped nowhere."""
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
def test_an_exercise_that_keeps_all_rules_is_checked_whole(toy_course):
    toy_course.complete()
    toy_course.set_thresholds()
    done = toy_course.run("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == 24 and "✗" not in done.stdout and "All rules are kept." in done.stdout
    costs = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "up to " in line]
    assert [row[0] for row in costs] == ["up to 35%", "up to 100%"], done.stdout
    assert costs[0][1:] == ["2", "a root, too much of it where the centre is large"] and costs[1][1] == "28"


def test_what_is_missing_is_told_in_the_order_of_writing_and_what_takes_minutes_waits(toy_course):
    done = toy_course.run("check", "hw1/toy")
    said = words(done)
    assert done.returncode == 1 and done.stderr == ""
    places = [
        said.index(sentence)
        for sentence in (
            "mutants.md: Write 26 more wrong solutions that students really write, 30 in all.",
            "alternatives.md: Write centre correctly in other words, 4 times more.",
            "thresholds.json: test_tells_numbers_apart has no threshold. Run `python -m autograder calibrate hw1/toy`.",
            "Next: autograder/exercises/toy/mutants.md: Write 26 more",
        )
    ]
    assert places == sorted(places)
    assert "✓ The reference passes every check" in said and "(waits for the rules above)" in said


BROKEN = {  # what is edited: file, passage, what stands in its place; and what is said of it
    "texts": [
        ("exercise.toml", '"any book"', '""', "exercise.toml: paper is empty."),
        (
            "solution.py",
            "#: Return the mean.\n",
            "# Return it.\n",
            "solution.py:10: Say what is to do, in lines with `#: `.",
        ),
        (
            "solution.py",
            "(n,) from its centre",
            "(n,)",
            "hw1/toy.py: It is not what the exercises' folders give; run `python -m autograder write`.",
        ),
        ("probe.py", "The centre of values (n,).", "WRITE: what is asked.", "probe.py:20: Write what is asked."),
        (
            "probe.py",
            "    return Number(np.array(module.Toy().c",
            "    assert 1\n    return Number(np.array(module.Toy().c",
            "probe.py:21: A probe judges nothing: assert in checks.py.",
        ),
        (
            "probe.py",
            "import numpy as np\n",
            "import numpy as np\n\nfrom autograder.grading import draw  # noqa\n",
            "probe.py:8: A worker has no autograder.grading: import",
        ),
    ],
    "task": [("task.md", "# Problem", "# The problem", "task.md")],
    "cells": [("cells.md", "```\n", "", "cells.md")],
    "checks": [
        (
            "checks.py",
            "The centre is the mean.",
            "The centre is",
            "test_centre: Its docstring is one sentence of fewer than",
        ),
        ("checks.py", "@points(4)\n", "", "test_centre: Give it @points, more than 0."),
        (
            "checks.py",
            "The spread is the mean of squared distances from the centre.",
            "Wrong.",
            "test_spread: Give it a @hint with what is wrong and where to look, in the lecture's terms",
        ),
        (
            "checks.py",
            "Average the squared distances, and take no root afterwards.",
            "Average them.",
            "test_spread: Give it a @hint with mend=: how to mend it",
        ),
        (
            "checks.py",
            "Take the centre from every number before you square it.",
            "The spread does not depend on where the centre lies.",
            "test_spread_of_moved_numbers: Its @hint says the same twice",
        ),
        (
            "checks.py",
            "Look at what their sum becomes.",
            "Look at total / len(values) in your code.",
            "test_centre: Its first hint gives `total/len(values)` of the solution away: say it in mend= only.",
        ),
        (
            "checks.py",
            "def test_centre(student, reference, draw",
            "def test_centre(student, refrence, draw",
            "test_centre asks for refrence, which is no fixture: did you mean reference?",
        ),
        (
            "checks.py",
            'reference.centre(values).value, "centre")',
            'student.centre(values).value, "centre")\n    assert draw',
            "checks.py:14: Say what is wrong: `assert condition, message`.",
        ),
        (
            "checks.py",
            'assert_close(student.spread(values).value, reference.spread(values).value, "spread")',
            "student.spread(values)",
            "test_spread: It asserts nothing, and cannot fail.",
        ),
        (
            "checks.py",
            "draw, threshold):",
            "draw):",
            "test_tells_numbers_apart: A check takes `threshold` if it trains",
        ),
        (
            "checks.py",
            "share = sum",
            "import random\n    share = np.allclose(1, 1) + sum",
            "import random: a check draws from its",
        ),
        ("checks.py", "told = [", "told = 0 * [", "checks.py: allclose passes on nan or broadcasts"),
    ],
    "order": [
        (
            "checks.py",
            "@points(4)\n",
            "@points(4)\n@training(5)\n",
            "test_spread: It does not train: put it above test_centre, which does.",
        ),
        ("mutants.md", "(measured: tells_numbers_apart)", "(measured: centre)", "test_centre has no threshold. Run"),
    ],
    "mutants": [
        (
            "mutants.md",
            "- value - self",
            "- valu - self",
            "mutants.md:19: `valu - self.centre(values)` is not in solution.py; the nearest there is line",
        ),
        ("mutants.md", "+ return -total / len(values)", "+ return total / len(values)", "'the sign' changes nothing."),
        (
            "mutants.md",
            " ** 2 for value in values) / len(values)) ** 0.5",
            " ** 2 for value",
            "mutants.md:13: What comes out is",
        ),
        ("mutants.md", "(without the idea)\n", "", "'around zero' loses 56% of the points, more than a third"),
        (
            "mutants.md",
            "(measured: tells_numbers_apart)",
            "(measured: spread)",
            "mutants.md:5: test_spread measures no accuracy",
        ),
        (
            "mutants.md",
            "## too much of it where the centre is large -> spread_of",
            "## too much -> spread, spread_of",
            "mutants.md: Write a mutant that test_spread_of_moved_numbers alone finds, or leave the check out.",
        ),
        (
            "alternatives.md",
            "+ return values.var()",
            "+ return values.var(",
            "alternatives.md:3: What comes out is not Python",
        ),
    ],
    "a check that cannot be imported": [
        ("checks.py", "@after(test_centre)", "@after(test_center)", "NameError: name 'test_center' is not defined"),
    ],
    "an unknown check": [
        ("mutants.md", "-> spread: the", "-> spraed: the", "mutants.md:13: There is no check test_spraed in")
    ],
    "a double name": [
        ("mutants.md", "## a root ->", "## the sign ->", "mutants.md:13: 'the sign' is also the mutant in")
    ],
    "a misspelt remark": [
        (
            "mutants.md",
            "(without the idea)",
            "(without idea)",
            "mutants.md:17: `(without idea)` is no remark on a mutant; there",
        ),
        (
            "solution.py",
            "        ### END SOLUTION\n\n    def",
            "\n    def",
            "solution.py:18: ### BEGIN SOLUTION inside the region",
        ),
        ("alternatives.md", "@@ spread", "(a remark)\n@@ spread", "there are no remarks on a correct solution"),
    ],
    "a heading without checks": [
        ("mutants.md", "a root -> spread:", "a root:", "mutants.md:13: A mutant's heading is `## name ->")
    ],
    "an unknown function": [
        ("alternatives.md", "@@ spread", "@@ spred", "has 0 solution regions in functions called spred")
    ],
}


@pytest.mark.parametrize("edits", BROKEN.values(), ids=BROKEN)
def test_a_rule_that_is_broken_is_told_with_file_and_line_and_what_to_do(toy_course, edits):
    for name, old, new, _ in edits:
        toy_course.edit(name, old, new)
    done = toy_course.run("check", "hw1/toy", "--fast")
    missing = [said for *_, said in edits if " ".join(said.split()) not in words(done)]
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert missing == [], done.stdout


def test_a_page_that_cannot_be_read_is_one_sentence(toy_course):
    toy_course.edit("exercise.toml", "paper = ", "papers = ")
    done = toy_course.run("check", "hw1/toy", "--fast")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert "exercises/toy/exercise.toml has a key papers that nothing reads" in done.stderr


@pytest.mark.slow
def test_thresholds_that_are_too_near_or_not_measured_are_told(toy_course):
    for changed, said in (
        ({"measured": [0.9, 0.91]}, "2 seeds were measured of 30."),
        ({"bound": 0.5}, "0.5 is not what the measured accuracies give"),
        ({"mutants": {"the sign": [FITTED.bound - 0.02]}}, "0.05 is asked for"),
        ({"mutants": {"a root": [0.1]}}, "It was held against 1 mutants that are not those marked."),
        ({"mutants": {"the sign": [0.1, 0.95]}}, "A mutant reached 0.950"),
    ):
        toy_course.set_thresholds(**changed)
        assert said in words(toy_course.run("check", "hw1/toy", "--fast")), said


def test_a_mutant_that_does_not_fit_or_cannot_be_imported_is_one_sentence(toy_course):
    toy_course.edit("mutants.md", "- value - self", "- valu - self")
    done = toy_course.run("mutants", "hw1/toy", "--jobs", "1")
    assert done.returncode == 3 and done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line == (
        "autograder/exercises/toy/mutants.md:20: `valu - self.centre(values)` is not in solution.py; the nearest there "
        "is line 21, `return sum((value - self.centre(values)) ** 2 for value in values) / len(values)`."
    )
    toy_course.edit("mutants.md", "- valu - self.centre(values)\n+ value", "- class Toy:\n+ class Toy(undefined):")
    done = toy_course.run("mutants", "hw1/toy", "--jobs", "1")
    (line,) = done.stderr.strip().splitlines()
    assert line.endswith(
        "mutants.md:17: What comes out cannot be imported (NameError: name 'undefined' is not defined)."
    )


def test_the_checks_that_fail_are_recorded_with_the_one_that_explains_first(toy_course):
    before = (toy_course.toy / "mutants.md").read_text()
    toy_course.edit("mutants.md", "-> centre, spread_of_moved_numbers: the", "-> centre, spread: the")
    toy_course.edit("mutants.md", "-> spread, spread_of_moved_numbers", "-> spread_of_moved_numbers")
    done = toy_course.run("mutants", "hw1/toy", "--jobs", "1", "--record", "--seed", "3")
    assert done.returncode == 1
    assert "'the sign' fails centre, spread_of_moved_numbers, and its heading says centre, spread" in words(done)
    after = (toy_course.toy / "mutants.md").read_text()
    assert after == before.replace("-> spread, spread_of_moved_numbers", "-> spread_of_moved_numbers, spread")
    done = toy_course.run("mutants", "hw1/toy", "--jobs", "1", "--seed", "3")
    assert "'around zero' fails test_spread before test_spread_of_moved_numbers, which explains it." in words(done)
    assert done.returncode == 1
    (toy_course.toy / "mutants.md").write_text(before)
    assert toy_course.run("mutants", "hw1/toy", "--jobs", "1", "--seed", "3").returncode == 0


def test_a_homework_or_an_exercise_that_is_not_there_is_refused(toy_course):
    for arguments, said in (
        (["check", "hw9/x"], "There is no homework hw9; there are hw1."),
        (["check", "hw1/x"], "hw1 has no exercise x; it has toy."),
        (["mutants", "hw1/toy", "--only", "toy"], "--only is for a whole homework, not for hw1/toy."),
    ):
        done = toy_course.run(*arguments)
        assert done.returncode == 4 and said in done.stderr


@pytest.mark.slow
def test_how_many_processes_measure_makes_no_difference_and_what_is_measured_is_kept(toy_course):
    options = ("--seeds", "6", "--mutant-seeds", "2")  # made tasks need no drawings, and this course has none
    done = toy_course.run("calibrate", "hw1/toy", *options, "--jobs", "1")
    assert done.returncode == 0 and "After 5 seeds, toy test_tells_numbers_apart made: accuracy at least" in done.stdout
    alone = (toy_course.toy / "thresholds.json").read_bytes()
    kept = toy_course.folder / ".calibration" / "toy.jsonl"
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join(lines[:5]) + lines[5][:20])  # cut off while it was written
    done = toy_course.run("calibrate", "hw1/toy", *options, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert (toy_course.toy / "thresholds.json").read_bytes() == alone
    kept.unlink()
    assert toy_course.run("calibrate", "hw1/toy", *options, "--jobs", "2").returncode == 0
    assert (toy_course.toy / "thresholds.json").read_bytes() == alone


def test_calibration_without_omniglot_names_another_source_before_it_begins(toy_course):
    toy_course.edit("checks.py", ", made=True", "")
    done = toy_course.run("calibrate", "hw1/toy", "--seeds", "6", "--mutant-seeds", "2")
    assert done.returncode == 4 and done.stdout == ""
    said = words(done)
    assert "toy trains on drawings. There are no drawings in " in said and "`python -m data.download` fetches" in said
    assert "`--data glyphs` measures by drawn handwriting alone." in said
    assert not (toy_course.toy / "thresholds.json").exists()
