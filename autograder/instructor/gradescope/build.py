"""autograder.zip: what Gradescope unpacks into /autograder/source."""

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import click

from autograder.instructor.gradescope import results
from autograder.instructor.handout.build import build
from autograder.intake import archives
from autograder.paths import COURSE
from autograder.report import terminal
from autograder.writing import write_whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest needs there

HERE = Path(__file__).parent
SCRIPTS = frozenset({"setup.sh", "run_autograder"})
PROGRAM = ("__init__.py", "program.py", "results.py")
KINDS = (".py", ".ini", ".j2", ".json", ".toml", ".safetensors")  # of files that the course runs on


def write(homework: str, out: Path, seed: int | None, minutes: int = 10, memory: int = 768) -> int:
    """Write the archive for a homework; returns the exit status.

    Args:
        homework: "hw1" or "hw2".
        out: the archive.
        seed: of the inputs of all submissions; None for a new one.
        minutes: that Gradescope gives a submission.
        memory: of its container, MB.
    """
    if out.suffix != ".zip" or out.is_dir() or not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out names the archive, as autograder.zip in a folder that is there, not {out}.")
    chosen = secrets.randbelow(2**62) if seed is None else seed
    with terminal.console(stderr=True).status("") as doing:
        content = archive(homework, chosen, minutes, memory, lambda what: doing.update(f"recording {what}"))
    write_whole(out, content)
    click.echo(
        f"{out}: {homework}, {len(content) / 1e6:.1f} MB, seed {chosen}. It holds no solution, but answers to hidden "
        "inputs: keep it from\nstudents. Upload it as the autograder of a programming assignment, on a base image of "
        "Ubuntu 22.04 or newer."
    )
    return 0


def archive(
    homework: str,
    seed: int,
    minutes: int = 10,
    memory: int = 768,
    observe: Callable[[str], None] = lambda doing: None,
) -> bytes:
    """The archive: scripts, program, settings, and in course/ a handout's grader with answers for a seed of its own.

    Raises:
        handout.record.RecordError: a reference does not pass its own checks.
    """
    with (COURSE / "pyproject.toml").open("rb") as file:
        needed = tomllib.load(file)["project"]["dependencies"]
    settings = {"homework": homework, "seed": seed, "minutes": minutes, "memory": memory}
    members = {name: (HERE / name).read_bytes() for name in SCRIPTS}
    members |= {f"gradescope/{name}": (HERE / name).read_bytes() for name in PROGRAM}
    for name, content in build(homework, seed=seed, observe=observe).items():
        if name.startswith(("autograder/", "data/", f"{homework}/")) and name.endswith(KINDS):
            members[f"course/{name}"] = content
    members["settings.json"] = json.dumps(settings).encode()
    members["unfinished.json"] = json.dumps(results.unfinished(), indent=2).encode()
    members["requirements.txt"] = "\n".join([*needed, ""]).encode()
    return archives.pack(members, executable=SCRIPTS)
