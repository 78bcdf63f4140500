"""autograder/student/runs.py: what the written questions need is run, in order, and laid where the answers want it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from toy_course import ENVIRONMENT, Course

from autograder.grading.catalog import CatalogError, Exercise, exercises, homeworks
from autograder.instructor.quality.rules import files
from autograder.paths import COURSE
from autograder.student import answer_blocks, question_runs, run_states, run_times, submit
from autograder.student.question_runs import Evaluation, Listed, Training

STAND_IN = Path(__file__).with_name("toy_training.py")
ALL = [exercise for homework in homeworks() for exercise in exercises(homework)]
RUNS = """
[train]
base = "--num-iterations 30"
slow = "--rate 0.01 --num-iterations 20"

[[question]]
title = "As $N$ grows."
test = ["base --way 5", "base --way 10"]

[[question]]
title = "Which one?"
by_hand = "It needs thought."

[[question]]
title = "The rate."
curve = ["base", "slow"]
"""
TITLES = ("As $N$ grows.", "Which one?", "The rate.")
ANSWERS = "# Answers\n\n" + "\n\n".join(
    f"## {number}\n\n> **{title}** Say what\n> you see.\n\nMine: {number}\n" for number, title in enumerate(TITLES, 1)
)
READ = [sys.executable, "-m", "hw1.runs"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course whose toy has three questions, and a training program without torch."""
    course = Course(tmp_path_factory.mktemp("course"))
    shutil.copy(COURSE / "hw1" / "runs.py", course.homework)
    shutil.copy(STAND_IN, course.homework / "train.py")
    (course.homework / "toy.py").write_text("class Toy: ...\n")
    (course.toy / "runs.toml").write_text(RUNS)
    (course.homework / "answers.md").write_bytes(ANSWERS.encode())
    return course


@pytest.fixture
def course(made, tmp_path):
    return made.copy(tmp_path / "course")


