"""A class is graded once, whatever happens, and every row is right. Grading itself is faked here."""

import csv
import gzip
import json
import shutil
import subprocess
import sys

import msgspec
import pytest
from click.testing import CliRunner

from autograder import paths
from autograder.__main__ import main
from autograder.grading import catalog
from autograder.instructor import version
from autograder.instructor.classroom import attempts, local, pages, run
from autograder.instructor.classroom.gradebook import Gradebook, Lines
from autograder.instructor.classroom.grading_task import RefusedError
from autograder.instructor.classroom.result_store import Key, Store, StoreError
from autograder.instructor.classroom.scoring import Scoring
from autograder.results import CheckResult, ExerciseResult, Report, Verdict

EXERCISES = [exercise for exercise in catalog.exercises("hw2") if exercise.required]
pytestmark = pytest.mark.usefixtures("required_alone")


def report(exercise, verdict=Verdict.PASS, **said):
    """What grading would give: two checks, the second one fast."""
    checks = [
        CheckResult(name="test_a", title="A holds.", points=3, verdict=Verdict.PASS),
        CheckResult(name="test_b", title="B holds.", points=4, verdict=verdict, **said),
    ]
    result = ExerciseResult(name=exercise.name, title=exercise.title, file=exercise.file, checks=checks)
    return Report(
        homework="hw2", subject="", seed=7, data="glyphs", isolation="isolated", exercises=[result], left_out=20
    )


@pytest.fixture
def graded(monkeypatch):
    """Tasks that were graded, in the place of local.run; what a file says is its verdict."""
    tasks = []

    def fake(named, jobs, running):
        for name, task in named:
            tasks.append(task)
            running(1)
            exercise = next(e for e in EXERCISES if e.name == task.exercise)
            said = task.files.get(exercise.file, b"NOT-RUN").decode().split()[0]
            if said == "STOP":
                raise KeyboardInterrupt
            yield name, task, msgspec.json.encode(report(exercise, Verdict(said), message=said.lower()))

    monkeypatch.setattr(local, "run", fake)
    return tasks


def hand_in(folder, **students):
    for name, says in students.items():
        for exercise in EXERCISES:
            path = folder / name / exercise.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{says} {name} {exercise.name}")
    return folder


def grade(tmp_path, *more):
    arguments = ["class", "hw2", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--data", "glyphs", *more]
    return CliRunner().invoke(main, arguments)


def book(tmp_path):
    with (tmp_path / "out" / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# What comes out


def test_every_submission_has_a_row_a_result_and_a_page_to_hand_back(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS", eve="WRONG")
    (tmp_path / "in" / "zoe.zip").write_bytes(b"no archive")
    done = grade(tmp_path)
    assert done.exit_code == 0, done.output
    assert [(row["id"], row["checks"], row["checks of"], row["verdicts"]) for row in book(tmp_path)] == [
        ("ada", "14", "14", "PASS 4"),
        ("eve", "6", "14", "PASS 2, WRONG 2"),
        ("zoe", "6", "14", "PASS 2, NOT-RUN 2"),
    ]
    out = tmp_path / "out"
    assert sorted(path.name for path in out.glob("results/*")) == ["ada.json", "eve.json", "zoe.json"]
    assert json.loads((out / "results" / "eve.json").read_bytes())["report"]["exercises"][1]["checks"][1]["message"]
    page = (out / "feedback" / "eve.html").read_text()
    assert "WRONG" in page and "wrong" not in page.replace("Wrong", "")  # the words, but no hidden value
    assert "PASS 2, WRONG 2" in (out / "report.html").read_text()


def test_no_cell_of_the_gradebook_is_a_formula(tmp_path, graded):
    others = {"ada;=cmd|'C calc'!A0": "PASS", "bob; =1+1": "PASS", 'eve;"=1+1"': "PASS", "zoe\t@SUM(1)": "PASS"}
    hand_in(tmp_path / "in", **{"=cmd|' /C calc'!A0": "PASS", "@SUM(1)": "PASS", "-2+3": "WRONG"}, **others)
    assert grade(tmp_path).exit_code == 0
    raw = (tmp_path / "out" / "gradebook.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")  # by which Excel knows UTF-8
    for row in csv.reader(raw.decode("utf-8-sig").splitlines()):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "|", "%"))], row
    for separator in ";\t|:":  # as it opens where the comma is no separator
        for row in csv.reader(raw.decode("utf-8-sig").splitlines(), delimiter=separator):
            assert not [cell for cell in row if cell.strip(' "').startswith(("=", "+", "@"))], row


def test_markup_in_names_and_messages_is_text(tmp_path, graded):
    hand_in(tmp_path / "in", **{"<script>alert(1)<": "WRONG"})
    grade(tmp_path)
    for page in tmp_path.glob("out/**/*.html"):
        assert "<script" not in page.read_text(), page


