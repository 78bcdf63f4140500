"""How long runs take on this machine: measured by short trainings, and remembered in logs/runs/times.json."""

import json
import math
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from autograder.paths import COURSE
from autograder.student import run_states
from autograder.student.question_runs import ITERATIONS, Evaluation, Training
from autograder.writing import write_whole

LONG_ENOUGH, AT_MOST = 6.0, 12.0  # seconds of a short training after its first validation
GIVEN_UP, TEST = 120.0, 60.0  # seconds after which such a training, or its test, is not waited for
INTERVAL = 25  # iterations between validations in it
POLL = 0.005  # seconds


class Time(msgspec.Struct):
    """How long the parts of a training take, in seconds.

    Attributes:
        start: until its first validation begins.
        validation: each.
        iteration: each.
        test: one of its best checkpoint; None where none was measured, or it took too long to wait for it.
    """

    start: float
    validation: float
    iteration: float
    test: float | None = None

    def remaining(self, training: Training, done: int) -> float:
        """Seconds that a training still takes that has done some iterations."""
        words, left = run_states.words_of(training, run_states.OMNIGLOT), training.iterations - done
        validations = math.ceil(left / int(words[words.index(run_states.VAL_INTERVAL[0]) + 1])) + (not done)
        return self.start + left * self.iteration + validations * self.validation


class RunError(Exception):
    """A run that failed; the message is its last line.

    Args:
        message: that line.
        began: whether the training had begun, so that others of the method may be well.
    """

    def __init__(self, message: str, began: bool):
        super().__init__(message)
        self.began = began


class Times:
    """The times that are known of this machine.

    Args:
        device: that computes.
    """

    def __init__(self, device: str):
        self._device, self._path = device, run_states.LOGS / "times.json"
        self._all: dict[str, Any] = {}
        try:
            self._all = msgspec.json.decode(self._path.read_bytes(), type=dict[str, dict[str, Any]])
        except (OSError, msgspec.DecodeError):  # what cannot be read is measured again
            self._all = {}

    def training(self, training: Training) -> Time | None:
        """Return what was measured of a training, if it was."""
        try:
            return msgspec.convert(self._own().get(self._key(training)), Time)
        except msgspec.ValidationError:
            return None

    def test(self, test: Evaluation) -> float | None:
        """Return the seconds of a test: those that it took here before, or else those of another of the training."""
        took = self._own().get(f"{self._key(test.training)} --test {' '.join(test.words)}")
        if isinstance(took, float | int):
            return took
        known = self.training(test.training)
        return known.test if known else None

    def measured(self, training: Training, measured: Time) -> None:
        """Remember what was measured of a training."""
        self._remember(self._key(training), msgspec.to_builtins(measured))

    def tested(self, test: Evaluation, seconds: float) -> None:
        """Remember how long a test took."""
        self._remember(f"{self._key(test.training)} --test {' '.join(test.words)}", round(seconds, 2))

    def _own(self) -> dict[str, Any]:
        found: dict[str, Any] = self._all.setdefault(platform.node() or "this machine", {})
        return found

    def _key(self, training: Training) -> str:
        at = training.words.index(ITERATIONS)
        others = (*training.words[:at], *training.words[at + 2 :])
        return " ".join([self._device, training.exercise.name, *others])

    def _remember(self, key: str, value: Any) -> None:
        self._own()[key] = value
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, json.dumps(self._all, indent=1).encode() + b"\n")


def in_words(seconds: float | None) -> str:
    """Write a duration as people say it: "about 12 min"; "" if it is not known."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"about {hours} h {minutes} min" if hours else f"about {minutes} min"


def measure(command: Callable[..., list[str]], training: Training, test: Evaluation | None) -> Time:
    """Train briefly, and test what came of it.

    Args:
        command: makes the command line of a training from further words.
        training: the training, with its own words.
        test: one of its best checkpoint, if any is asked for.

    Raises:
        RunError: the training fails, or its test.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / "run"
        words = [*training.words, run_states.VAL_INTERVAL[0], str(INTERVAL), "--log-dir", str(folder)]
        with open(Path(temporary) / "output.txt", "w+", encoding="utf-8", errors="replace") as output:
            found = _watch(command(*words), folder / "log.csv", output)
            if test:
                begun = time.monotonic()
                line = command("--test", "--checkpoint", str(folder / "best.safetensors"), *test.words)
                process = _start(line, output)
                try:
                    status = process.wait(TEST)
                except subprocess.TimeoutExpired:
                    return found
                finally:
                    _end(process)
                if status:
                    raise RunError(_last_line(output), began=True)
                found.test = time.monotonic() - begun
        return found


def _watch(line: list[str], log: Path, output: TextIO) -> Time:
    """Start a training, watch its log grow, and end it when enough was seen."""
    begun = time.monotonic()
    rows = _Rows(log)
    process = _start(line, output)
    try:
        while process.poll() is None and not rows.enough():
            rows.read()
            time.sleep(POLL)
        status = process.poll()
    finally:
        _end(process)
    if status:
        raise RunError(_last_line(output), began=bool(rows.seen))
    rows.read()
    rows.close()
    if 1 not in rows.seen:
        raise RunError("it did no iteration in two minutes", began=True)
    iteration, validation = rows.seconds()
    return Time(rows.begun - begun, validation, iteration)


class _Rows:
    """The rows of a log that grows, and when each was seen.

    Attributes:
        begun: when the log was there: the first validation begins.
        seen: the time of each iteration's row.
    """

    def __init__(self, path: Path):
        self._path, self._rest = path, ""
        self._file: TextIO | None = None
        self.begun = time.monotonic()
        self._first = self.begun
        self.seen: dict[int, float] = {}

    def read(self) -> None:
        """Read what is new."""
        if self._file is None:
            if not self._path.is_file():
                return
            self._file, self.begun = open(self._path, encoding="utf-8"), time.monotonic()  # noqa: SIM115
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            number = line.partition(",")[0]
            if number.isdigit():
                self.seen.setdefault(int(number), time.monotonic())

    def close(self) -> None:
        """Close the log, which Windows does not remove while it is open."""
        if self._file:
            self._file.close()

    def enough(self) -> bool:
        """Tell whether what was seen tells the times."""
        now = time.monotonic()
        if now - self._first > GIVEN_UP:
            return True
        lasted = now - self.seen.get(0, now)
        return max(self.seen, default=0) >= 2 and lasted > (LONG_ENOUGH if INTERVAL in self.seen else AT_MOST)

    def seconds(self) -> tuple[float, float]:
        """Return the seconds of an iteration, without those that warm up, and of a validation."""
        plain = [n for n in self.seen if n >= 2 and n - 1 in self.seen and n % INTERVAL and (n - 1) % INTERVAL] or [1]
        iteration = sum(self.seen[n] - self.seen[n - 1] for n in plain) / len(plain)
        validated = [n for n in self.seen if n and n % INTERVAL == 0 and n - 1 in self.seen]
        if not validated:
            return iteration, self.seen[0] - self.begun
        lasted = sum(self.seen[n] - self.seen[n - 1] for n in validated) / len(validated)
        return iteration, max(0.0, lasted - iteration)


def _start(line: Sequence[str], output: TextIO) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(line, cwd=COURSE, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(output: TextIO) -> str:
    """The last line that a program wrote, where click and Python say what was wrong."""
    output.seek(0)
    lines = [line.strip() for line in output.read().splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ").rstrip(".") if lines else "it said nothing"
