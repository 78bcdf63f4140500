"""Which runs the written questions of a homework need: what the runs.toml of its exercises say.

A runs.toml lies beside the exercise's checks. It has named trainings, words of the training program after the method,
and the questions of the exercise in their order, each found by its bold words:

    [train]
    base = "--num-way 5 --num-iterations 2000"

    [[question]]
    title = "As $N$ grows."
    curve = ["base"]
    test = ["base --num-way 10", "base --num-way 20"]

    [[question]]
    title = "Which one?"
    by_hand = "It asks for what the other questions measured."

A question that is asked only where the homework has other exercises too names these, `with = ["other"]`, and may use
their trainings, as "other/base".
"""

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from autograder.grading.catalog import CatalogError, Exercise, exercises

FILE = "runs.toml"
ITERATIONS = "--num-iterations"
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What a runs.toml says of a question.

    Attributes:
        title: its bold words, with the mark at their end.
        curve: trainings whose curves it asks for.
        test: a training, and what is added to the words of its test.
        needs: other exercises without which it is not asked; "with" in the file.
        by_hand: why it needs no run, or what of it no command can run.
    """

    title: str
    curve: list[str] = []
    test: list[str] = []
    needs: list[str] = msgspec.field(default_factory=list, name="with")
    by_hand: str = ""


class Listed(msgspec.Struct, forbid_unknown_fields=True):
    """What a runs.toml says.

    Attributes:
        train: words of the training program by the training's name.
        question: the questions in their order.
    """

    train: dict[str, str] = {}
    question: list[Asked] = []


class Training(NamedTuple):
    """A training that a question needs.

    Attributes:
        exercise: whose code it trains; its name is the method's.
        name: among the trainings of this exercise.
        words: of the training program, after the method.
    """

    exercise: Exercise
    name: str
    words: tuple[str, ...]

    @property
    def label(self) -> str:
        """Method and name, as the run's folder and picture are called."""
        return f"{self.exercise.name}-{self.name}"

    @property
    def iterations(self) -> int:
        """When it ends."""
        return int(self.words[self.words.index(ITERATIONS) + 1])


class Evaluation(NamedTuple):
    """A test that a question needs.

    Attributes:
        training: whose best checkpoint is tested.
        words: that are added to the test.
    """

    training: Training
    words: tuple[str, ...]

    @property
    def label(self) -> str:
        """The training's label, and the words."""
        return " ".join([self.training.label, *self.words])


class Question(NamedTuple):
    """A written question.

    Attributes:
        number: as in answers.md.
        title: its bold words.
        optional: whether its exercise is.
        curves: the trainings whose curves it asks for.
        tests: whose numbers it asks for.
        by_hand: what no command can run, and why; "" if nothing is left to do by hand.
    """

    number: int
    title: str
    optional: bool
    curves: tuple[Training, ...]
    tests: tuple[Evaluation, ...]
    by_hand: str

    @property
    def trainings(self) -> tuple[Training, ...]:
        """All that it needs, each once."""
        return tuple(dict.fromkeys((*self.curves, *(test.training for test in self.tests))))

    def tests_of(self, training: Training) -> list[Evaluation]:
        """Return the tests of a training."""
        return [test for test in self.tests if test.training == training]


def questions(homework: str) -> list[Question]:
    """Return the written questions of a homework, numbered as in its answers.md.

    Raises:
        CatalogError: the homework's list or a runs.toml cannot be used.
    """
    listed = {exercise.name: exercise for exercise in exercises(homework)}
    found: list[Question] = []
    for exercise in listed.values():
        for asked in read(exercise).question:
            if set(asked.needs) <= listed.keys():
                curves = tuple(_training(exercise, asked, words, listed)[0] for words in asked.curve)
                tests = tuple(Evaluation(*_training(exercise, asked, words, listed)) for words in asked.test)
                found.append(Question(len(found) + 1, asked.title, not exercise.required, curves, tests, asked.by_hand))
    return found


def read(exercise: Exercise) -> Listed:
    """Read the runs.toml of an exercise; one without the file has no questions.

    Raises:
        CatalogError: it cannot be used; the message says why.
    """
    path, place = exercise.folder / FILE, f"{exercise.place}/{FILE}"
    try:
        listed = msgspec.toml.decode(path.read_bytes(), type=Listed)
    except FileNotFoundError:
        return Listed()
    except OSError as error:
        raise CatalogError(f"{place} cannot be read: {error.strerror}.") from None
    except msgspec.ValidationError as error:
        raise CatalogError(f"{place} is not as it must be: {error}.") from None
    except ValueError as error:  # DecodeError and UnicodeDecodeError are such
        raise CatalogError(f"{place} is not TOML: {error}.") from None
    for sentence in _wrong(listed):
        raise CatalogError(f"{place}: {sentence}")
    return listed


def _wrong(listed: Listed) -> Iterator[str]:
    for name, text in listed.train.items():
        if not NAME.fullmatch(name):
            yield f"the training {name!r} is to be named by small letters, digits and _, as base."
        if not re.search(rf"(^|\s){ITERATIONS} [1-9]\d*(\s|$)", text):
            yield f"the training {name} has no {ITERATIONS} NUMBER, which says when it ends."
        if not _can_be_split(text):
            yield f"the training {name} has a quotation mark too many."
    for asked in listed.question:
        if not (asked.curve or asked.test or asked.by_hand):
            yield f"the question {asked.title!r} names no run, and no by_hand says why."
        for text in (*asked.curve, *asked.test):
            if not text.split() or not _can_be_split(text):
                yield f"the question {asked.title!r} has {text!r} in the place of a training's name and words."
        for text in asked.curve:
            if len(text.split()) > 1:
                yield f"the question {asked.title!r} asks for the curve of {text!r}: a training's name alone."


def _can_be_split(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def _training(
    exercise: Exercise, asked: Asked, text: str, listed: dict[str, Exercise]
) -> tuple[Training, tuple[str, ...]]:
    """The training that a question's text names, and the words that follow the name."""
    place = f"{exercise.place}/{FILE}: the question {asked.title!r}"
    named, *words = shlex.split(text)
    owner, _, name = named.rpartition("/")
    if owner and owner not in asked.needs:
        raise CatalogError(f'{place} uses {named}, and has no with = ["{owner}"].')
    owning = listed[owner] if owner else exercise
    trainings = read(owning).train
    if name not in trainings:
        there = ", ".join(trainings) or "none"
        raise CatalogError(f"{place} uses {named}, and {owning.place}/{FILE} has no such training: it has {there}.")
    return Training(owning, name, tuple(shlex.split(trainings[name]))), tuple(words)
