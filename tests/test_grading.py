"""The main job, end to end: submissions in, verdicts and exit statuses out."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

from autograder import fault, paths, safe_path, writing
from autograder.grading import catalog, grade, referee
from autograder.grading.check_vocabulary import longer
from autograder.grading.checks import described
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import references, solution_regions
from autograder.instructor.live_key import Live
from autograder.intake import submission
from autograder.intake.submission import Submission
from autograder.results import StudentError, Verdict, total
from autograder.worker.client import Worker

ROOT = Path(__file__).resolve().parent.parent
GLYPHS = Drawings(None)


def fast(homework, files, only=None, seed=1):
    handed_in = files if isinstance(files, Submission) else Submission(files)
    return grade.grade(
        homework, handed_in, settings=Settings(seed, GLYPHS, Live()), subject="test", only=only, fast=True
    )


def changed(homework, name, *edits):
    """The reference with some text of one exercise replaced."""
    files = references.solutions(homework).files
    key = f"{homework}/{name}.py"
    text = files[key].decode()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return files | {key: text.encode()}


def stubs(homework):
    return {
        exercise.file: solution_regions.stub((exercise.folder / "solution.py").read_text(), exercise.file).encode()
        for exercise in catalog.exercises(homework)
    }


def verdicts(report, exercise):
    (result,) = (result for result in report.exercises if result.name == exercise)
    return {check.name: check.verdict for check in result.checks}


def command_line(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "autograder", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        check=False,
    )


@pytest.mark.parametrize("homework", ["hw1", "hw2"])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_the_reference_gets_full_marks(homework, seed):
    report = fast(homework, references.solutions(homework), seed=seed)
    assert [check for check in report.checks if check.verdict is not Verdict.PASS] == []
    assert total([report.points, report.left_out]) == catalog.homework(homework).points


@pytest.mark.parametrize("homework", ["hw1", "hw2"])
def test_a_bare_stub_gets_nothing_and_a_to_do_list(homework, required_alone):
    gets_nothing(homework)


@pytest.mark.slow
def test_a_bare_stub_of_an_optional_exercise_gets_nothing_and_a_to_do_list():
    gets_nothing("hw2")


def gets_nothing(homework):
    report = fast(homework, stubs(homework))
    assert report.earned == 0
    assert {check.verdict for check in report.checks} == {Verdict.NOT_RUN}
    assert all(check.todo or check.waits_for for check in report.checks)


def test_the_same_seed_gives_the_same_verdicts_and_messages(grade):
    files = changed("hw2", "protonet", (".square().sum(dim=-1)", ".square().sum(dim=-1).sqrt()"))
    first, second = (grade("hw2", files, only="protonet", seed=5) for _ in range(2))
    assert [check.message for check in first.checks] == [check.message for check in second.checks]


FAILURES = {
    "an error": ("raise ValueError('mine')", Verdict.CRASH, "ValueError: mine"),
    "the end of the process": ("import os; os._exit(0)", Verdict.CRASH, "exit status 0"),
    "sys.exit": ("import sys; sys.exit(0)", Verdict.CRASH, "SystemExit"),
    "an error that cannot be printed": (
        "E = type('E', (BaseException,), {'__str__': lambda s: 1 / 0}); raise E",
        Verdict.CRASH,
        "E: (its message cannot be read)",
    ),
    "too much memory": ("torch.empty(10**13)", Verdict.MEMORY, ""),
    "a string": ("return 'prototypes'", Verdict.FORMAT, "expected a tensor, got str"),
    "NaN": ("return features[:1] * float('nan')", Verdict.FORMAT, "NaN"),
    "bytes on every pipe": (
        "import contextlib, os\n        for fd in range(3, 9):\n"
        "            with contextlib.suppress(OSError): os.write(fd, b'x' * 99)",
        Verdict.PROTOCOL,
        "",
    ),
}


TRIED_AGAIN = ("the end of the process", "bytes on every pipe")


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_costs_the_check_in_which_it_happens_and_says_why(name, grade):
    code, verdict, message = FAILURES[name]
    files = changed(
        "hw2",
        "protonet",
        ("        return torch.stack([features[labels", f"        {code}\n        return torch.stack([features[labels"),
    )
    report = (fast if name in TRIED_AGAIN else grade)("hw2", files, only="protonet")
    (first, *_) = report.checks
    assert first.verdict is verdict and message in first.message, (first.verdict, first.message)
    assert "autograder/" not in first.message and "/box" not in first.message
    assert verdicts(report, "protonet")["test_logits_are_negative_squared_distances"] is Verdict.PASS
    assert verdicts(report, "protonet")["test_loss_is_the_mean_query_cross_entropy"] is Verdict.PASS


def test_an_endless_loop_is_called_timeout_and_waited_for_in_its_check_and_once_more(monkeypatch):
    monkeypatch.setattr("autograder.grading.referee.CALL", 2.0)
    late, ask = [], Worker.ask

    def watched(worker, call, *given):
        try:
            return ask(worker, call, *given)
        except StudentError as error:
            late.extend([call] * (error.verdict is Verdict.TIMEOUT))
            raise

    monkeypatch.setattr(Worker, "ask", watched)
    files = changed("hw2", "protonet", ("return -(features", "while True: pass\n        return -(features"))
    got = verdicts(fast("hw2", files, "protonet"), "protonet")
    assert got["test_nearest_prototype_has_the_largest_logit"] is Verdict.TIMEOUT
    assert got["test_prototype_is_the_mean_of_its_class"] is Verdict.PASS
    assert got["test_loss_is_the_mean_query_cross_entropy"] is Verdict.PASS
    assert late == ["logits", "logits"]


def test_a_timeout_tells_of_the_time_of_earlier_answers(monkeypatch):
    monkeypatch.setattr("autograder.grading.referee.CALL", 3.0)
    slow = "import time; time.sleep(1.4)\n        return -(features"
    report = fast("hw2", changed("hw2", "protonet", ("return -(features", slow)), only="protonet")
    (late,) = (check for check in report.checks if check.verdict is Verdict.TIMEOUT)
    assert "Earlier answers in this check took 3 seconds." in late.message


def test_a_check_that_asks_for_more_has_more_time():
    (usual, more) = (referee.limit(longer(times)(lambda: None)) for times in (1, 4))
    assert more == 4 * usual == 4 * referee.limit(lambda: None)


def test_a_flood_of_prints_costs_nothing_and_is_cut():
    flood = "        print('x' * 10_000_000)\n        return -(features"
    report = fast("hw2", changed("hw2", "protonet", ("        return -(features", flood)), only="protonet")
    assert report.earned == report.points
    assert max(len(check.printed) for check in report.checks) < 20_000


def test_a_file_that_python_cannot_read_is_not_run_and_the_other_exercise_is_graded(required_alone):
    report = fast("hw2", changed("hw2", "maml", ("class MAML:", "class MAML")))
    (broken,) = (result for result in report.exercises if result.name == "maml")
    assert "hw2/maml.py, line 19" in broken.problem and broken.earned == 0
    assert set(verdicts(report, "maml").values()) == {Verdict.NOT_RUN}
    assert set(verdicts(report, "protonet").values()) == {Verdict.PASS}


def test_a_missing_file_is_not_run_and_named(required_alone):
    files = references.solutions("hw2").files
    del files["hw2/maml.py"]
    report = fast("hw2", files)
    assert [result.problem for result in report.exercises] == ["", "hw2/maml.py is missing."]
    assert set(verdicts(report, "maml").values()) == {Verdict.NOT_RUN}


@pytest.mark.isolation
def test_student_code_sees_no_solution_no_home_and_no_network(isolated):
    spy = f"""
