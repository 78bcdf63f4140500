"""What both problems of homework 2 need."""

import torch


def score(logits, labels):
    """Accuracy of logits.

    Args:
        logits: float tensor (n, N).
        labels: integer tensor (n,) with values 0 .. N-1.

    Returns:
        The share of rows whose largest logit is at their label, a float.
    """
    return torch.mean((logits.argmax(dim=-1) == labels).float()).item()