def run(course, *arguments, status=0, **environment):
    """Run the questions; returns what was printed."""
    env = ENVIRONMENT | {"PYTHONPATH": str(course.folder), "COLUMNS": "80"} | environment
    done = subprocess.run([*READ, *arguments], cwd=course.folder, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def calls(course):
    """What the training program was called with, but for the short trainings that measure; forgets it."""
    path = course.folder / "calls.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line.replace(" --device cpu", "") for line in lines if "logs/runs" in line]


def answers(course):
    return (course.homework / "answers.md").read_bytes()


def test_what_the_questions_need_is_run_once_and_in_order_and_a_second_time_nothing(course):
    said = run(course)
    base, slow = (f"--val-interval 100 --log-dir logs/runs/toy-{name}" for name in ("base", "slow"))
    test = "toy --test --checkpoint logs/runs/toy-base/best.safetensors"
    assert calls(course) == [
        f"toy --num-iterations 30 {base}",
        f"{test} --way 5",
        f"{test} --way 10",
        f"toy --rate 0.01 --num-iterations 20 {slow}",
    ]
    assert "as in 1" in said and "By hand: It needs thought." in said
    laid = answers(course)
    again = run(course)
    assert calls(course) == [] and "Nothing is to do." in again and answers(course) == laid


def test_the_plan_has_number_state_and_time_and_runs_nothing_of_it(course):
    said = run(course, "--list", "3")
    assert re.search(r"^3\. The rate\.$", said, re.MULTILINE) and "1. As" not in said
    assert re.search(r"^   toy-base +to do +about 5 s$", said, re.MULTILINE)
    assert "To do: 2 runs, about 5 s in all." in said
    assert calls(course) == [] and answers(course) == ANSWERS.encode()
    run(course, "3")
    assert re.search(r"^   toy-slow +done$", run(course, "--list"), re.MULTILINE)


def test_times_are_measured_once_on_each_machine(course):
    assert "tried for some seconds" in run(course, "--list")
    times = json.loads((course.folder / "logs/runs/times.json").read_text())
    ((_, measured),) = times.items()
    assert set(measured) == {"cpu toy", "cpu toy --rate 0.01"}
    assert 0 < measured["cpu toy"]["iteration"] < 1 and measured["cpu toy"]["test"] > 0
    assert measured["cpu toy --rate 0.01"]["test"] is None
    assert "tried for some seconds" not in run(course, "--list")
    (course.folder / "logs/runs/times.json").write_text("{")
    assert "tried for some seconds" in run(course, "--list")


def test_a_run_that_was_stopped_goes_on(course):
    (course.toy / "runs.toml").write_text(RUNS.replace("--rate 0.01", "--mode interrupted"))
    assert "Stopped. The same command goes on." in run(course, "3", status=130)
    assert "10 of 20" in run(course, "--list", "3")
    calls(course)
    run(course, "3")
    (line,) = calls(course)
    assert line.endswith("--log-dir logs/runs/toy-slow --resume")


def test_other_words_train_anew_and_it_is_said(course):
    run(course, "3")
    calls(course)
    (course.toy / "runs.toml").write_text(RUNS.replace("0.01", "0.02"))
    said = run(course, "3")
    assert "toy-slow was begun with other words than it has now: it is trained anew." in " ".join(said.split())
    (line,) = calls(course)
    assert "--rate 0.02" in line and line.endswith("--restart")


def test_other_code_than_a_run_was_trained_with_is_said(course):
    run(course, "3")
    (course.homework / "toy.py").write_text("class Toy:\n    now = 1\n")
    said = " ".join(run(course, "3").split())
    assert "hw1/toy.py has changed since toy-base was trained; to train it anew, remove logs/runs/toy-base." in said


def test_a_run_that_fails_is_said_and_the_others_go_on(course):
    (course.toy / "runs.toml").write_text(RUNS.replace("--num-iterations 30", "--mode broken --num-iterations 30"))
    said = run(course, status=1)
    assert "toy-base cannot be run: The loss is nan." in said
    assert [line.split()[-1] for line in calls(course)] == ["logs/runs/toy-slow"]
    assert b"toy-slow" in answers(course)


def test_what_no_training_of_a_method_can_do_is_said_once(course):
    (course.toy / "runs.toml").write_text(RUNS.replace("--num-iterations", "--mode missing --num-iterations"))
    said = run(course, status=1)
    assert said.count("toy cannot be run: There are no drawings here.") == 1 and "Nothing can be run." in said


def test_an_exercise_with_its_todo_waits_and_says_so(course):
    (course.homework / "toy.py").write_text('raise NotImplementedError("Toy.centre is still to do")\n')
    assert "hw1/toy.py has a TODO left: its runs wait for that." in run(course, status=1)
    assert calls(course) == []


def test_a_question_that_is_not_there_is_refused(course):
    assert "hw1 has no question 9: they are 1 to 3." in run(course, "9", status=2)


def test_a_folder_that_cannot_be_made_is_one_sentence(course):
    (course.folder / "logs").write_text("in the way")
    assert "logs/runs cannot be written: Not a directory." in run(course, status=1)


def test_what_is_done_needs_no_file_without_a_todo(course):
    run(course)
    (course.homework / "toy.py").write_text('raise NotImplementedError("Toy.centre is still to do")\n')
    assert "Nothing is to do." in run(course)


def test_other_drawings_have_folders_of_their_own(course):
    run(course, "1")
    calls(course)
    run(course, "1", "--data", "glyphs")
    assert calls(course)[0].endswith("--val-interval 100 --data glyphs --log-dir logs/runs/toy-base.glyphs")
    assert b"| `toy-base --way 5 --data glyphs` |" in answers(course)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_numbers_and_curves_stand_under_their_question_and_all_else_stays(course, newline):
    written = ANSWERS.replace("\n", newline).encode()
    (course.homework / "answers.md").write_bytes(written)
    run(course)
    laid = answers(course).decode()
    for wanted in ("| `toy-base --way 10` | test: accuracy 10.00% ± 1.00%, 600 tasks |", "validation at its best: "):
        assert wanted in laid
    first, second, third = laid.split("## ")[1:]
    assert "--way 10" in first and "![" not in first and "Mine: 1" in first
    assert answer_blocks.BEGIN not in second
    assert "![learning curve of toy-slow](answers-toy-slow.png)" in third
    assert (course.homework / "answers-toy-slow.png").read_bytes() == b"a curve"
    own = re.sub(rf"{newline}{answer_blocks.BEGIN}.*?{answer_blocks.END}{newline}", "", laid, flags=re.DOTALL)
    assert own.encode() == written and laid.count("\n") == laid.count(newline)


def test_without_a_place_in_the_answers_the_result_is_printed(course):
    (course.homework / "answers.md").write_text("# Mine\n")
    said = run(course, "1")
    assert "hw1/answers.md does not quote the question 'As $N$ grows.'" in said and "| `toy-base --way 10` |" in said
    assert answers(course) == b"# Mine\n"
    (course.homework / "answers.md").unlink()
    assert "hw1/answers.md is not there. What the runs of question 1 gave:" in run(course, "1")


def test_a_terminal_of_80_columns_in_cp1252_shows_all(course):
    said = run(course, PYTHONIOENCODING="cp1252:strict", PYTHONUTF8="0")
    assert all(len(line) <= 79 for line in said.splitlines() if not line.startswith("python -m"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_ctrl_c_is_left_to_the_training(course):
    (course.toy / "runs.toml").write_text(RUNS.replace("--num-iterations 20", "--num-iterations 1000000"))
    (course.folder / "logs/runs").mkdir(parents=True)
    env = ENVIRONMENT | {"PYTHONPATH": str(course.folder)}
    process = subprocess.Popen(
        [*READ, "3"], cwd=course.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    end = time.monotonic() + 90
    while not (course.folder / "logs/runs/toy-slow/log.csv").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "Stopped. The same command goes on." in output


def test_a_blocks_old_lines_are_replaced_and_the_students_are_not():
    lines = ["| run | result |"]
    once = answer_blocks.put(ANSWERS.encode(), TITLES[0], TITLES, ["| old |"])
    moved = once.replace(b"\nMine: 1", b"").replace(answer_blocks.BEGIN.encode(), b"Mine: 1\n<!-- runs -->")
    twice = answer_blocks.put(moved, TITLES[0], TITLES, lines).decode()
    assert "| old |" not in twice and twice.count(lines[0]) == 1 and twice.index("Mine: 1") < twice.index(lines[0])
    last = answer_blocks.put(b"> **The rate.** Say.", TITLES[2], TITLES, lines)
    assert last.startswith(b"> **The rate.** Say.\n\n<!-- runs -->\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ANSWERS.encode("utf-16"), "is not in UTF-8"),
        (b"# Mine\n", "does not quote the question"),
        (ANSWERS.replace("Mine: 1", "<!-- runs -->").encode(), "has one of <!-- runs --> and <!-- /runs -->"),
    ],
)
def test_answers_in_which_a_block_has_no_place_are_left_alone(content, reason):
    with pytest.raises(answer_blocks.BlockError, match=re.escape(reason)):
        answer_blocks.put(content, TITLES[0], TITLES, ["| new |"])


def test_numbers_of_runs_alone_are_no_answers():
    empty = re.sub(r"Mine: \d\n", "", ANSWERS).encode()
    laid = answer_blocks.put(empty, TITLES[0], TITLES, ["| new |"])
    assert not submit._written(laid) and submit._written(laid + b"Because.\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[train", "is not TOML"),
        ("[tests]", "is not as it must be: Object contains unknown field `tests`"),
        ('[train]\nbase = "--way 3"', "the training base has no --num-iterations NUMBER"),
        ('[train]\n"a b" = "--num-iterations 3"', "the training 'a b' is to be named by small letters"),
        ('[[question]]\ntitle = "Why?"', "the question 'Why?' names no run, and no by_hand says why."),
        ('[[question]]\ntitle = "Why?"\ncurve = ["base"]', "uses base, and autograder/exercises/toy/runs.toml has no"),
        ('[[question]]\ntitle = "Why?"\ntest = ["other/base"]', 'uses other/base, and has no with = ["other"]'),
    ],
)
def test_a_list_that_cannot_be_used_is_one_sentence(tmp_path, monkeypatch, text, sentence):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "runs.toml").write_text(text)
    monkeypatch.setattr("autograder.grading.catalog.EXERCISES", tmp_path)
    monkeypatch.setattr(question_runs, "exercises", lambda _: [Exercise("hw1", "toy")])
    with pytest.raises(CatalogError) as error:
        question_runs.questions("hw1")
    assert str(error.value).startswith("autograder/exercises/toy/runs.toml") and sentence in str(error.value)