def test_lateness_and_written_questions_are_columns_of_their_own(tmp_path, graded):
    folder = tmp_path / "in"
    for name in ("doejane_LATE_1_2_protonet.py", "turingalan_3_4_protonet.py", "doejane_LATE_1_5_maml.py"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"PASS {name}")
    (tmp_path / "roster.csv").write_text("id,name,days late\n1,Jane Doe,2.5\n3,Alan Turing,\n5,Grace Hopper,\n")
    (tmp_path / "manual.csv").write_text("id,Q1,Q2\n1,2,=1+1\n".replace("=1+1", "4.5"))
    tables = ["--roster", str(tmp_path / "roster.csv"), "--manual", str(tmp_path / "manual.csv")]
    done = grade(tmp_path, *tables, "--late", "10%/day, 1 free")
    assert done.exit_code == 0, done.output
    rows = {row["name"]: row for row in book(tmp_path)}
    jane = rows["Jane Doe"]
    assert (jane["checks"], jane["Q1"], jane["Q2"], jane["late"], jane["days late"]) == (
        "14",
        "2",
        "4.5",
        "LATE",
        "2.5",
    )
    assert (jane["late penalty %"], jane["total"]) == ("20", "16.4")
    assert (rows["Alan Turing"]["late"], rows["Alan Turing"]["Q1"], rows["Alan Turing"]["late penalty %"]) == (
        "",
        "",
        "0",
    )
    assert rows["Grace Hopper"]["handed in"] == ""
    page = next(tmp_path.glob("out/feedback/Jane*")).read_text()
    assert "Handed in 2.5 days late." in page and "In all: 16.4 points." in page


