"""How much memory a computation takes, in bytes of tensors: the same on every machine, however busy it is."""

import weakref
from typing import Any

from autograder.worker.warmup import is_not_compiled  # isort: split

import torch
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode


class TensorMemory(TorchDispatchMode):
    """Count the bytes of the tensors that operations make while this is entered, and that somebody still holds.

        with TensorMemory() as memory:
            method._inner_loop(images, labels)
        memory.peak

    What a graph keeps for its backward pass counts as what the program holds. Views share their tensor's bytes.

    Attributes:
        peak: the most bytes that were held at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._storages: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        tree.tree_map_only(torch.Tensor, self._count, answer)
        return answer

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._storages:
            return
        size = storage.nbytes()

        def freed(_: object) -> None:
            self.held -= size
            self._storages.pop(key, None)

        self._storages[key] = weakref.ref(storage, freed)
        self.held += size
        self.peak = max(self.peak, self.held)


is_not_compiled(TensorMemory)  # to import the compiler takes seconds, and memory