@pytest.mark.parametrize("homework", homeworks())
def test_questions_have_the_numbers_of_the_answers(homework):
    quoted = re.findall(r"^## (\d+)(.*)\n\n> \*\*(.+?)\*\*", (COURSE / homework / "answers.md").read_text(), re.M)
    found = question_runs.questions(homework)
    assert [(str(q.number), " (optional)" * q.optional, q.title) for q in found] == quoted
    assert len({question.title for question in found}) == len(found)


def test_a_question_is_left_out_where_the_exercise_is_that_it_needs(monkeypatch):
    (needing, asked) = next((e, q) for e in ALL for q in question_runs.read(e).question if q.needs)
    monkeypatch.setattr(question_runs, "exercises", lambda _: [needing])
    alone = [question.title for question in question_runs.questions(needing.homework)]
    assert asked.title not in alone and len(alone) < len(question_runs.read(needing).question)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda asked: asked[1:], "The questions of task.md begin with"),
        (lambda asked: [*asked, msgspec.structs.replace(asked[0], title="Nobody asks.")], "those here are"),
        (lambda asked: [msgspec.structs.replace(asked[0], needs=[]), *asked[1:]], "another with = [...]"),
        (lambda asked: [msgspec.structs.replace(asked[0], needs=[], curve=["odd"]), *asked[1:]], "--no-such-option"),
    ],
)
def test_the_house_finds_lists_that_do_not_fit_their_questions(monkeypatch, change, sentence):
    exercise = next(e for e in ALL if any(q.needs for q in question_runs.read(e).question[:1]))
    listed = question_runs.read(exercise)
    trainings = listed.train | {"odd": "--no-such-option 3 --num-iterations 3"}
    other = Listed(trainings, change(listed.question))
    read = question_runs.read
    monkeypatch.setattr(question_runs, "read", lambda each: other if each == exercise else read(each))
    monkeypatch.setattr(question_runs, "questions", lambda _: [])
    assert any(sentence in found for found in files.runs(exercise))


