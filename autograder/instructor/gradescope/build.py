"""autograder.zip: what Gradescope unpacks into /autograder/source."""

import io
import json
import secrets
import sys
import zipfile
from pathlib import Path

import click

from autograder.catalog import COURSE, homeworks
from autograder.commands import write_whole
from autograder.instructor.gradescope import results

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest needs there

HERE = Path(__file__).parent
SCRIPTS = ("setup.sh", "run_autograder")
PROGRAM = ("__init__.py", "program.py", "results.py")
KINDS = (".py", ".ini", ".j2", ".json", ".safetensors")  # of files that the course runs on
TIME = (1980, 1, 1, 0, 0, 0)  # of all files: the same content gives the same archive


def write(homework: str, out: Path, seed: int | None, minutes: int) -> int:
    """Write the archive for a homework; returns the exit status.

    Args:
        homework: "hw1" or "hw2".
        out: the archive.
        seed: of the inputs of all submissions; None for a new one.
        minutes: that Gradescope gives a submission.
    """
    if out.suffix != ".zip" or out.is_dir() or not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out names the archive, as autograder.zip in a folder that is there, not {out}.")
    chosen = secrets.randbelow(2**62) if seed is None else seed
    content = archive(homework, chosen, minutes)
    write_whole(out, content)
    click.echo(
        f"{out}: {homework}, {len(content) / 1e6:.1f} MB, seed {chosen}. It holds solutions and the seed: keep it from "
        "students.\nUpload it as the autograder of a programming assignment, on a base image of Ubuntu 22.04 or newer."
    )
    return 0


def archive(homework: str, seed: int, minutes: int = 10) -> bytes:
    """The archive: scripts, program, settings, and the course in the folder course/."""
    with (COURSE / "pyproject.toml").open("rb") as file:
        needed = tomllib.load(file)["project"]["dependencies"]
    settings = {"homework": homework, "seed": seed, "minutes": minutes}
    members = {name: (HERE / name).read_bytes() for name in SCRIPTS}
    members |= {f"gradescope/{name}": (HERE / name).read_bytes() for name in PROGRAM}
    members |= {f"course/{name}": content for name, content in files(homework).items()}
    members["settings.json"] = json.dumps(settings).encode()
    members["unfinished.json"] = json.dumps(results.unfinished(), indent=2).encode()
    members["requirements.txt"] = "\n".join([*needed, ""]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, TIME)
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if name in SCRIPTS else 0o100644) << 16
            zipped.writestr(info, content)
    return packed.getvalue()


def files(homework: str) -> dict[str, bytes]:
    """The files of the course that grade a homework, by name, solutions included."""
    others = [f"autograder/{other}/" for other in homeworks() if other != homework]
    found = {}
    for folder in ("autograder", "data", homework):
        for path in (COURSE / folder).rglob("*"):
            name = path.relative_to(COURSE).as_posix()
            hidden = any(part.startswith(".") for part in Path(name).parts)
            if path.suffix in KINDS and path.is_file() and not hidden and not name.startswith(tuple(others)):
                found[name] = path.read_bytes()
    return found
