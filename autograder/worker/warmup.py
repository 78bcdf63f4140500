"""What makes torch start and end sooner, and imageio read sooner, and changes no number: imported before torch is."""

import gc
import sys
from importlib import util
from typing import Any

gc.disable()  # nothing of what an import makes is garbage, and to look for it takes a seventh of the time
import torch  # noqa: E402

gc.freeze()  # nor need it be looked through when Python ends
gc.enable()


HEIF = "pillow_heif"  # imageio tries to import it for each picture that it reads: a third of the time of reading one
if util.find_spec(HEIF) is None:
    sys.modules[HEIF] = None  # type: ignore[assignment]


def skip_the_compiler() -> None:
    """Leave what is compiled as it is, and let optimizers be made without torch's compiler.

    To import the compiler takes half a minute, and to compile a small network longer than all that is asked of it.
    """
    is_not_compiled(torch.optim.Optimizer)
    for place, name in ((torch, "compile"), (torch.compiler, "compile"), (torch.compiler, "disable")):
        setattr(place, name, _as_it_is)
    module: Any = torch.nn.Module
    module.compile = lambda self, *options, **named: None


def keep_the_threads() -> None:
    """Leave the numbers of threads as they are: on a busy machine two take fifty times as long as one, spinning."""
    for name in ("set_num_threads", "set_num_interop_threads"):
        setattr(torch, name, lambda number: None)


def is_not_compiled(kind: type) -> None:
    """Let the methods of a class of torch's know that they are not to be compiled.

    Some of them import the compiler when they are first called, only to be told so; they remember it in this attribute
    (torch/_compile.py). Where another version of torch does not, nothing happens.
    """
    for method in vars(kind).values():
        function = getattr(method, "__wrapped__", None)
        if function is not None:
            function.__dynamo_disable = function


def _as_it_is(model: Any = None, *options: Any, **named: Any) -> Any:
    """Stand in for torch.compile: as a function, or a decorator with or without options."""
    compiled = named.get("fn") if model is None else model
    return _as_it_is if compiled is None else compiled
