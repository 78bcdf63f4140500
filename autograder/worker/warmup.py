"""What makes torch start and end sooner, and changes nothing that it computes: imported before torch is."""

import gc

gc.disable()  # nothing of what an import makes is garbage, and to look for it takes a seventh of the time
import torch  # noqa: E402

gc.freeze()  # nor need it be looked through when Python ends
gc.enable()


def skip_the_compiler() -> None:
    """Let optimizers be made without torch's compiler, whose import takes a second that few homeworks need.

    Methods of Optimizer import it when they are first called, only to be told that they are not to be compiled; they
    remember it in this attribute (torch/_compile.py). Where another version of torch does not, nothing happens.
    """
    for method in vars(torch.optim.Optimizer).values():
        function = getattr(method, "__wrapped__", None)
        if function is not None:
            function.__dynamo_disable = function
