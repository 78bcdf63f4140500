"""Random numbers that do not depend on what came before."""

import random

import numpy as np
import torch


def reseed(*key: int, accelerators: bool = True) -> None:
    """Seed the generators of Python, NumPy and PyTorch by the numbers of a key, such as (seed, iteration).

    A training run does this at every iteration. So iteration 1,000 draws the same random numbers whether the
    run came there without a stop or from a checkpoint, which need not hold the states of three generators.
    """
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    # Not torch.manual_seed: for each kind of accelerator that is not there it formats a stack trace, in milliseconds.
    torch.default_generator.manual_seed(seed)
    if accelerators and torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    if accelerators and torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