def test_what_a_run_does_not_write_any_more_is_removed(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS", eve="PASS")
    grade(tmp_path)
    for path in sorted((tmp_path / "in" / "eve").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "in" / "eve").rmdir()
    grade(tmp_path)
    assert [path.name for path in tmp_path.glob("out/feedback/*")] == ["ada.html"]


# Nothing twice, nothing lost


def test_what_is_graded_is_not_graded_again(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS", eve="WRONG")
    grade(tmp_path)
    first = (tmp_path / "out" / "gradebook.csv").read_bytes()
    assert len(graded) == 4
    grade(tmp_path)
    assert len(graded) == 4 and (tmp_path / "out" / "gradebook.csv").read_bytes() == first
    grade(tmp_path, "--regrade")
    assert len(graded) == 8
    grade(tmp_path, "--seed", "5")
    assert len(graded) == 12 and graded[-1].seed == 5 != graded[0].seed


def kept_of(tmp_path, name):
    return json.loads((tmp_path / "out" / "results" / f"{name}.json").read_bytes())


def test_one_student_is_graded_again_and_kept_only_where_that_is_asked_for(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS", eve="WRONG")
    grade(tmp_path)
    hand_in(tmp_path / "in", eve="PASS")
    before = kept_of(tmp_path, "eve")
    done = grade(tmp_path, "--student", "eve")
    assert done.exit_code == 0 and "Nothing was written" in done.output and kept_of(tmp_path, "eve") == before
    done = grade(tmp_path, "--student", "eve", "--regrade")
    assert done.exit_code == 0 and "Kept;" in done.output, done.output
    after = kept_of(tmp_path, "eve")
    assert after["place"] == before["place"] == 1 and after["keys"] != before["keys"]
    assert [row["checks"] for row in book(tmp_path)] == ["14", "6"]  # as the score command has left it
    done = CliRunner().invoke(main, ["score", str(tmp_path / "out")])
    assert done.exit_code == 0 and [row["checks"] for row in book(tmp_path)] == ["14", "14"]
    count = len(graded)
    grade(tmp_path)
    assert len(graded) == count  # the class knows of it


def test_a_fault_of_ours_leaves_what_is_kept_as_it_was(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS")
    grade(tmp_path)
    before = kept_of(tmp_path, "ada")
    hand_in(tmp_path / "in", ada="GRADER-ERROR")
    done = grade(tmp_path, "--student", "ada", "--regrade")
    assert done.exit_code == 3 and "Nothing was written" in done.output and kept_of(tmp_path, "ada") == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--only", "maml"], "on protonet, maml"),
        (["--fast"], "with the checks that train"),
        (["--seed", "5"], "with --seed"),
    ],
)
def test_one_student_is_not_graded_otherwise_than_the_class(tmp_path, graded, options, told):
    hand_in(tmp_path / "in", ada="PASS")
    grade(tmp_path)
    before, count = kept_of(tmp_path, "ada"), len(graded)
    done = grade(tmp_path, "--student", "ada", "--regrade", *options)
    assert done.exit_code == 4 and told in done.output, done.output
    assert len(graded) == count and kept_of(tmp_path, "ada") == before


# Attempts


def test_each_attempt_is_kept_with_its_verdicts_and_code(tmp_path, graded):
    hand_in(tmp_path / "in", ada="WRONG", eve="PASS")
    grade(tmp_path)
    grade(tmp_path)  # nothing new
    hand_in(tmp_path / "in", ada="PASS")
    grade(tmp_path)
    first, second = attempts.kept(tmp_path / "out", "ada")
    assert first.verdicts["maml"] == {"test_a": Verdict.PASS, "test_b": Verdict.WRONG} and first.earned == 6
    assert second.verdicts["maml"]["test_b"] is Verdict.PASS and second.earned == 14
    assert first.files["hw2/maml.py"] == "WRONG ada maml" and second.files["hw2/maml.py"] == "PASS ada maml"
    assert len(attempts.kept(tmp_path / "out", "eve")) == 1


def test_attempts_are_bounded_and_go_with_their_student(tmp_path, graded):
    hand_in(tmp_path / "in", eve="PASS")
    for number in range(attempts.MOST + 3):
        (tmp_path / "in" / "eve" / EXERCISES[0].file).write_text(f"PASS {number} " + "x" * 200_000)
        grade(tmp_path)
    listed = attempts.kept(tmp_path / "out", "eve")
    assert len(listed) == attempts.MOST and f"PASS {attempts.MOST + 2} " in listed[-1].files[EXERCISES[0].file]
    assert all(len(text) <= attempts.LONGEST for one in listed for text in one.files.values())
    assert sum(path.stat().st_size for path in (tmp_path / "out" / "attempts").iterdir()) < 50_000
    shutil.rmtree(tmp_path / "in" / "eve")
    hand_in(tmp_path / "in", ada="PASS")
    grade(tmp_path)
    assert [path.name for path in (tmp_path / "out" / "attempts").iterdir()] == ["ada.json.gz"]


@pytest.mark.parametrize(
    "damaged",
    [b"", b"no gzip", b"\x1f\x8b\x08", gzip.compress(b"[{}]"), gzip.compress(b"[1")],
    ids=["empty", "no gzip", "cut short", "not a list of attempts", "no JSON"],  # gzip's bytes hold the time
)
def test_attempts_that_are_damaged_are_begun_anew(tmp_path, graded, damaged):
    hand_in(tmp_path / "in", ada="PASS")
    grade(tmp_path)
    (tmp_path / "out" / "attempts" / "ada.json.gz").write_bytes(damaged)
    assert attempts.kept(tmp_path / "out", "ada") == []
    assert grade(tmp_path).exit_code == 0 and len(attempts.kept(tmp_path / "out", "ada")) == 1


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS", bob="STOP")
    assert grade(tmp_path).exit_code == 2
    assert len(graded) == 3 and not (tmp_path / "out" / "gradebook.csv").exists()
    seed = graded[0].seed
    hand_in(tmp_path / "in", bob="WRONG")
    assert grade(tmp_path).exit_code == 0
    assert [task.files["hw2/maml.py"].split()[0] for task in graded[3:]] == [b"WRONG", b"WRONG"]
    assert graded[-1].seed == seed


def test_a_changed_file_is_graded_and_no_other(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS", eve="PASS")
    grade(tmp_path)
    hand_in(tmp_path / "in", eve="WRONG")
    grade(tmp_path)
    assert len(graded) == 6
    assert [row["checks"] for row in book(tmp_path)] == ["14", "6"]


def test_the_same_files_are_graded_once(tmp_path, graded):
    hand_in(tmp_path / "in", ada="PASS")
    for exercise in EXERCISES:
        copy = tmp_path / "in" / "eve" / exercise.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((tmp_path / "in" / "ada" / exercise.file).read_bytes())
    grade(tmp_path)
    assert len(graded) == 2 and [row["checks"] for row in book(tmp_path)] == ["14", "14"]


def test_a_changed_check_regrades_its_exercise_and_no_other(tmp_path, graded, monkeypatch):
    hand_in(tmp_path / "in", ada="PASS")
    grade(tmp_path)
    real = version.digest
    monkeypatch.setattr(version, "digest", lambda e: real(e) + ("changed" if e.name == "maml" else ""))
    grade(tmp_path)
    assert [task.exercise for task in graded] == ["protonet", "maml", "maml"]


def test_a_fault_of_ours_is_shown_and_tried_again(tmp_path, graded):
    hand_in(tmp_path / "in", ada="GRADER-ERROR", eve="PASS")
    done = grade(tmp_path)
    assert done.exit_code == 3 and "2 checks failed through a fault of the grader" in done.output
    assert "Faults of the grader" in (tmp_path / "out" / "report.html").read_text()
    assert "GRADER-ERROR 2" in book(tmp_path)[0]["verdicts"]
    grade(tmp_path)
    assert [task.files["hw2/maml.py"].split()[1] for task in graded[4:]] == [b"ada", b"ada"]


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (["--only", "mann"], "has no exercise", 4),
        (["--late", "much"], "no late policy", 4),
        (["--roster", __file__ + "x"], "does not exist", 4),
    ],
)
def test_wrong_usage_is_named_and_nothing_is_graded(tmp_path, graded, arguments, message, status):
    hand_in(tmp_path / "in", ada="PASS")
    done = grade(tmp_path, *arguments)
    assert (done.exit_code, graded) == (status, []) and message in done.output


def test_an_empty_class_is_named(tmp_path, graded):
    (tmp_path / "in").mkdir()
    assert grade(tmp_path).exit_code == 5


def test_a_refusal_ends_the_run_in_words(tmp_path, monkeypatch):
    def refusing(tasks, jobs, running):
        raise RefusedError("NO SANDBOX.")
        yield

    monkeypatch.setattr(local, "run", refusing)
    hand_in(tmp_path / "in", ada="PASS")
    done = grade(tmp_path)
    assert done.exit_code == 4 and "NO SANDBOX." in done.output


# The store

KEY = Key(submission="s", exercise="hw2/maml", version="v", seed=1, fast=True, drawings="glyphs")


def test_a_half_written_or_damaged_result_never_counts(tmp_path):
    with Store(tmp_path).opened() as kept:
        kept.put(KEY, report(EXERCISES[0]))
        assert kept.get(KEY).earned == 7
        (path,) = tmp_path.glob("graded/*/*.json")
        whole = path.read_bytes()
        for damaged in (whole[:-20], b"", b"\0" * 100, whole.replace(b'"seed":1', b'"seed":2')):
            path.write_bytes(damaged)
            assert kept.get(KEY) is None
    (path.parent / f".{path.name}.abc").write_bytes(whole)
    with Store(tmp_path).opened() as kept:
        assert kept.get(KEY) is None and not list(path.parent.glob(".*"))


@pytest.mark.parametrize("change", [{"seed": 2}, {"fast": False}, {"version": "w"}, {"exercise": "hw2/protonet"}])
def test_a_result_is_found_only_under_all_of_its_key(tmp_path, change):
    with Store(tmp_path).opened() as kept:
        kept.put(KEY, report(EXERCISES[0]))
        assert kept.get(msgspec.structs.replace(KEY, **change)) is None


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    with Store(tmp_path).opened(), pytest.raises(StoreError, match="Another run"), Store(tmp_path).opened():
        pass
    with Store(tmp_path).opened():
        pass


def test_a_folder_belongs_to_one_homework(tmp_path):
    kept = Store(tmp_path)
    with kept.opened():
        seed = kept.settings("hw2", None).seed
        assert kept.settings("hw2", None).seed == seed
        with pytest.raises(StoreError, match="holds hw2"):
            kept.settings("hw1", None)


# The version


def test_a_version_depends_on_what_an_exercise_is_judged_by_and_on_nothing_else():
    files = {
        exercise.name: {str(p.relative_to(paths.COURSE)) for p in version.judged_by(exercise)} for exercise in EXERCISES
    }
    shared = {
        "autograder/grading/referee.py",
        "autograder/grading/check_vocabulary.py",
        "autograder/worker/shim.py",
        "hw2/util.py",
    }
    for name in files:
        own = {
            f"autograder/exercises/{name}/{part}"
            for part in ("checks.py", "probe.py", "solution.py", "thresholds.json")
        }
        assert shared | own <= files[name]
        assert not [path for path in files[name] if "report/" in path or path.endswith(("layouts.py", "pages.py"))]
    assert not [path for path in files["maml"] if "hw2/protonet/" in path]
    assert "hw2/protonet.py" not in files["maml"]  # the students' own


def test_the_parent_imports_no_torch():
    """Its memory is small because of that."""
    told = "import sys; from autograder.instructor.classroom import run; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "False\n"


def test_columns_are_those_of_the_exercises():
    header = Gradebook(Lines(EXERCISES, ["Q1"])).content().decode()
    assert "protonet,maml,checks,checks of,Q1,late penalty %,adjusted,total" in header


def test_options_of_the_command_are_those_of_the_run():
    command = main.commands["class"]
    assert {parameter.name for parameter in command.params} == {*run.Options._fields, "isolation"}


def test_pages_do_not_need_a_report_of_anybody(tmp_path):
    summary = pages.write(tmp_path, [], EXERCISES, Scoring([], []), None)
    assert summary.lines == [] and "0 rows" in (tmp_path / "report.html").read_text()
