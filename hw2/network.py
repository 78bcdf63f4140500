"""The network that methods adapt: a function of images and of a dict of parameters, so that others can be put in."""

import torch
import torch.nn.functional as F
from torch import nn

NUM_INPUT_CHANNELS = 1
NUM_HIDDEN_CHANNELS = 32
KERNEL_SIZE = 3
NUM_CONV_LAYERS = 4


def initial_parameters(num_outputs, device="cpu"):
    """Make theta as it is before training.

    Args:
        num_outputs: N, the classes of a task.
        device: where to compute.

    Returns:
        A dict of tensors by name: of each convolution "conv0" (32, 1, 3, 3) and "b0" (32,), and so on to "conv3"
        and "b3"; of the linear layer "w4" (N, 32) and "b4" (N,).
    """
    parameters = {}
    in_channels = NUM_INPUT_CHANNELS
    for i in range(NUM_CONV_LAYERS):
        shape = (NUM_HIDDEN_CHANNELS, in_channels, KERNEL_SIZE, KERNEL_SIZE)
        parameters[f"conv{i}"] = nn.init.xavier_uniform_(torch.empty(shape, device=device))
        parameters[f"b{i}"] = torch.zeros(NUM_HIDDEN_CHANNELS, device=device)
        in_channels = NUM_HIDDEN_CHANNELS
    shape = (num_outputs, NUM_HIDDEN_CHANNELS)
    parameters[f"w{NUM_CONV_LAYERS}"] = nn.init.xavier_uniform_(torch.empty(shape, device=device))
    parameters[f"b{NUM_CONV_LAYERS}"] = torch.zeros(num_outputs, device=device)
    return parameters


def logits(images, parameters):
    """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters.

    Convolutions of stride 2, each with batch normalisation by the statistics of these images; then the mean over
    positions and a linear layer.
    """
    x = images
    for i in range(NUM_CONV_LAYERS):
        x = F.conv2d(x, parameters[f"conv{i}"], parameters[f"b{i}"], stride=2, padding=KERNEL_SIZE // 2)
        x = F.relu(F.batch_norm(x, None, None, training=True))
    return F.linear(x.mean(dim=(2, 3)), parameters[f"w{NUM_CONV_LAYERS}"], parameters[f"b{NUM_CONV_LAYERS}"])
