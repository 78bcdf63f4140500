"""The program python -m hw2.runs: runs what the written questions of a homework need, and lays down what they gave.

Each run is one of the training program, in a process of its own. What there is to do is read off the runs' folders, so
the same command goes on wherever it was stopped.
"""

import contextlib
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import click

from autograder.exit_status import FULL_MARKS, LESS
from autograder.grading.catalog import CatalogError, Exercise
from autograder.paths import COURSE
from autograder.student import question_runs, run_results, run_states, run_times
from autograder.student.question_runs import Evaluation, Question, Training
from autograder.student.submit import TODO
from data import copies, output

STOPPED = 130
WIDTH = 79  # columns of what is shown
HELP = """Run what the written questions need: all of them, or those whose NUMBERS are given.

First the plan is shown, with the time that each run takes on this machine. Ctrl-C stops; the same command goes on.
Curves and numbers go under the questions in {homework}/answers.md.
"""


def program(homework: str) -> click.Command:
    """Make the program of a homework."""

    @click.command(help=HELP.format(homework=homework))
    @click.argument("numbers", nargs=-1, type=click.IntRange(min=1))
    @click.option("--list", "only_list", is_flag=True, help="Show the plan, and run nothing of it.")
    @click.option(
        "--device",
        type=click.Choice(["cpu", "cuda", "mps", "auto"]),
        default="cpu",
        show_default=True,
        help="What computes; auto takes a GPU where PyTorch finds one.",
    )
    @click.option(
        "--data",
        default=run_states.OMNIGLOT,
        show_default=True,
        help="omniglot, glyphs (drawn offline) or a folder.",
    )
    def main(numbers: tuple[int, ...], only_list: bool, device: str, data: str) -> None:
        output.for_any_terminal()
        if standing := copies.other([f"{homework}/train.py"], COURSE):
            raise click.ClickException(copies.warning(standing, COURSE))
        if data not in (run_states.OMNIGLOT, "glyphs") and Path(data).is_dir():
            data = str(Path(data).resolve())
        try:
            listed = question_runs.questions(homework)
        except CatalogError as error:
            raise click.ClickException(str(error)) from None
        for number in numbers:
            if number > len(listed):
                there = f"they are 1 to {len(listed)}" if listed else "there is none"
                raise click.UsageError(f"{homework} has no question {number}: {there}.")
        chosen = [question for question in listed if not numbers or question.number in numbers]
        runs = Runs(homework, device, data, [question.title for question in listed])
        try:
            status = runs.go(chosen, only_list)
        except KeyboardInterrupt:
            click.echo("Stopped. The same command goes on.", err=True)
            status = STOPPED
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'A file'} cannot be written: {error.strerror}.") from None
        sys.exit(status)

    return main


