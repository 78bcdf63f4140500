"""From the command line to a run."""

import functools
import linecache
import shlex
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from click.core import ParameterSource

from trainer import checkpoint
from trainer.run import Run, difference, folder_of
from trainer.seeds import reseed


class Setting(click.Option):
    """An option that decides the result.

    It is in the name of the run's folder and in its checkpoints, and it stays the same when the run goes on.
    """


POSITIVE = click.IntRange(min=1)
setting = functools.partial(click.option, cls=Setting, show_default=True)


def program(method: str, num_iterations: int) -> Callable[[Callable[[Run], None]], Callable[..., None]]:
    """Make the body of a click command of a function of a `Run`.

    Adds the options that all training programs share, and says in one sentence what is still to do or wrong with the command
    line. Mistakes in the student's code keep their traceback.

    Args:
        method: the run's name.
        num_iterations: default of --num-iterations.
    """
    options = [
        setting("--data", default="omniglot", help="omniglot, glyphs (drawn offline) or a folder."),
        setting("--seed", type=click.IntRange(min=0), default=0),
        click.option("--num-iterations", type=POSITIVE, default=num_iterations, show_default=True),
        click.option("--val-interval", type=POSITIVE, default=100, show_default=True,
                     help="Iterations from one validation and checkpoint to the next."),
        click.option("--device", type=click.Choice(["cpu", "cuda", "mps"]), default="cpu", show_default=True),
        click.option("--threads", type=POSITIVE, help="CPU threads of PyTorch.  [default: its own choice]"),
        click.option("--log-dir", type=click.Path(path_type=Path, file_okay=False),
                     help="Where log, curve and checkpoints go.  [default: logs/..., named by the settings]"),
        click.option("--resume", is_flag=True, help="Go on from the last checkpoint."),
        click.option("--restart", is_flag=True, help="Begin anew and forget an earlier run of these settings."),
        click.option("--test", is_flag=True, help="Test the best checkpoint on 600 meta-test tasks."),
        click.option("--checkpoint", type=click.Path(path_type=Path, dir_okay=False),
                     help="The checkpoint to --resume or to --test, with its settings."),
    ]  # fmt: skip

    def decorate(body: Callable[[Run], None]) -> Callable[..., None]:
        @click.pass_context
        @functools.wraps(body)
        def command(context: click.Context, **_: Any) -> None:
            try:
                run = open_run(method, context)
                reseed(run.settings["seed"], 0)  # before the body makes the model
                body(run)
            except NotImplementedError as error:
                if sentence := still_to_do(error, Path(body.__code__.co_filename).parent):
                    raise click.ClickException(sentence) from None
                raise

        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def open_run(method: str, context: click.Context) -> Run:
    """Make a run of a command's options. What the command line leaves open, the run's checkpoint decides.

    Raises:
        click.ClickException: the options do not go together, or not with the checkpoint or the machine.
    """
    given = context.params
    settings = {option.name: given[option.name] for option in context.command.params if isinstance(option, Setting)}
    testing, resume, path = given["test"], given["resume"], given["checkpoint"]
    if testing + resume + given["restart"] > 1:
        raise click.UsageError("--resume, --restart and --test exclude each other.")
    if path and not (testing or resume):
        raise click.UsageError("--checkpoint needs --test or --resume.")
    if given["device"] == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("PyTorch finds no cuda device here: use --device cpu.")
    if given["device"] == "mps" and not torch.backends.mps.is_available():
        raise click.ClickException("PyTorch finds no mps device here: use --device cpu.")
    if given["threads"]:
        torch.set_num_threads(given["threads"])

    folder = given["log_dir"] or (path.parent if path else folder_of(method, settings))
    if testing or resume:
        path = path or folder / ("best.safetensors" if testing else "last.safetensors")
        facts = checkpoint.read_facts(path)
        if facts["method"] != method:
            raise click.ClickException(f"{path} was trained by {facts['method']}, not {method}.")
        asked = {name: value for name, value in settings.items() if _is_given(context, name)}
        if resume and (reason := difference(facts["settings"], asked)):
            raise click.ClickException(f"{path} was trained with {reason}; a run goes on with the settings it began with.")
        settings = facts["settings"] | asked
    elif (folder / "last.safetensors").exists() and not given["restart"]:
        raise click.ClickException(
            f"{folder} holds a run already: go on with it by --resume, or replace it by --restart."
        )
    return Run(
        method=method,
        settings=settings,
        folder=folder,
        device=given["device"],
        num_iterations=given["num_iterations"],
        val_interval=given["val_interval"],
        testing=testing,
        checkpoint=path,
        command=_command(context, folder),
    )


def still_to_do(error: NotImplementedError, home: Path) -> str:
    """Name the stub that raised an error, if it was one in the folder `home`; "" if not.

    PyTorch raises NotImplementedError too, where a device lacks an operation, and that is nobody's TODO.
    """
    frame, line = list(traceback.walk_tb(error.__traceback__))[-1]
    file = Path(frame.f_code.co_filename)
    if file.parent != home or not linecache.getline(str(file), line).lstrip().startswith("raise NotImplementedError"):
        return ""
    owner = f"{type(frame.f_locals['self']).__name__}." if "self" in frame.f_locals else ""
    name = f"{owner}{frame.f_code.co_name}"
    return f"{home.name}/{file.name}: {name} is still to do: fill in its TODO, then run this command again."


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) == ParameterSource.COMMANDLINE


def _command(context: click.Context, folder: Path) -> str:
    """Write the command line once more, less what asks for a test, a restart or a checkpoint."""
    words = context.command_path.split()
    for option in context.command.params:
        if _is_given(context, option.name) and option.name not in ("resume", "restart", "test", "checkpoint", "log_dir"):
            words.append(option.opts[0] if option.is_flag else f"{option.opts[0]}={context.params[option.name]}")
    if _is_given(context, "log_dir") or _is_given(context, "checkpoint"):
        words.append(f"--log-dir={folder}")
    return shlex.join(words)
