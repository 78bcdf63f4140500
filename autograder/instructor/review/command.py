"""The command: opens the class, says where the page is, and serves it to this machine alone until Ctrl-C."""

import importlib.util
import secrets
from collections.abc import Sequence
from pathlib import Path

import click

from autograder import untrusted
from autograder.exit_status import FULL_MARKS
from autograder.instructor.classroom import layouts, pages
from autograder.instructor.classroom.policy import PolicyError
from autograder.instructor.classroom.result_store import StoreError
from autograder.instructor.classroom.similar import MissingError
from autograder.instructor.decisions.log import DecisionError, user

HOST = "127.0.0.1"


def check_installed() -> None:
    """Find out early.

    Raises:
        MissingError: Flask is not there.
    """
    if importlib.util.find_spec("flask") is None:
        raise MissingError("review needs Flask: `python -m pip install -e '.[review]'` installs it.")


def review(
    out: Path, port: int, submissions: Path | None, author: str, anonymous: bool, isolation: Sequence[str] = ()
) -> int:
    """Serve the pages of a class until somebody stops it; the exit status.

    Args:
        out: the class's folder.
        port: of this machine; 0 for one that is free.
        submissions: where they lie; None for where the run that graded them found them.
        author: who decides; the user if empty.
        anonymous: whether pages say numbers in the place of names.
        isolation: options of the class command, for who is graded again.
    """
    try:
        check_installed()
        from autograder.instructor.review import server
        from autograder.instructor.review.reviewed import Class

        if submissions:
            layouts.find(submissions)
        reviewed = Class(out, submissions, anonymous, isolation)
        token = secrets.token_urlsafe(32)
        serving = server.bound(reviewed, token, untrusted.name(author) or user(), HOST, port)
    except (
        *(MissingError, StoreError, DecisionError, PolicyError),
        *(pages.ResultError, layouts.LayoutError),
    ) as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(
            f"Port {port} of {HOST} cannot be used: {error.strerror}; choose another --port."
        ) from None
    if reviewed.work.problem:
        click.echo(f"Note: {reviewed.work.problem}", err=True)
    click.echo(f"{len(reviewed.state().students)} students. Open this address, and give it to nobody; Ctrl-C ends it:")
    click.echo(f"http://{HOST}:{serving.port}/?token={token}")
    try:
        serving.serve_forever()  # until Ctrl-C, which is no error
    finally:
        reviewed.regrading.stop()
    return FULL_MARKS
