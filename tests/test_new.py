"""`python -m autograder new`: a homework and an exercise begun, filled in as docs/authors.md says, and graded."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import msgspec
import pytest

from autograder.grading import catalog
from autograder.grading.catalog import Homework
from autograder.instructor import new
from autograder.paths import COURSE

WRITTEN = Path(__file__).parent / "descent"  # what an author puts in the place of the templates
THERE = catalog.exercises("hw2")[0].name
# Under CI, pytest repeats a failure's whole message in its summary; the tests here read the output.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "CI"} | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course in which hw10 and hw10/descent have been begun, and what was said of each."""
    copy = tmp_path_factory.mktemp("course")
    for folder in ("autograder", "data", "hw1", "hw2", "trainer"):
        ignored = shutil.ignore_patterns("__pycache__", "omniglot_resized", "glyphs", ".*")
        shutil.copytree(COURSE / folder, copy / folder, ignore=ignored)
    shutil.copy(COURSE / "pyproject.toml", copy)
    return copy, [run(copy, "-m", "autograder", "new", name) for name in ("hw10", "hw10/descent")]


def run(course, *arguments):
    """Run Python on the copy."""
    line = [sys.executable, *map(str, arguments)]
    env = ENVIRONMENT | {"PYTHONPATH": str(course)}
    return subprocess.run(line, cwd=course, capture_output=True, text=True, env=env, check=False)


def written(done):
    """The files that a command says it has written, and the sentences on what is to be written in them."""
    assert done.returncode == 0, done.stderr
    names = re.findall(r"^written: (\S+)$", done.stdout, re.MULTILINE)
    return names, re.findall(r"^  (\S+: [A-Z].*)$", done.stdout, re.MULTILINE)


def clean(folder, names):
    for command in (("check",), ("format", "--check")):
        linted = run(folder, "-m", "ruff", *command, "--no-cache", *names)
        assert linted.returncode == 0, linted.stdout


def test_a_homework_that_was_begun_says_what_is_to_be_written(course):
    folder, (done, _) = course
    names, sentences = written(done)
    own = ["__init__.py", "homework.toml", "introduction.md", "runs.py", "train.py", "README.md", "hw10.ipynb"]
    assert names == [f"hw10/{name}" for name in own]
    assert [sentence.split(":")[0] for sentence in sentences] == ["hw10/homework.toml", *["hw10/introduction.md"] * 2]
    assert "`python -m autograder new hw10/NAME` begins an exercise in it." in done.stdout
    clean(folder, ["hw10"])
    shown = run(folder, "-m", "autograder", "--help").stdout
    assert shown.index("hw1 ") < shown.index("hw2 ") < shown.index("hw10 ")
    assert run(folder, "-m", "hw10.train", "--help").returncode == 0


def test_an_exercise_that_was_begun_is_clean_and_says_what_is_to_be_written(course):
    folder, (_, done) = course
    names, sentences = written(done)
    own = ["__init__.py", "alternatives.md", "cells.md", "checks.py", "exercise.toml", "mutants.md", "probe.py"]
    own = {f"autograder/exercises/descent/{name}" for name in (*own, "solution.py", "task.md")}
    generated = ["hw10/README.md", "hw10/hw10.ipynb", "hw10/answers.md", "hw10/descent.py"]
    assert set(names[:-5]) == own and names[-5:] == ["hw10/homework.toml", *generated]
    assert len(sentences) > 12 and all(re.fullmatch(r"[\w./]+:\d+: Write .+\.", sentence) for sentence in sentences)
    for file in ("exercise.toml", "task.md", "solution.py", "probe.py", "checks.py"):
        assert any(sentence.startswith(f"autograder/exercises/descent/{file}") for sentence in sentences), file
    assert "`python -m autograder check hw10/descent` says, in the order of writing, what is left" in done.stdout
    assert msgspec.toml.decode((folder / "hw10" / "homework.toml").read_bytes())["optional"] == {"descent": 10}
    clean(folder, [*names[:-1], "hw10"])
    modules = [f"autograder.exercises.descent.{part}" for part in ("solution", "probe", "checks")]
    assert run(folder, "-c", f"import hw10.descent, {', '.join(modules)}").returncode == 0
    assert run(folder, "-m", "autograder", "write", "--check").returncode == 0
    graded = run(folder, "-m", "autograder", "hw10", "--only", "descent")
    assert graded.returncode == 1 and "☐ Descent.step is still to do" in graded.stdout, graded.stdout + graded.stderr


