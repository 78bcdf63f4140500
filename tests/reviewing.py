"""A graded class with its submissions, for tests of the review pages: nothing is graded for it."""

import base64
import json
import zipfile

from autograder.grading import catalog
from autograder.grading.checks import described
from autograder.instructor.classroom import class_rows, layouts, pages, similar
from autograder.instructor.classroom.result_store import Remembered, Settings, Store
from autograder.results import ExerciseResult, Report, Verdict

HOMEWORK = "hw2"
EVIL = "</script></pre><img src=x onerror=alert(1)>"
FIRST, SECOND = [exercise for exercise in catalog.exercises(HOMEWORK) if exercise.required][:2]
CHECK, OTHER = described(FIRST)[:2]
LINE = 3  # that a failure names
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CODE = f"import torch\n\ndef broken(): pass  # {EVIL} \u202e\nx = 1\n"
PICTURES = "![curve](curve.png) ![away](../../secret.png)"
ANSWERS = f"# Answers\n\n## 1\n\n> The question.\n\nIt grows. {EVIL}\n\n{PICTURES}\n\n## 2\n\nNo.\n"


def judged(*failed, evil=False):
    """A report in which all passes but some checks of the first exercise."""
    results = []
    for exercise in (FIRST, SECOND):
        checks = described(exercise)
        for check in checks:
            check.verdict = Verdict.PASS
            if exercise is FIRST and check.name in failed:
                check.verdict = Verdict.WRONG
                check.message = f"Seen 1, expected 2 at {FIRST.file}, line {LINE}: {EVIL if evil else 'x'}"
                check.printed = f"printed {EVIL if evil else 'words'}"
                check.likely = "You would get this if it were averaged."
        flags = [f"{exercise.file}, line 4 is odd: {EVIL}"] if evil and exercise is FIRST else []
        results.append(
            ExerciseResult(name=exercise.name, title=exercise.title, file=exercise.file, checks=checks, flags=flags)
        )
    return Report(homework=HOMEWORK, subject="", seed=7, data="glyphs", isolation="isolated", exercises=results)


def hand_in(folder, name, code=CODE, answers=ANSWERS):
    """A student's folder."""
    inside = folder / name / HOMEWORK
    inside.mkdir(parents=True)
    for exercise in (FIRST, SECOND):
        (inside / f"{exercise.name}.py").write_text(code, encoding="utf-8")
    (inside / "answers.md").write_text(answers, encoding="utf-8")
    (inside / "curve.png").write_bytes(PNG)
    return inside


def notebook(*answers):
    """A notebook with a cell for each answer, as the homework's own has them."""
    cells = [
        {"cell_type": "markdown", "id": f"answer-{number}", "metadata": {"tags": ["answer"]}, "source": [text]}
        for number, text in enumerate(answers, start=1)
    ]
    return json.dumps({"cells": [{"cell_type": "markdown", "metadata": {}, "source": "other"}, *cells]})


def graded(folder, names, failed=lambda place: ()):
    """A class of students whose submissions lie beside it, graded; the folder of the class."""
    out, submissions = folder / "out", folder / "submissions"
    submissions.mkdir(exist_ok=True)
    for name in names:
        if not (submissions / name).exists() and not (submissions / f"{name}.zip").exists():
            hand_in(submissions, name)
    rows = class_rows.gather(layouts.find(submissions)[1], [])
    for row in rows:
        row.report = judged(*failed(row.place), evil=row.place == 1)
    store = Store(out)
    with store.opened():
        store.keep(Settings(homework=HOMEWORK, seed=7, options=Remembered(submissions=str(submissions))))
        for _ in pages.keep(out, rows):
            pass
    return out


def keep_similar(out):
    """Similar submissions of the first three."""
    names = [similar.called(row) for row in pages.heads(out)[:3]]
    text = [("mine\n", False), (f"both {EVIL}\n", True)]
    pairs = similar.Pairs([similar.Pair(FIRST.title, 0.9, (names[0], text), (names[1], text))])
    pairs.found, pairs.groups = 1, (similar.Group(FIRST.title, names),)
    similar.keep(out / similar.FILE, pairs)


def zipped(path, files):
    """An archive of texts."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