class Runs:
    """The runs of a homework's questions.

    Args:
        homework: "hw1" or "hw2".
        device: that computes.
        data: the drawings.
        titles: of all questions of the homework.
    """

    def __init__(self, homework: str, device: str, data: str, titles: list[str]):
        self.homework, self.device, self.data, self.titles = homework, device, data, titles
        self.times = run_times.Times(device)
        self.failures: dict[str, str] = {}  # why a training, by its label, is not done: sentences
        self.failed_tests: dict[str, str] = {}

    def go(self, questions: list[Question], only_list: bool) -> int:
        """Show the plan and run what is to do; returns the exit status.

        Raises:
            KeyboardInterrupt: Ctrl-C stopped it.
        """
        self._look_for_gaps(questions)
        self._measure(questions)
        self._show(questions)
        said = set(self.failures.values())
        if only_list:
            return FULL_MARKS
        for question in questions:
            for training in question.trainings:
                self._train(training)
            for test in question.tests:
                self._test(test)
            run_results.lay(self.homework, question, self.titles, self.data)
        for sentence in dict.fromkeys((*self.failures.values(), *self.failed_tests.values())):
            if sentence not in said:
                click.echo(_filled(sentence), err=True)
        return LESS if self.failures or self.failed_tests else FULL_MARKS

    def _to_do(self, questions: list[Question]) -> list[Training]:
        """The trainings that are not finished, or lack a test."""
        untested = [
            test.training for each in questions for test in each.tests if not run_states.result(test, self.data)
        ]
        return [
            training
            for training in _trainings(questions)
            if training in untested or not run_states.state(training, self.data).finished
        ]

    def _look_for_gaps(self, questions: list[Question]) -> None:
        for training in self._to_do(questions):
            if left := _gaps(training.exercise):
                todo = "a TODO" if left == 1 else f"{left} TODOs"
                self.failures[training.label] = f"{training.exercise.file} has {todo} left: its runs wait for that."

    def _measure(self, questions: list[Question]) -> None:
        """Measure what is to do and was never measured on this machine."""
        tests = {test.training: test for question in questions for test in reversed(question.tests)}
        new = [
            training
            for training in self._to_do(questions)
            if training.label not in self.failures and self.times.training(training) is None
        ]
        if new:
            click.echo("Each training is tried for some seconds, once, to tell how long it takes here:")
        broken: dict[Exercise, str] = {}
        for training in new:
            if reason := broken.get(training.exercise):
                self.failures[training.label] = reason
                continue
            click.echo(f"  {training.label}")
            try:
                measured = run_times.measure(
                    lambda *words, training=training: self._line(training, *words),
                    training,
                    tests.get(training),
                )
                self.times.measured(training, measured)
            except run_times.RunError as error:
                self.failures[training.label] = f"{training.label} cannot be run: {error}."
                if not error.began:  # so it is with all that this method trains
                    method = training.exercise.name
                    broken[training.exercise] = self.failures[training.label] = f"{method} cannot be run: {error}."

    def _show(self, questions: list[Question]) -> None:
        shown: dict[Training | Evaluation, int] = {}
        to_do: list[float | None] = []
        for question in questions:
            click.echo(f"\n{question.number}. {question.title}{' (optional)' if question.optional else ''}")
            for training in question.trainings:
                runs: list[Training | Evaluation] = [training, *question.tests_of(training)]
                for run in runs:
                    text, waits, seconds = self._outlook(run)
                    if waits and run in shown:
                        text, seconds = f"as in {shown[run]}", None
                    elif waits:
                        to_do.append(seconds)
                    shown.setdefault(run, question.number)
                    label = f"  test {' '.join(run.words)}".rstrip() if isinstance(run, Evaluation) else training.label
                    click.echo(f"   {label:41} {text:16} {run_times.in_words(seconds)}".rstrip())
            if question.by_hand:
                click.echo(_filled(f"By hand: {question.by_hand}", "   "))
        for sentence in self._notes(questions):
            click.echo("\n" + _filled(sentence))
        if not to_do:
            click.echo(f"\nNothing {'can be run' if self.failures else 'is to do'}.")
            return
        known = [seconds for seconds in to_do if seconds is not None]
        least = "" if len(known) == len(to_do) else ", and those without a time"
        many = f"{len(to_do)} run{'s' * (len(to_do) != 1)}"
        click.echo(f"\nTo do: {many}, {run_times.in_words(sum(known))} in all{least}.")

    def _notes(self, questions: list[Question]) -> Iterator[str]:
        """What is to be said of the plan: what cannot be run, and what was trained with other code."""
        yield from dict.fromkeys(self.failures.values())
        for training in _trainings(questions):
            state = run_states.state(training, self.data)
            folder = run_states.folder_of(training, self.data).relative_to(COURSE).as_posix()
            if state.changed and training.label not in self.failures:
                yield f"{training.label} was begun with other words than it has now: it is trained anew."
            elif state.finished and state.other_code:
                yield (
                    f"{training.exercise.file} has changed since {training.label} was trained; to train it anew, "
                    f"remove {folder}."
                )

    def _outlook(self, run: Training | Evaluation) -> tuple[str, bool, float | None]:
        """A run's state in words, whether it is to be run now, and the seconds that it takes, where these are known."""
        training = run.training if isinstance(run, Evaluation) else run
        state = run_states.state(training, self.data)
        if isinstance(run, Evaluation):
            found = run_states.result(run, self.data)
            text, finished, seconds = run_results.score(found) if found else "to do", bool(found), self.times.test(run)
        else:
            known = self.times.training(training)
            seconds = known.remaining(training, 0 if state.changed else state.done) if known else None
            text, finished = str(state), state.finished
        if finished:
            return text, False, None
        return ("cannot be run", False, None) if training.label in self.failures else (text, True, seconds)

    def _train(self, training: Training) -> None:
        state = run_states.state(training, self.data)
        if state.finished or training.label in self.failures:
            return
        folder = run_states.folder_of(training, self.data)
        words = [*run_states.words_of(training, self.data), "--log-dir", folder.relative_to(COURSE).as_posix()]
        if state.changed:
            words.append("--restart")
        elif state.done:
            words.append("--resume")
        if not state.done or state.changed:
            run_states.begin(training, self.data)
        if status := self._run(training, words):
            self.failures[training.label] = f"{training.label} failed with exit status {status}: it is said above why."

    def _test(self, test: Evaluation) -> None:
        if test.training.label in self.failures or run_states.result(test, self.data):
            return
        best = run_states.folder_of(test.training, self.data) / "best.safetensors"
        words = ["--test", "--checkpoint", best.relative_to(COURSE).as_posix(), *test.words]
        begun = time.monotonic()
        if status := self._run(test.training, words):
            self.failed_tests[test.label] = (
                f"The test of {test.label} failed with exit status {status}: it is said above why."
            )
        else:
            self.times.tested(test, time.monotonic() - begun)

    def _run(self, training: Training, words: list[str]) -> int:
        """Run the training program; returns its exit status.

        Raises:
            KeyboardInterrupt: Ctrl-C stopped it, and it has saved what it did.
        """
        method = training.exercise.name
        click.echo(f"\npython -m {self.homework}.train {method} {' '.join(map(shlex.quote, words))}")
        sys.stdout.flush()
        with _interrupts_are_heard() as heard:
            status = subprocess.Popen(self._line(training, *words), cwd=COURSE).wait()
        if heard or status == STOPPED:
            raise KeyboardInterrupt
        return status

    def _line(self, training: Training, *words: str) -> list[str]:
        line = [sys.executable, "-m", f"{self.homework}.train", training.exercise.name, *words]
        drawings = [] if self.data == run_states.OMNIGLOT or "--data" in words else ["--data", self.data]
        return [*line, *([] if "--test" in words else drawings), "--device", self.device]


@contextlib.contextmanager
def _interrupts_are_heard() -> Iterator[list[int]]:
    """Leave Ctrl-C to the process that runs, which saves its work; yields a list that holds the signal if it came."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def _filled(sentence: str, indent: str = "") -> str:
    return textwrap.fill(
        sentence, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _trainings(questions: list[Question]) -> list[Training]:
    """All trainings of some questions, each once."""
    return list(dict.fromkeys(training for question in questions for training in question.trainings))


def _gaps(exercise: Exercise) -> int:
    """How many TODOs a student's file has left; 0 where the file is missing, which the run itself says."""
    path = COURSE / exercise.file
    return len(TODO.findall(path.read_bytes())) if path.is_file() else 0