FILLED = {  # shape: what an author writes into the gaps of its template
    "episodic": {
        "_logits": """\
            features = self._network(images_support)
            prototypes = torch.stack([features[labels_support == k].mean(dim=0) for k in labels_support.unique()])
            return -(self._network(images_query)[:, None] - prototypes).square().sum(dim=-1)
""",
        "_step": """\
            rows = []
            for images, labels, queries, wanted in task_batch:
                own, asked = self._logits(images, labels, images), self._logits(images, labels, queries)
                right = [(part.argmax(dim=-1) == to).float().mean() for part, to in ((own, labels), (asked, wanted))]
                rows.append(torch.stack([nn.functional.cross_entropy(asked, wanted), *right]))
            loss, support, query = torch.stack(rows).mean(dim=0)
            return loss, support.item(), query.item()
""",
    },
    "gradient": {
        "_inner_loop": """\
            phi, accuracies = {name: tensor.clone() for name, tensor in self._meta_parameters.items()}, []
            for _ in range(self._num_inner_steps):
                logits = self._forward(images, phi)
                accuracies.append((logits.argmax(dim=-1) == labels).float().mean().item())
                loss = F.cross_entropy(logits, labels)
                gradients = torch.autograd.grad(loss, list(phi.values()), create_graph=train)
                phi = {n: t - self._inner_lrs[n] * g for (n, t), g in zip(phi.items(), gradients, strict=True)}
            accuracies.append((self._forward(images, phi).argmax(dim=-1) == labels).float().mean().item())
            return phi, accuracies
""",
        "_outer_step": """\
            losses, accuracies, right = [], [], []
            for images, labels, queries, wanted in task_batch:
                phi, reached = self._inner_loop(images, labels, train)
                logits = self._forward(queries, phi)
                losses.append(F.cross_entropy(logits, wanted))
                accuracies.append(reached)
                right.append((logits.argmax(dim=-1) == wanted).float().mean().item())
            return torch.stack(losses).mean(), torch.tensor(accuracies).mean(dim=0).tolist(), sum(right) / len(right)
""",
    },
    "regression": {
        "predict": """\
            r = self.encoder(torch.cat([x_support, y_support], dim=-1)).mean(dim=0)
            return self.decoder(torch.cat([r.expand(len(x_query), -1), x_query], dim=-1))
""",
        "step": """\
            errors = [(self.predict(x, y, asked) - wanted).square().mean() for x, y, asked, wanted in task_batch]
            return torch.stack(errors).mean()
""",
    },
}
UNWRITTEN = [  # rules that no template can keep
    "Nothing is still to be written.",
    "There are thirty mutants or more, and each fits the solution.",
    "No check is dead: each that does not train finds a mutant alone.",
    "There are five alternatives of each function or more, and each fits the solution.",
]
UNMEASURED = "Every check that trains has a measured threshold, and mutants that it tells."


@pytest.mark.parametrize("shape", ["functions", *FILLED])
def test_templates_of_a_shape_keep_every_rule_but_those_on_what_an_author_writes(course, shape):
    folder, _ = course
    name, homework = f"a_{shape}_method", "hw10" if shape == "functions" else "hw2"
    done = run(folder, "-m", "autograder", "new", f"{homework}/{name}", "--shape", shape, "--points", "7.5")
    names, _ = written(done)
    clean(folder, names[:-1])
    listed = msgspec.toml.decode((folder / homework / "homework.toml").read_bytes())
    assert listed["optional"][name] == 7.5
    checked = run(folder, "-m", "autograder", "check", f"{homework}/{name}", "--fast")
    lines = " ".join(re.sub(r"^ ([✓✗·])", r"\n\1", checked.stdout, flags=re.MULTILINE).split(" ")).splitlines()
    broken = [line for line in lines if line.startswith("✗")]
    wanted = [*UNWRITTEN, *([] if shape == "functions" else [UNMEASURED])]
    assert len(broken) == len(wanted), checked.stdout
    assert all(line.startswith(f"✗ {title[:60]}") for line, title in zip(broken, wanted, strict=True)), broken
    if shape != "functions":
        assert run(folder, "-m", f"{homework}.train", name, "--help").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("shape", FILLED)
def test_checks_of_a_shape_pass_for_a_solution_written_into_its_template(course, shape):
    folder, _ = course
    name, kind = f"{shape}_written", f"{shape.title()}Written"
    assert run(folder, "-m", "autograder", "new", f"hw10/{name}", "--shape", shape).returncode == 0
    solution = folder / "autograder" / "exercises" / name / "solution.py"
    text = solution.read_text().replace("from torch import nn", "import torch\nfrom torch import nn", shape[0] == "r")
    for function, lines in FILLED[shape].items():
        gap = f'        raise NotImplementedError("{kind}.{function} is still to be written")\n'
        assert text.count(gap) == 1
        text = text.replace(gap, textwrap.indent(textwrap.dedent(lines), " " * 8))
    solution.write_text(text)
    result = folder / "result.json"
    options = ("--only", name, "--reference", "--fast", "--json", result)
    graded = run(folder, "-m", "autograder", "hw10", *options)
    checks = json.loads(result.read_text())["exercises"][0]["checks"]
    assert len(checks) > 4, graded.stdout
    assert {check["verdict"] for check in checks} == {"PASS"}, graded.stdout


