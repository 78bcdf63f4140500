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

from data import copies, output
from data.images import DrawingError
from trainer import checkpoint
from trainer.machine import machine
from trainer.run import Run, difference, folder_of
from trainer.seeds import reseed


class Setting(click.Option):
    """An option that decides the result.

    It is in the run's checkpoints, and where it is not the usual one in the name of its folder. It stays the same when
    the run goes on.
    """


COUNT = click.IntRange(min=1)
setting = functools.partial(click.option, cls=Setting, show_default=True)
option = functools.partial(click.option, show_default=True)


def together(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make one decorator of several, such as a group of options; the first is the outermost."""

    def decorate(decorated: Any) -> Any:
        for decorator in reversed(decorators):
            decorated = decorator(decorated)
        return decorated

    return decorate


def program(method: str, num_iterations: int) -> Callable[[Callable[[Run], None]], Callable[..., None]]:
    """Turn a function of a `Run` into a click command with the options that all training programs share.

    What is still to do, or wrong with the command line or the drawings, is said in one sentence; mistakes in the
    student's code keep their traceback.

    Args:
        method: the run's name.
        num_iterations: default of --num-iterations.
    """
    options = together(
        setting("--data", default="omniglot", help="omniglot, glyphs (drawn offline) or a folder."),
        setting("--seed", type=click.IntRange(min=0), default=0, help="Of the parameters and of the tasks."),
        option("--num-iterations", type=COUNT, default=num_iterations, help="When training ends."),
        option(
            "--minutes",
            type=click.FloatRange(min=0, min_open=True),
            help="Of processor time, validation not counted: training ends after them, if it has not before.",
        ),
        option("--val-interval", type=COUNT, default=100, help="Iterations between validations."),
        option(
            "--device",
            type=click.Choice(["cpu", "cuda", "mps", "auto"]),
            default="cpu",
            callback=lambda context, parameter, device: found_device(device),
            help="What computes; auto takes a GPU where PyTorch finds one.",
        ),
        option("--threads", type=COUNT, help="CPU threads; if not given, one for each core that no worker needs."),
        option("--log-dir", type=Path, help="Log and checkpoints; a folder in logs/ if not given."),
        option("--resume", is_flag=True, help="Go on from the last checkpoint."),
        option("--restart", is_flag=True, help="Begin anew, over an earlier run of these settings."),
        option("--test", is_flag=True, help="Test the best checkpoint on 600 meta-test tasks."),
        option("--checkpoint", type=Path, help="Resume or test this one, with its settings."),
    )

    def decorate(body: Callable[[Run], None]) -> Callable[..., None]:
        @functools.wraps(body)
        def command(**_: Any) -> None:
            output.for_any_terminal()
            source = Path(body.__code__.co_filename).resolve()
            if standing := copies.other([source.relative_to(copies.HERE).as_posix()]):
                raise click.ClickException(copies.warning(standing))
            try:
                run = open_run(method, click.get_current_context())
                reseed(run.settings["seed"], 0)  # before the body makes the model
                body(run)
            except NotImplementedError as error:
                if sentence := still_to_do(error):
                    raise click.ClickException(sentence) from None
                raise
            except DrawingError as error:
                raise click.ClickException(f"{error}.") from None

        finished: Callable[..., None] = options(command)
        return finished

    return decorate


def open_run(method: str, context: click.Context) -> Run:
    """Make a run of a command's options; settings that the command line leaves open come from the checkpoint.

    Raises:
        click.ClickException: the options do not go together, or not with the checkpoint or the machine.
    """
    given, checkpoint_path = context.params, context.params["checkpoint"]
    testing, resuming, restarting = given["test"], given["resume"], given["restart"]
    if testing + resuming + restarting > 1:
        raise click.UsageError("--resume, --restart and --test exclude each other.")
    if checkpoint_path and not (testing or resuming):
        raise click.UsageError("--checkpoint needs --test or --resume.")
    if checkpoint_path and given["log_dir"]:
        raise click.UsageError("--checkpoint says where the run lies: leave out --log-dir.")
    use_device(given["device"])
    workers = 0 if testing else given.get("num_workers", 0)  # each is busy on a core of its own
    torch.set_num_threads(given["threads"] or max(1, torch.get_num_threads() - workers))

    parameters = [parameter for parameter in context.command.params if isinstance(parameter, Setting)]
    settings = {parameter.name: given[parameter.name] for parameter in parameters}
    recipe = context.meta.get("recipe")
    usual = {p.name: p.default if _is_given(context, p.name) else settings[p.name] for p in parameters}
    named = folder_of(method, settings, recipe, usual)
    folder = given["log_dir"] or (checkpoint_path.parent if checkpoint_path else named)
    if testing or resuming:
        checkpoint_path = checkpoint_path or folder / f"{'best' if testing else 'last'}.safetensors"
        facts = checkpoint.read_facts(checkpoint_path)
        if facts["method"] != method:
            raise click.ClickException(f"{checkpoint_path} was trained by {facts['method']}, not {method}.")
        # A setting that is newer than the checkpoint was not there to be given.
        trained = {parameter.name: parameter.get_default(context) for parameter in parameters} | facts["settings"]
        asked = {name: value for name, value in settings.items() if _is_given(context, name)}
        if resuming and (reason := difference(trained, asked)):
            raise click.ClickException(f"{checkpoint_path} cannot go on: it was trained with {reason}.")
        settings = trained | asked
    elif (folder / "last.safetensors").exists() and not restarting:
        raise click.ClickException(f"{folder} holds a run: go on with --resume, or replace it with --restart.")
    return Run(
        method=method,
        settings=settings,
        folder=folder,
        device=given["device"],
        num_iterations=given["num_iterations"],
        val_interval=given["val_interval"],
        testing=testing,
        checkpoint=checkpoint_path,
        options=given,
        command=_command(context, folder),
        recipe=recipe,
        machine=machine(given["device"], torch.get_num_threads()),
        minutes=given["minutes"],
    )


def found_device(device: str) -> str:
    """Return a device, or for "auto" the fastest kind that PyTorch finds here."""
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def use_device(device: str) -> None:
    """Check that PyTorch finds a device.

    Raises:
        click.ClickException: it does not.
    """
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not found[device]:
        raise click.ClickException(f"PyTorch finds no {device} device on this machine: use --device cpu.")


def still_to_do(error: NotImplementedError, again: str = "command", course: Path = copies.HERE) -> str:
    """Name the stub that raised an error, if it was one of a homework, and what to run again; "" if not.

    PyTorch raises NotImplementedError too, where a device lacks an operation, and that is nobody's TODO.
    """
    frame, number = list(traceback.walk_tb(error.__traceback__))[-1]
    file = Path(frame.f_code.co_filename)
    line = linecache.getline(str(file), number).strip()
    home = file.parent
    if home not in course.glob("hw*") or not line.startswith("raise NotImplementedError"):
        return ""
    owner = f"{type(frame.f_locals['self']).__name__}." if "self" in frame.f_locals else ""
    todo = f"{owner}{frame.f_code.co_name}"
    return f"{home.name}/{file.name}: {todo} is still to do: fill in its TODO, then run this {again} again."


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) == ParameterSource.COMMANDLINE


def _command(context: click.Context, folder: Path) -> str:
    """Write the command line once more, less what asks for a test, a restart or one checkpoint."""
    if recipe := context.meta.get("recipe"):
        words = [word for word in context.meta["words"] if word not in ("--resume", "--restart", "--test")]
        return " ".join([context.find_root().command_path, "--recipe", recipe, *map(shlex.quote, words)])
    words = []
    for parameter in context.command.params:
        if parameter.name in ("resume", "restart", "test", "checkpoint", "log_dir"):
            continue
        if _is_given(context, parameter.name):
            value = context.params[parameter.name]
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    if _is_given(context, "log_dir") or _is_given(context, "checkpoint"):
        words += ["--log-dir", str(folder)]
    return " ".join([context.command_path, *map(shlex.quote, words)])
