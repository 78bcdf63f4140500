"""Random numbers that do not depend on what came before."""

import random

import numpy as np
import torch


def reseed(*key: int) -> None:
    """Seed the generators of Python, NumPy and PyTorch by the numbers of a key, such as (seed, iteration).

    A training run does this at every iteration. So iteration 1,000 draws the same random numbers whether the
    run came there without a stop or from a checkpoint, which need not hold the states of three generators.
    """
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