def test_an_exercise_of_characters_in_a_homework_without_a_training_program_says_so(course):
    folder, _ = course
    done = run(folder, "-m", "autograder", "new", "hw10/alone", "--shape", "episodic")
    assert done.returncode == 0 and "It has no learner.py: hw10/training.py, " in done.stdout
    assert not (folder / "autograder" / "exercises" / "alone" / "learner.py").exists()


def test_shape_and_points_are_an_exercises():
    for arguments, said in (
        (("hw3", "gradient", None), "--shape and --points are for an exercise, as hw3/my_method."),
        (("hw2/my_method", None, 1 / 3), "--points 0.333333: points have at most two decimals."),
    ):
        with pytest.raises(click.UsageError) as error:
            new.begin(*arguments)
        assert error.value.message == said


def test_what_is_there_is_not_written_over(course):
    folder, _ = course
    stub = (folder / "hw10" / "descent.py").read_text()
    for name, there in (("hw10/descent", "autograder/exercises/descent"), ("hw10", "hw10/__init__.py")):
        done = run(folder, "-m", "autograder", "new", name)
        assert done.returncode == 4 and f"{there} is there already; nothing was written." in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (folder / "hw10" / "descent.py").read_text() == stub


def test_who_makes_the_folders_first_reads_a_sentence(course):
    folder, _ = course
    (folder / "hw11").mkdir()
    (folder / "hw12").write_text("a file")
    (folder / "autograder" / "exercises" / "early").mkdir()
    try:
        for name, status, said in (
            ("hw12", 4, "hw12 is no folder; nothing was written."),
            ("hw11/early", 4, "There is no homework hw11; there are hw1, hw2, hw10. `python -m autograder new hw11` b"),
            ("hw10/early", 4, "autograder/exercises/early is there already; nothing was written."),
            ("hw11", 0, ""),
        ):
            done = run(folder, "-m", "autograder", "new", name)
            assert (done.returncode, said in done.stderr, len(done.stderr.splitlines())) == (
                status,
                True,
                int(bool(said)),
            )
        assert "hw11" in run(folder, "-m", "autograder", "--help").stdout
    finally:
        shutil.rmtree(folder / "hw11")
        (folder / "hw12").unlink()
        (folder / "autograder" / "exercises" / "early").rmdir()


@pytest.mark.slow
def test_an_exercise_filled_in_as_contributing_says_is_graded(course):
    folder, _ = course
    exercise = folder / "autograder" / "exercises" / "descent"
    for path in (path for path in WRITTEN.iterdir() if path.is_file()):
        shutil.copy(path, exercise)
    assert "WRITE" not in "".join(path.read_text(encoding="utf-8") for path in exercise.glob("*.*"))
    assert run(folder, "-m", "autograder", "write").returncode == 0
    for options, earned in ((["--reference"], 10), ([], 0)):
        result = folder / "result.json"
        graded = run(folder, "-m", "autograder", "hw10", "--only", "descent", "--json", result, *options)
        checks = json.loads(result.read_text())["exercises"][0]["checks"]
        assert round(sum(check["points"] for check in checks if check["verdict"] == "PASS"), 2) == earned, graded.stdout
    mutants = run(folder, "-m", "autograder", "mutants", "hw10", "--only", "descent", "--jobs", "1")
    assert mutants.returncode == 0, mutants.stdout + mutants.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("descent", "A homework is named by a number, as hw3, and an exercise as hw3/my_method; not descent."),
        ("hw0", "not hw0."),
        ("hw2/Descent-2", "not hw2/Descent-2"),
        ("hw2/class", "not hw2/class"),
        ("hw2/a/b", "not hw2/a/b"),
        ("hw9/descent", "There is no homework hw9; there are hw1, hw2."),
        (f"hw2/{THERE}", f"autograder/exercises/{THERE} is there already"),
        (f"hw1/{THERE}", f"To have it in hw1, add {THERE} to hw1/homework.toml."),
        ("hw2/util", "hw2/util.py is there already"),
        ("hw2", "hw2/__init__.py is there already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name, said):
    with pytest.raises(click.UsageError) as error:
        new.begin(name)
    assert said in error.value.message


A = "required = {a = 1}"


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (f"title = 'x'\n# mine\n{A}\n", f"title = 'x'\n# mine\n{A}\noptional = {{ new = 10 }}\n"),
        (
            f"title = 'x'\noptional = {{b = 2}}  # mine\n{A}",
            f"title = 'x'\noptional = {{b = 2, new = 10 }}  # mine\n{A}",
        ),
        ("title = 'x'\n[required]\na = 1\n", 'title = "x"\nrequired = { a = 1 }\noptional = { new = 10 }\n'),
    ],
)
def test_a_list_keeps_its_form_where_it_can(text, changed):
    optional = {"b": 2.0, "new": 10.0} if "b =" in text else {"new": 10.0}
    assert new._listing(text, Homework("x", {"a": 1.0}, optional), "new") == changed