import importlib.util, pathlib, socket
seen = [str(p) for p in map(pathlib.Path, ({str(ROOT)!r}, "/root", "/home", "/etc/passwd")) if p.exists()]
seen += [str(p) for p in pathlib.Path("/").rglob("solution.py") if "site-packages" not in str(p)]
seen += ["solution"] if importlib.util.find_spec("autograder.exercises.protonet.solution") else []
try:
    socket.create_connection(("192.0.2.1", 9), timeout=1)
    seen += ["network"]
except OSError:
    pass
if seen:
    raise RuntimeError(f"seen: {{seen}}")
"""
    report = fast("hw2", changed("hw2", "protonet", ("import torch\n", spy + "import torch\n")), only="protonet")
    assert report.exercises[0].problem == "" and report.earned == report.points


def test_the_exit_status_says_how_it_went(tmp_path):
    assert command_line("hw2", "--reference", "--fast", "--only", "protonet", "--data", "glyphs").returncode == 0
    assert command_line("hw2", "--fast", "--only", "protonet").returncode == 1
    assert command_line("hw2", "--only", "nonsense").returncode == 4
    assert command_line("nonsense").returncode == 4
    assert command_line("hw2", "--submission", tmp_path).returncode == 5
    assert command_line("hw2", "--submission", tmp_path / "nothing").returncode == 5


@pytest.mark.parametrize("arguments", [("hw2", "--only", "nonsense"), ("hw2", "--data", "nowhere"), ("hw3",)])
def test_wrong_usage_is_one_line(arguments):
    result = command_line(*arguments)
    assert result.returncode == 4 and result.stderr.count("\n") == 1, result.stderr


def children(pid):
    listed = subprocess.run(["ps", "-ww", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(pid)]


def test_ctrl_c_interrupts_and_leaves_no_worker():
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder", "hw2", "--reference", "--data", "glyphs"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background has it ignored
    )
    deadline = time.monotonic() + 60
    programs = ("template.py", "shim.py")  # from which workers are forked, or which they are
    while not any(name in child for child in children(process.pid) for name in programs):
        assert time.monotonic() < deadline, "no worker was started"
        time.sleep(0.2)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 2
    assert children(process.pid) == []


@pytest.mark.parametrize("inside", ["", "my homework/", "hw2/"])
def test_a_submission_may_be_a_folder_or_an_archive_and_one_folder_deeper(tmp_path, inside):
    folder, archive = tmp_path / "folder", tmp_path / "archive.zip"
    files = references.solutions("hw2").files
    names = {f"{inside}{name.removeprefix('hw2/') if inside == 'hw2/' else name}": files[name] for name in files}
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("__MACOSX/hw2/._maml.py", "noise")
        for name, content in names.items():
            zipped.writestr(name, content)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    assert submission.collect(folder, "hw2").files == submission.collect(archive, "hw2").files == files


def test_links_in_a_submission_are_not_followed(tmp_path):
    (tmp_path / "hw2").mkdir()
    (tmp_path / "hw2" / "maml.py").symlink_to(ROOT / "autograder/exercises/maml/solution.py")
    with pytest.raises(submission.SubmissionError, match=r"hw2/maml\.py is a link; hand in the file itself"):
        submission.collect(tmp_path, "hw2")


def test_json_holds_what_the_terminal_shows(tmp_path):
    words = ("hw2", "--reference", "--fast", "--only", "protonet", "--data", "glyphs")
    result = command_line(*words, "--json", tmp_path / "r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    titles = [check["title"] for exercise in report["exercises"] for check in exercise["checks"]]
    (protonet,) = (exercise for exercise in catalog.exercises("hw2") if exercise.name == "protonet")
    assert titles == [check.title for check in described(protonet) if not check.training]
    text = " ".join(result.stdout.split())
    assert all(title in text for title in titles)
    assert f"seed {report['seed']}" in text


def test_settings_for_pytest_from_outside_change_nothing(monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    report = fast("hw2", references.solutions("hw2"), only="protonet")
    assert report.earned == report.points and os.environ["PYTEST_ADDOPTS"] == "-k nothing"


@pytest.mark.slow
@pytest.mark.parametrize("homework", ["hw1", "hw2"])
def test_the_reference_gets_full_marks_with_training(homework, drawings):
    handed_in = references.solutions(homework)
    report = grade.grade(homework, handed_in, settings=Settings(4, drawings, Live()), subject="test")
    assert [(check.name, check.message) for check in report.checks if check.verdict is not Verdict.PASS] == []
    assert report.earned == report.points == catalog.homework(homework).points and report.complete


# What lies in the way


def course(folder):
    """A copy of the course in which files may be put: what is graded, and the grader without the instructor's part."""
    for name in ("autograder", "data", "trainer", "hw1", "hw2"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("omniglot_resized*", "__pycache__"))
    return folder