def test_a_test_is_found_by_what_it_sets_and_not_by_how_that_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(run_states, "state", lambda *_: run_states.State(3, 3))
    monkeypatch.setattr(run_states, "folder_of", lambda *_: tmp_path)
    trained = {"way": 5, "inner_lr": 0.4, "rotations": False, "halve_every": None}
    monkeypatch.setattr(run_states, "read_facts", lambda _: {"settings": trained})
    (tmp_path / "best.safetensors").touch()
    for name, settings in {"best.test": {}, "best.test.x": {"inner_lr": 0.04, "rotations": True}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"settings": trained | settings, "name": name}))
    (tmp_path / "best.test.half.json").write_text("{")

    def found(*words):
        result = run_states.result(Evaluation(Training(Exercise("hw1", "toy"), "base", ()), words), "omniglot")
        return result and result["name"]

    assert found() == found("--way", "5") == found("--inner-lr=0.40") == "best.test"
    assert found("--rotations", "--inner-lr", "4e-2") == "best.test.x" and found("--way", "6") is None
    os.utime(tmp_path / "best.safetensors", (time.time() + 60, time.time() + 60))
    assert found() is None


def test_what_is_left_of_a_training_takes_its_iterations_and_validations():
    training = Training(Exercise("hw1", "toy"), "base", ("--num-iterations", "1000"))
    measured = run_times.Time(start=4, validation=10, iteration=0.1)
    assert measured.remaining(training, 0) == pytest.approx(4 + 100 + 11 * 10)
    assert measured.remaining(training, 950) == pytest.approx(4 + 5 + 10)
    words = {None: "", 0.1: "about 5 s", 61: "about 60 s", 720: "about 12 min", 7900: "about 2 h 12 min"}
    assert {seconds: run_times.in_words(seconds) for seconds in words} == words


def test_students_page_names_all_options():
    page = (COURSE / "docs" / "students.md").read_text(encoding="utf-8")
    said = subprocess.run([*READ, "--help"], cwd=COURSE, capture_output=True, text=True, check=True).stdout
    assert "python -m hw2.runs" in page
    for option in set(re.findall(r"--[a-z]+", said)) - {"--help"}:
        assert f"`{option}" in page.partition("python -m hw2.runs")[2], option


@pytest.mark.slow
def test_a_question_of_a_homework_is_run_by_its_own_training_program(tmp_path):
    course = tmp_path / "course"
    for name in ("autograder", "data", "hw2", "trainer"):
        ignored = shutil.ignore_patterns("__pycache__", "omniglot_resized", "glyphs", "glyphs_few")
        shutil.copytree(COURSE / name, course / name, ignore=ignored)
    question = question_runs.questions("hw2")[0]
    (training,) = question.trainings
    exercise = training.exercise
    shutil.copy(exercise.folder / "solution.py", course / exercise.file)
    path = course / exercise.place / "runs.toml"
    small = "--num-query 1 --num-tasks 1 --num-iterations 2"
    path.write_text(path.read_text().replace(f"{training.words[-2]} {training.words[-1]}", small, 1))
    drawings = [sys.executable, "-m", "data.glyphs", "--characters", "200", "--out", "drawings"]
    env = ENVIRONMENT | {"PYTHONPATH": str(course)}
    subprocess.run(drawings, cwd=course, env=env, check=True, capture_output=True)
    line = [sys.executable, "-m", "hw2.runs", "1", "--data", "drawings"]
    done = subprocess.run(line, cwd=course, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    laid = (course / "hw2" / "answers.md").read_text(encoding="utf-8")
    for test in question.tests:
        assert re.search(rf"^\| `{re.escape(test.label)} --data drawings` \| test: accuracy \d+", laid, re.M), laid
