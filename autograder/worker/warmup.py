"""What makes torch start sooner, and changes nothing that it computes."""

import torch


def skip_the_compiler() -> None:
    """Let optimizers be made without torch's compiler, whose import takes a second that few homeworks need.

    Methods of Optimizer import it when they are first called, only to be told that they are not to be compiled; they
    remember it in this attribute (torch/_compile.py). Where another version of torch does not, nothing happens.
    """
    for method in vars(torch.optim.Optimizer).values():
        function = getattr(method, "__wrapped__", None)
        if function is not None:
            function.__dynamo_disable = function
