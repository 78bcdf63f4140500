"""Meta-SGD, after Li et al. (2017), "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning".

Meta-SGD adapts to a task by one gradient step. It learns from where that step starts, and for every single number of
the parameters how far it goes, and which way.
"""

import torch
import torch.nn.functional as F
from torch import autograd

from hw2 import network, util


class MetaSGD:
    """An initialisation, a learning rate for each of its numbers, and the optimizer of both.

    Args:
        num_outputs: N, the classes of a task.
        inner_lr: what all learning rates are when training begins.
        outer_lr: learning rate of Adam, the optimizer of the outer loop.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: theta, a dict of leaf tensors by name.
        _inner_lrs: alpha, what _initial_rates returned.
    """

    def __init__(self, num_outputs, inner_lr, outer_lr, log_dir, device="cpu"):
        self.device = torch.device(device)
        parameters = network.initial_parameters(num_outputs, self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self._inner_lrs = self._initial_rates(inner_lr)
        self._optimizer = torch.optim.Adam([*self._meta_parameters.values(), *self._inner_lrs.values()], lr=outer_lr)
        self._log_dir = log_dir

    def _forward(self, images, parameters):
        """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters: see hw2/network.py."""
        return network.logits(images, parameters)

    def _on_device(self, task):
        """The four parts of a task, where the parameters are."""
        return [part.to(self.device) for part in task]

    def _initial_rates(self, inner_lr):
        """Make alpha as it is before training: a learning rate for every single number of theta.

        Args:
            inner_lr: the value of all of them.

        Returns:
            A dict by the names of self._meta_parameters. Each tensor has shape, dtype and device of the parameter of
            that name, all its numbers are inner_lr, and the optimizer, which is given these very tensors, can learn
            each of them by itself.
        """
        # TODO: Return a dict of leaf tensors, one for each of self._meta_parameters and like it in shape, filled with
        # inner_lr. What must a tensor have for an optimizer to learn it?
        raise NotImplementedError("MetaSGD._initial_rates is still to do")

    def _inner_loop(self, images, labels, train):
        """Adapt to one task by one step, each number of theta at its own rate (section 3 of the paper).

            phi = theta - alpha * grad_theta L(theta, support),   * number by number

        Args:
            images: support images (N * K, 1, 28, 28).
            labels: integer tensor (N * K,).
            train: whether the outer loop will differentiate through the step.

        Returns:
            (parameters, accuracies): phi, a dict by name like self._meta_parameters, which keep their values; and two
            floats, the support accuracy before the step and after it.
        """
        # TODO: Take one gradient step from theta, and return (parameters, accuracies).
        #
        # What must hold:
        # - L is the mean cross entropy of the support, its logits those of self._forward(images, parameters).
        # - Every number of theta moves by the rate in the same place of self._inner_lrs, as it is: a rate below 0
        #   moves it uphill. theta keeps its values.
        # - accuracies are two floats (util.score computes one): under theta, and under phi.
        # - With train=True gradients of both can be taken: with respect to theta also through the gradient of the
        #   step (second order; what does autograd.grad need for that?), and with respect to the rates.
        # - With train=False phi is the same, but no graph is made of the inner gradient.
        raise NotImplementedError("MetaSGD._inner_loop is still to do")

    def _outer_step(self, task_batch, train):
        """Outer loss of a batch of tasks: how good one step from theta at the rates alpha is.

            min over theta and alpha of the mean over tasks of  L(phi(theta, alpha, support), query)

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query).
            train: whether a gradient of the outer loss will be taken.

        Returns:
            (outer_loss, accuracies_support, accuracy_query): a scalar tensor, the mean over the tasks of the query
            loss at the adapted parameters; two floats, the support accuracies of _inner_loop, averaged over the
            tasks; the query accuracy after adaptation, a float, averaged over the tasks. Gradients are taken and
            the optimizer is stepped by the caller, not here.
        """
        # TODO: Adapt to each task's support by self._inner_loop, judge the adapted parameters on its query, and return
        # (outer_loss, accuracies_support, accuracy_query), all three averaged over the tasks.
        raise NotImplementedError("MetaSGD._outer_step is still to do")
