"""A homework's answers.md: its written questions, with room below each."""

from autograder.grading.catalog import Exercise
from autograder.instructor.texts import task

HEAD = """\
# Answers, {homework}

Write below each question: the numbers and curves that it asks for, and about three sentences. A curve is a picture in
this folder, as `![what it shows](curve.png)`. This command packs this file, the pictures that it shows, and your code:

    python -m autograder submit {homework}

Or hand in `{homework}/answers.pdf` instead.
"""


def template(homework: str, listed: list[Exercise]) -> str:
    """Write the file as students get it.

    Raises:
        SourceError: a text cannot be used.
    """
    asked = [(exercise, question) for exercise in listed for question in task.questions(exercise, listed)]
    parts = [HEAD.format(homework=homework)]
    for number, (exercise, question) in enumerate(asked, start=1):
        quoted = "\n".join(f"> {line}".rstrip() for line in question.splitlines())
        parts.append(f"## {number}{'' if exercise.required else ' (optional)'}\n\n{quoted}\n\n")
    return "\n".join(parts).rstrip("\n") + "\n"
