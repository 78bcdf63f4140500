"""The files of a handout: what students get of this course, and answers in the place of solutions."""

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import jinja2
import msgspec

from autograder import __version__, manifest
from autograder.catalog import COURSE, GRADER, Exercise, exercises
from autograder.instructor import github, regions
from autograder.instructor.handout.record import record
from autograder.manifest import Manifest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Files = dict[str, bytes]

HIDDEN = {"solution", "mutants"}  # parts of an exercise
CODE = {".py", ".ini", ".j2"}
DATA = {".json", ".safetensors"}


def build(
    homework: str,
    *,
    seed: int,
    term: str = "",
    due: str = "",
    observe: Callable[[str], None] = lambda doing: None,
) -> Files:
    """A handout.

    Args:
        homework: "hw1" or "hw2".
        seed: whose questions are answered; students read it.
        term, due: for people.
        observe: is told what is done.

    Returns:
        Contents by name.

    Raises:
        regions.RegionError: a solution has markers that do not pair up.
        record.RecordError: a reference does not pass its own checks.
    """
    files = dict(_given(homework)) | dict(_engine())
    for exercise in exercises(homework):
        observe(f"answers of {exercise.name}")
        files |= _exercise(exercise, seed)
    told = Manifest(homework=homework, version=_version(files), term=term, due=due, seed=seed, files={})
    files |= _papers(told)
    told.files = {name: manifest.digest(content) for name, content in sorted(files.items())}
    return files | {manifest.PATH: msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"}


def _given(homework: str) -> Iterator[tuple[str, bytes]]:
    """The homework's folder but for what is generated, and the packages it uses."""
    stubs = {exercise.file for exercise in exercises(homework)}
    for folder in (homework, "data", "trainer"):
        for path in sorted((COURSE / folder).iterdir()):
            name = f"{folder}/{path.name}"
            if path.suffix in {".py", ".md", ".ipynb"} and name not in stubs:
                yield name, path.read_bytes()


def _engine() -> Iterator[tuple[str, bytes]]:
    """The grader without what is the instructor's, and without any exercise."""
    for path in sorted(GRADER.rglob("*")):
        inside = path.relative_to(GRADER)
        if path.suffix in CODE and inside.parts[0] != "instructor" and not inside.parts[0].startswith("hw"):
            yield f"autograder/{inside.as_posix()}", path.read_bytes()


def _exercise(exercise: Exercise, seed: int) -> Files:
    """The stub, and of the exercise's folder what its checks and its probe need."""
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    stub = regions.stub(solution, f"{exercise.name}/solution.py").encode()
    inside = f"autograder/{exercise.homework}"
    files = {exercise.file: stub, f"{manifest.BASES}/{exercise.file}": stub}
    files[f"{inside}/__init__.py"] = (exercise.folder.parent / "__init__.py").read_bytes()
    for path in sorted(exercise.folder.iterdir()):
        if (path.suffix == ".py" and not _tells(path)) or path.suffix in DATA:
            files[f"{inside}/{exercise.name}/{path.name}"] = path.read_bytes()
    for name, content in record(exercise, seed).items():
        files[f"{inside}/{exercise.name}/{name}"] = content
    thresholds = f"{inside}/{exercise.name}/thresholds.json"
    if thresholds in files:
        files[thresholds] = _without_mutants(files[thresholds])
    return files


def _tells(path: Path) -> bool:
    """Whether a module of an exercise holds, or works with, what students are not to see."""
    imports = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
    ]
    return path.stem in HIDDEN or any(
        (node.module or "").startswith("autograder.instructor") or HIDDEN & {name.name for name in node.names}
        for node in imports
    )


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
        "torch": next(line for line in project["dependencies"] if line.startswith("torch")),
        "files": [exercise.file for exercise in exercises(told.homework)],
        "points": {exercise.file: exercise.title for exercise in exercises(told.homework)},
    }
    return {
        "README.md": pages.get_template("README.md.j2").render(given).encode(),
        "pyproject.toml": pages.get_template("pyproject.toml.j2").render(given).encode(),
        "environment.yml": (COURSE / "environment.yml").read_bytes(),
        github.WORKFLOW: github.workflow(told.homework).encode(),
    }
