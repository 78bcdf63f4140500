"""The files of a handout: what students get of this course, and answers in the place of solutions."""

import concurrent.futures
import functools
import hashlib
import sys
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from autograder import __version__, manifest
from autograder.grading import catalog
from autograder.grading.catalog import LIST, Exercise, Homework, exercises, homeworks
from autograder.instructor import generated, github
from autograder.instructor.handout import carried
from autograder.instructor.handout.record import record
from autograder.instructor.texts import colab
from autograder.manifest import Manifest
from autograder.paths import COURSE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Files = dict[str, bytes]

CHUNK = 8  # mistakes that a process is given at a time

# What a student's git leaves out: what programs make, and nothing that is handed in.
IGNORED = """\
.venv/
__pycache__/
*.egg-info/
.ipynb_checkpoints/
.pytest_cache/
.autograder/
data/omniglot*/
data/glyphs*/
data/*.zip
logs/
*-submission.zip
"""
# VS Code: the folder's own Python, and each check in the test explorer but for those that train.
EDITOR = {
    "python.defaultInterpreterPath": ".venv",
    "python.testing.pytestEnabled": True,
    "python.testing.unittestEnabled": False,
    "python.testing.pytestArgs": ["-m", "not trains"],
    "files.exclude": {"**/__pycache__": True, "**/*.egg-info": True},
}


class CarryError(Exception):
    """A file that is to be carried and cannot be; the message says why."""


def build(
    homework: str,
    *,
    seed: int,
    listed: Homework | None = None,
    carry: Iterable[Path] = (),
    observe: Callable[[str], None] = lambda doing: None,
) -> Files:
    """A handout.

    Args:
        homework: "hw1" or "hw2".
        seed: whose questions are answered; students read it.
        listed: what the handout has, its term and its due date; what the homework's list says if left out.
        carry: more files of the course folder.
        observe: is told what is done.

    Returns:
        Contents by name.

    Raises:
        CarryError: a file that is to be carried is not in the course folder, or is the instructor's.
        SourceError: a text cannot be used.
        solution_regions.RegionError: a solution has markers that do not pair up.
        record.RecordError: a reference does not pass its own checks.
    """
    listed = listed or catalog.homework(homework)
    edited = {exercise.file for exercise in exercises(homework)}
    workers = concurrent.futures.ProcessPoolExecutor(mp_context=get_context("spawn"))  # started where one is needed
    with catalog.replaced(homework, listed), workers:
        many = functools.partial(workers.map, chunksize=CHUNK)
        modules = [name for name in carried.modules(homework) if name not in edited]
        files = {name: (COURSE / name).read_bytes() for name in modules} | generated.files(homework) | _named(carry)
        files[f"{homework}/{LIST}"] = catalog.write(listed).encode()
        for exercise in exercises(homework):
            observe(f"answers of {exercise.name}")
            files[f"{manifest.BASES}/{exercise.file}"] = files[exercise.file]
            files |= _exercise(exercise, seed, many)
        version = _version(files)
        told = Manifest(homework=homework, version=version, term=listed.term, due=listed.due, seed=seed, files={})
        files |= _papers(told)
    told.files = {name: manifest.digest(content) for name, content in sorted(files.items())}
    return files | {manifest.PATH: msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"}


def _named(carry: Iterable[Path]) -> Files:
    """Files that the instructor names, by their names in the course folder."""
    files = {}
    for path in carry:
        place = path.resolve()
        if not place.is_file() or not place.is_relative_to(COURSE):
            raise CarryError(f"{path} cannot be carried: it is no file in {COURSE}.")
        name = place.relative_to(COURSE).as_posix()
        if name.startswith("autograder/") or name in {e.file for hw in homeworks() for e in exercises(hw)}:
            raise CarryError(f"{name} cannot be carried: the grader and the students' files are a handout's own.")
        files[name] = place.read_bytes()
    return files


def unaccounted(files: Files) -> list[str]:
    """Names of files for which the manifest does not account, byte for byte, and of those it has that are not there."""
    told = manifest.read(files[manifest.PATH])
    digests = {name: manifest.digest(content) for name, content in files.items() if name != manifest.PATH}
    return sorted(name for name, _ in told.files.items() ^ digests.items())


def _exercise(exercise: Exercise, seed: int, many: Callable[..., Iterable[Any]]) -> Files:
    """Of the exercise's folder what its checks and its probe need, and recorded answers."""
    files = {f"{exercise.place}/{name}": (exercise.folder / name).read_bytes() for name in carried.parts(exercise)}
    for name, content in record(exercise, seed, many).items():
        files[f"{exercise.place}/{name}"] = content
    thresholds = f"{exercise.place}/thresholds.json"
    if thresholds in files:
        files[thresholds] = _without_mutants(files[thresholds])
    return files


def _without_mutants(thresholds: bytes) -> bytes:
    """Thresholds without the names of the mutants they were held against."""
    table = msgspec.json.decode(thresholds)
    for sources in table.values():
        for threshold in sources.values():
            threshold.pop("mutants", None)
    return msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n"


def _version(files: Files) -> str:
    """The course's version, and a digest of what students get."""
    content = hashlib.sha256()
    for name in sorted(files):
        content.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return f"{__version__}+{content.hexdigest()[:8]}"


def _papers(told: Manifest) -> Files:
    """What stands at the top: README, environment, project; and the workflow of GitHub Classroom."""
    project = tomllib.loads((COURSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    given = {
        "manifest": told,
        "project": project,
        "badge": colab.badge(told.homework, f"{told.homework}/"),
        "torch": next(line for line in project["dependencies"] if line.startswith("torch")),
        "files": [exercise.file for exercise in exercises(told.homework) if exercise.required],
        "optional": [exercise.file for exercise in exercises(told.homework) if not exercise.required],
    }
    return {
        "README.md": pages.get_template("README.md.j2").render(given).encode(),
        "pyproject.toml": pages.get_template("pyproject.toml.j2").render(given).encode(),
        ".gitignore": IGNORED.encode(),
        ".vscode/settings.json": msgspec.json.format(msgspec.json.encode(EDITOR), indent=2) + b"\n",
        "environment.yml": (COURSE / "environment.yml").read_bytes(),
        github.WORKFLOW: github.workflow(told.homework).encode(),
    }