HIDING = ("random", "typing", "numpy", "copy", "torch", "click", "tempfile", "pytest", "json", "inspect", "msgspec")


def run_in(folder, *arguments):
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    line = [sys.executable, "-m", "autograder", *map(str, arguments)]
    return subprocess.run(line, cwd=folder, env=kept, capture_output=True, text=True, check=False)


def test_files_that_hide_modules_are_named_and_harmless(tmp_path):
    folder = course(tmp_path)
    for name in HIDING:
        (folder / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    (folder / "notes.py").write_text("")
    done = run_in(folder, "hw2", "--reference", "--fast", "--only", "protonet", "--data", "glyphs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "random.py in this folder hides Python's own module random: rename it." in done.stderr
    assert "numpy.py in this folder hides the installed package numpy: rename it." in done.stderr
    assert all(f"{name}.py in this folder" in done.stderr for name in HIDING) and "notes.py" not in done.stderr


def test_nothing_of_a_submissions_folder_is_imported(tmp_path):
    names = ("click", "random", "numpy", "torch", "data", "hw2", "multiprocessing")
    for name in (*names, "sitecustomize", "usercustomize", "conftest"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger ran')")
    (tmp_path / "x.pth").write_text("import os; os._exit(9)")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p conftest\n")
    done = run_in(tmp_path, "hw2", "--submission", ".", "--fast")
    if "No module named autograder" in done.stderr:
        pytest.skip("the course is not installed")
    assert done.returncode == 5 and "Nothing to grade" in done.stderr and "hides" not in done.stderr


@pytest.mark.parametrize("named", [".", f"{os.pathsep}/nowhere", f"/nowhere{os.pathsep}"])
def test_a_path_that_names_the_current_folder_is_told(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", named)
    (said,) = safe_path.strangers()
    assert said.startswith("PYTHONPATH names the current folder")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    assert safe_path.strangers() == []
    monkeypatch.chdir(paths.COURSE)
    monkeypatch.setenv("PYTHONPATH", named)
    assert safe_path.strangers() == []


def test_a_process_that_grades_a_class_imports_nothing_from_the_current_folder(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('a stranger ran')")
    program = (
        "from autograder import safe_path; safe_path.enter(); from autograder.instructor.classroom import local; "
        "g = local._Grader(1); import time; time.sleep(3); print(g._process.is_alive()); g.stop()"
    )
    line = [sys.executable, "-c", f"if __name__ == '__main__': {program}"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr


# A fault of the machine is one sentence


def test_a_full_disk_is_one_sentence_and_damages_nothing(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "r.json"
    kept.write_text("before")

    def full(*given, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError, match="No space left") as caught:
        writing.write_whole(kept, b"after")
    assert kept.read_text() == "before" and list(tmp_path.iterdir()) == [kept]
    assert fault.sentence(caught.value) == f"The disk is full: free some space in {tmp_path}{_moving(tmp_path)}."


def _moving(folder):
    inside = folder.is_relative_to(tempfile.gettempdir())
    return " (or set TMPDIR to another folder)" if inside else ""


FAILING = {
    "a full disk": ("OSError(28, 'No space left on device')", "The disk is full: free some space", False),
    "no folder for temporary files": (
        "FileNotFoundError(2, 'No usable temporary directory found')",
        "There is no folder for temporary",
        False,
    ),
    "no memory": ("MemoryError()", "The machine is out of memory", False),
    "a bug": ("KeyError('x')", "The grader itself failed (KeyError in autograder/grading/grade.py", True),
}


@pytest.mark.parametrize(("error", "said", "traced"), FAILING.values(), ids=FAILING)
def test_whatever_fails_outside_of_checks_has_status_3_and_a_sentence(error, said, traced):
    program = (
        "import sys; from autograder.grading import box; from autograder import __main__\n"
        f"def failing(*given): raise {error}\n"
        "box.filled = failing; sys.argv[1:] = ['hw2', '--reference', '--fast', '--only', 'protonet']; __main__.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and done.stderr.strip().splitlines()[-1].startswith(said[:20]), done.stderr
    assert said in done.stderr and ("Traceback" in done.stderr) == traced


def test_a_reader_who_has_read_enough_sees_no_error():
    line = f"{sys.executable} -m autograder hw2 --list | head -1 > /dev/null"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_onto_a_full_disk_is_one_sentence():
    with open("/dev/full", "w") as full:
        line = [sys.executable, "-m", "autograder", "hw2", "--list"]
        done = subprocess.run(line, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3 and done.stderr.count("\n") == 1 and done.stderr.startswith("The disk is full")
